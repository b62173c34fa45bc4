use bytes::Bytes;

use crate::auth::Caller;
use crate::domain::{PackageName, Version};
use crate::proxy::TrimmedUpstreamCache;
use crate::{Error, Registry};

impl Registry {
    /// What others attest of a version, as JSON in npm's form, as the upstream that it comes from tells it. None are
    /// kept of packages that are hosted here, and no upstream is asked about those.
    pub async fn attestations(
        &self,
        caller: &Caller,
        name: &PackageName,
        version: &Version,
    ) -> Result<Bytes, Error> {
        self.proxy().attestations(caller, name, version).await
    }

    /// Deletes what was not used for the longest time of what is kept of other registries, if it is more than the limit
    /// set with [`upstream_cache_bytes`](crate::RegistryBuilder::upstream_cache_bytes), until nine tenths of that are
    /// left. What was used in the last two minutes stays. Happens by itself behind requests; call it where nothing runs between requests, and on a schedule.
    pub async fn trim_upstream_cache(&self) -> Result<TrimmedUpstreamCache, Error> {
        self.proxy().trim_upstream_cache().await
    }

    /// The keys that the upstreams sign packages with, as JSON in npm's form, each once. They are kept in memory for
    /// as long as packuments of upstreams are, and longer while an upstream does not answer.
    pub async fn signing_keys(&self) -> Result<Vec<u8>, Error> {
        self.proxy().signing_keys().await
    }
}
