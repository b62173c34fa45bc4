use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::domain::PackageName;
use crate::error::BoxError;
use crate::upstream::PackumentForm;
use crate::{Error, Registry};

use super::freshness::State;

/// For how long a publisher waits for all upstreams together.
const PATIENCE: Duration = Duration::from_secs(4);

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
        let deadline = Instant::now() + PATIENCE;
        for upstream in self.upstreams_of(name) {
            let asked = self.upstream_state(upstream, name, PackumentForm::Abbreviated);
            let unchecked = |source: BoxError| Error::NameUnchecked {
                name: name.clone(),
                upstream: upstream.id.to_string(),
                source,
            };
            let (_, state) = match timeout_at(deadline, asked).await {
                Ok(Ok(told)) => told,
                Ok(Err(error)) if error.is_of_upstream() => return Err(unchecked(error.into())),
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(unchecked(format!("{upstream} took too long to answer").into())),
            };
            if let State::Present(_) = state {
                let upstream = upstream.id.to_string();
                return Err(Error::NameTakenUpstream { name: name.clone(), upstream });
            }
        }
        Ok(())
    }
}
