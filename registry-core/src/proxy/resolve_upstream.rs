use crate::Error;
use crate::domain::PackageName;
use crate::proxy::Proxy;
use crate::upstream::PackumentForm;

use super::NamedUpstream;
use super::freshness::State;

impl Proxy {
    /// Returns the upstream that a package comes from: the first that has it, in the order that packuments and tarballs
    /// use.
    pub(crate) async fn upstream_that_has(
        &self,
        name: &PackageName,
    ) -> Result<Option<&NamedUpstream>, Error> {
        for upstream in self.upstreams_of(name) {
            let (_, state) = self.upstream_state(upstream, name, PackumentForm::Abbreviated).await?;
            if let State::Present(_) = state {
                return Ok(Some(upstream));
            }
        }
        Ok(None)
    }

    /// Like [`Self::upstream_that_has`], without asking: the first upstream known to have the package, or else the
    /// first that would be asked.
    pub(crate) async fn upstream_known_to_have(
        &self,
        name: &PackageName,
    ) -> Result<Option<&NamedUpstream>, Error> {
        let mut upstreams = self.upstreams_of(name);
        let first = upstreams.next();
        let Some((only, second)) = first.zip(upstreams.next()) else { return Ok(first) };
        for upstream in [only, second].into_iter().chain(upstreams) {
            if self.is_known_present(upstream, name).await? {
                return Ok(Some(upstream));
            }
        }
        Ok(first)
    }
}
