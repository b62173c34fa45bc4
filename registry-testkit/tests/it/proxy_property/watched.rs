use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use registry_core::domain::{PackageName, Version};
use registry_core::upstream::{
    PackumentForm, Upstream, UpstreamError, UpstreamPackument, UpstreamTarball, Validators,
};
use registry_testkit::ScriptedUpstream;
use serde_json::Value;

/// Version → integrity, as a packument has them.
pub(super) type Named = BTreeMap<String, String>;

/// The upstream of a story, and a record of what it said.
#[derive(Debug, Clone, Default)]
pub(super) struct Watched {
    pub(super) script: ScriptedUpstream,
    said: Arc<Mutex<Said>>,
}

#[derive(Debug, Default)]
struct Said {
    packuments: Vec<Named>,
    by_etag: BTreeMap<Option<String>, Named>,
    failed: bool,
}

impl Watched {
    /// Every packument that was handed out, or confirmed, oldest first.
    pub(super) fn packuments(&self) -> Vec<Named> {
        self.said.lock().unwrap().packuments.clone()
    }

    /// Whether it failed to give a packument since this was last forgotten.
    pub(super) fn failed(&self) -> bool {
        self.said.lock().unwrap().failed
    }

    pub(super) fn forget_failures(&self) {
        self.said.lock().unwrap().failed = false;
    }
}

pub(super) fn named(packument: &[u8]) -> Named {
    let packument: Value = serde_json::from_slice(packument).unwrap();
    let versions = packument["versions"].as_object().unwrap().iter();
    versions
        .map(|(version, manifest)| {
            (version.clone(), manifest["dist"]["integrity"].as_str().unwrap().to_owned())
        })
        .collect()
}

#[async_trait]
impl Upstream for Watched {
    async fn packument(
        &self,
        name: &PackageName,
        form: PackumentForm,
        known: &Validators,
    ) -> Result<UpstreamPackument, UpstreamError> {
        let answer = self.script.packument(name, form, known).await;
        let mut said = self.said.lock().unwrap();
        let now = match &answer {
            Ok(UpstreamPackument::Found { bytes, validators, .. }) => {
                let named = named(bytes);
                said.by_etag.insert(validators.etag.clone(), named.clone());
                Some(named)
            }
            // Asked for anew, it might be another one already.
            Ok(UpstreamPackument::Unchanged) => Some(said.by_etag[&known.etag].clone()),
            Ok(UpstreamPackument::Missing) => Some(Named::new()),
            Err(_) => None,
        };
        said.failed |= now.is_none();
        said.packuments.extend(now);
        answer
    }

    async fn tarball(&self, url: &str) -> Result<Option<UpstreamTarball>, UpstreamError> {
        self.script.tarball(url).await
    }

    async fn search(&self, query: &str) -> Result<Option<Bytes>, UpstreamError> {
        self.script.search(query).await
    }

    async fn advisories(&self, packages: Bytes) -> Result<Option<Bytes>, UpstreamError> {
        self.script.advisories(packages).await
    }

    async fn keys(&self) -> Result<Option<Bytes>, UpstreamError> {
        self.script.keys().await
    }

    async fn attestations(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Option<Bytes>, UpstreamError> {
        self.script.attestations(name, version).await
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.script.fmt(formatter)
    }
}
