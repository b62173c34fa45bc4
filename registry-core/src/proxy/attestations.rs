use bytes::Bytes;

use crate::Error;
use crate::auth::Caller;
use crate::domain::{PackageName, Version};
use crate::error::ProxyError;
use crate::proxy::Proxy;

impl Proxy {
    pub(crate) async fn attestations(
        &self,
        caller: &Caller,
        name: &PackageName,
        version: &Version,
    ) -> Result<Bytes, Error> {
        self.authorization.require_read(caller, name)?;
        let none =
            || Error::Proxy(ProxyError::NoAttestations { name: name.clone(), version: version.clone() });
        let catalog = self.catalog();
        // If no upstream may be asked, the store lookup is skipped.
        if self.upstreams_of(name).next().is_none()
            || catalog.if_hosted(name, || catalog.read_packument(name)).await?.is_some()
        {
            return Err(none());
        }
        let upstream = self.upstream_that_has(name).await?.ok_or_else(none)?;
        if self.policy_of(upstream, name).await?.stamp() != 0 {
            // Finds the version, and rejects one that a policy refuses.
            let _ = self.tarball_source(name, version).await?;
        }
        upstream.upstream.attestations(name, version).await?.ok_or_else(none)
    }
}
