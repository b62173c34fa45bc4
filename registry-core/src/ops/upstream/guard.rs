use crate::domain::PackageName;
use crate::upstream::PackumentForm;
use crate::{Error, Registry};

use super::freshness::State;

impl Registry {
    /// Refuses to publish here what the rules take from upstreams alone.
    pub(in crate::ops) fn require_hosted_here(&self, name: &PackageName) -> Result<(), Error> {
        if self.access().origin(name).hosted {
            Ok(())
        } else {
            Err(Error::NotHostedHere { name: name.clone() })
        }
    }

    /// Refuses to begin a package here under a name that an upstream has: those who install the one would get the
    /// other. An upstream that cannot answer refuses too.
    pub(in crate::ops) async fn require_free_upstream(&self, name: &PackageName) -> Result<(), Error> {
        if self.access().origin(name).shadow {
            return Ok(());
        }
        for upstream in self.upstreams_of(name) {
            let (_, state) = self.upstream_state(upstream, name, PackumentForm::Abbreviated).await?;
            if let State::Present(_) = state {
                let upstream = upstream.id.to_string();
                return Err(Error::NameTakenUpstream { name: name.clone(), upstream });
            }
        }
        Ok(())
    }
}
