use bytes::Bytes;
use serde_json::{Map, Value};

use crate::domain::integrity::shasum_of;
use crate::domain::{DistTag, Integrity, PackageName, TarballContents, Version, tarball};
use crate::limits::Limits;

use super::tidied::tidied;
use super::{Publication, PublishError};

/// Options of publishing a tarball, which take precedence over its `package.json`.
#[derive(Debug, Clone, Default)]
pub struct TarballOptions {
    /// The tag; `None` uses `publishConfig.tag`, or else `latest`.
    pub tag: Option<DistTag>,
    /// Whether the package is private; `None` uses `publishConfig.access`.
    pub restricted: Option<bool>,
}

impl Publication {
    /// Verifies a tarball as `npm pack` creates it, for publishing under `tag`. Name, version and manifest are its own.
    ///
    /// Takes time in proportion to the unpacked size: call it on a blocking thread.
    pub fn from_tarball(tarball: Bytes, tag: DistTag, limits: &Limits) -> Result<Self, PublishError> {
        let options = TarballOptions { tag: Some(tag), ..TarballOptions::default() };
        Self::from_tarball_with(tarball, options, limits)
    }

    /// Like [`Self::from_tarball`], with the behavior of `npm publish FILE.tgz`: the `publishConfig` of its
    /// `package.json` decides what `options` leave open. A prerelease requires an explicit tag.
    pub fn from_tarball_with(
        tarball: Bytes,
        options: TarballOptions,
        limits: &Limits,
    ) -> Result<Self, PublishError> {
        let contents = tarball::inspect(&tarball, limits)?;
        let text = |field: &str| contents.manifest.get(field).and_then(Value::as_str).unwrap_or_default();
        let name = PackageName::parse(text("name"))?;
        let version = Version::parse(cleaned(text("version")))?;
        if contents.manifest.get("private") == Some(&Value::Bool(true)) {
            return Err(PublishError::Private);
        }
        let configured = contents.manifest.get("publishConfig").and_then(Value::as_object);
        let tag = match (options.tag, configured_text(configured, "tag")?) {
            (Some(tag), _) => tag,
            (None, Some(tag)) => DistTag::parse(tag)?,
            (None, None) if version.is_prerelease() => {
                return Err(PublishError::PrereleaseWithoutTag { version });
            }
            (None, None) => DistTag::latest(),
        };
        let restricted = match (options.restricted, configured_text(configured, "access")?) {
            (Some(restricted), _) => restricted,
            (None, Some("restricted")) => true,
            (None, None | Some("public")) => false,
            (None, Some(_)) => return Err(PublishError::PublishConfig { field: "access" }),
        };
        if restricted && name.scope().is_none() {
            return Err(PublishError::RestrictedWithoutScope);
        }
        let manifest = tidied(&contents, name.as_str(), version.as_str(), &tarball);
        let integrity = Integrity::of(&tarball);
        let shasum = shasum_of(&tarball);
        let publication = Self {
            name,
            version,
            tag,
            tarball,
            integrity,
            readme: None,
            restricted,
            provenance: None,
            shasum,
            manifest,
            contents,
        };
        publication.completed()
    }

    /// Returns the content of the tarball.
    pub fn contents(&self) -> &TarballContents {
        &self.contents
    }
}

/// Normalizes the version as npm does on publish.
fn cleaned(version: &str) -> &str {
    let version = version.trim_start_matches(['=', 'v', ' ']).trim();
    version.split('+').next().unwrap_or(version)
}

fn configured_text<'a>(
    configured: Option<&'a Map<String, Value>>,
    field: &'static str,
) -> Result<Option<&'a str>, PublishError> {
    match configured.and_then(|configured| configured.get(field)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(PublishError::PublishConfig { field }),
    }
}
