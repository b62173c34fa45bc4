use bytes::Bytes;

use crate::auth::Caller;
use crate::domain::{PackageName, Version};
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
        self.require_read(caller, name)?;
        let none = || Error::NoAttestations { name: name.clone(), version: version.clone() };
        // What no upstream may be asked for needs no look into the store either.
        if self.upstreams_of(name).next().is_none()
            || self.if_hosted(name, || self.read_index(name)).await?.is_some()
        {
            return Err(none());
        }
        let upstream = self.upstream_that_has(name).await?.ok_or_else(none)?;
        upstream.upstream.attestations(name, version).await?.ok_or_else(none)
    }
}
