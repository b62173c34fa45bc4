//! Bills of materials in the format of CycloneDX 1.6.

mod component;
mod document;

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Error;
use crate::auth::Caller;
use crate::domain::lockfile::LockedPackage;
use crate::domain::{PackageName, Version};
use crate::error::PackageError;
use crate::packages::Packages;
use crate::upstream::PackumentForm;

use component::Component;

/// How many packages are read concurrently.
const CONCURRENT_READS: usize = 16;

/// What a bill of materials is about.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SbomSubject {
    /// A version of a package; `None` for the one that `latest` names.
    Package(PackageName, Option<Version>),
    /// What a lock file takes from registries, for an application of this name.
    Lockfile(String, Vec<LockedPackage>),
}

/// The parts of a packument that are read.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(rename = "dist-tags", default)]
    dist_tags: std::collections::HashMap<String, String>,
    #[serde(borrow, default)]
    versions: std::collections::HashMap<std::borrow::Cow<'a, str>, &'a RawValue>,
}

impl Packages {
    /// Writes a bill of materials. Without a reader, it answers an operator, who needs no right.
    pub(crate) async fn sbom(
        &self,
        reader: Option<&Caller>,
        subject: &SbomSubject,
        base: &Arc<str>,
    ) -> Result<Value, Error> {
        let now = self.parts.clock.now();
        // After the rights of the reader are known. Advisories that cannot be read are no absence of any.
        let advisories = || self.parts.catalog.policies.advisories();
        match subject {
            SbomSubject::Package(name, version) => {
                let found = self.component(reader, name, version.as_ref(), base).await?;
                Ok(document::of_package(&found, advisories().await?.as_deref(), now))
            }
            SbomSubject::Lockfile(application, locked) => {
                let reads = locked.clone().into_iter().map(|locked| async move {
                    match self.component(reader, &locked.name, Some(&locked.version), base).await {
                        Ok(found) => Ok(found),
                        // What this registry does not serve is in the application all the same.
                        Err(Error::Package(_) | Error::Policy(_)) => Ok(Component::of_lock(&locked)),
                        Err(error) => Err(error),
                    }
                });
                let components: Vec<_> = stream::iter(reads).buffered(CONCURRENT_READS).try_collect().await?;
                Ok(document::of_lockfile(application, &components, advisories().await?.as_deref(), now))
            }
        }
    }

    async fn component(
        &self,
        reader: Option<&Caller>,
        name: &PackageName,
        version: Option<&Version>,
        base: &Arc<str>,
    ) -> Result<Component, Error> {
        if let Some(caller) = reader {
            self.authorization.require_read(caller, name)?;
        }
        let packument = self.packument_for(reader, name, PackumentForm::Full, base).await?;
        let document: Document<'_> = serde_json::from_slice(&packument.identity).map_err(Error::internal)?;
        let latest = document.dist_tags.get("latest").map(String::as_str);
        let wanted = version.map(Version::as_str).or(latest).unwrap_or_default();
        let Some(manifest) = document.versions.get(wanted) else {
            if let Some(decisions) = &packument.decisions {
                crate::catalog::require_selectable(name, wanted, decisions)?;
            }
            let selector = format!("{name}@{wanted}");
            return Err(Error::Package(PackageError::VersionNotFound { selector }));
        };
        let manifest: Value = serde_json::from_str(manifest.get()).map_err(Error::internal)?;
        Ok(Component::of_manifest(name, wanted, &manifest))
    }
}
