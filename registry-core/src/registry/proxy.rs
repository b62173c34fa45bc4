use bytes::Bytes;

use crate::auth::Caller;
use crate::domain::{PackageName, Version};
use crate::proxy::TrimmedUpstreamCache;
use crate::{Error, Registry};

impl Registry {
    /// Returns the attestations of a version, as JSON in npm's format, from the upstream that it comes from. Hosted
    /// packages have none, and no upstream is asked about them.
    pub async fn attestations(
        &self,
        caller: &Caller,
        name: &PackageName,
        version: &Version,
    ) -> Result<Bytes, Error> {
        self.proxy().attestations(caller, name, version).await
    }

    /// Deletes the least recently used blobs of the upstream cache if it exceeds the limit set with
    /// [`upstream_cache_bytes`](crate::RegistryBuilder::upstream_cache_bytes), until it holds nine tenths of that.
    /// Blobs used in the last two minutes stay. Requests trigger it in the background; call it on a schedule where
    /// nothing runs between requests.
    pub async fn trim_upstream_cache(&self) -> Result<TrimmedUpstreamCache, Error> {
        self.proxy().trim_upstream_cache().await
    }

    /// Returns the keys that the upstreams sign packages with, deduplicated, as JSON in npm's format. They are cached
    /// in memory as long as upstream packuments are fresh, and longer while an upstream fails.
    pub async fn signing_keys(&self) -> Result<Vec<u8>, Error> {
        self.proxy().signing_keys().await
    }
}
