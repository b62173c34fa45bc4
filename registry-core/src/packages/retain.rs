use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::Error;
use crate::auth::Caller;
use crate::clock::timestamp;
use crate::domain::packument::Packument;
use crate::domain::retention::{JudgedVersion, Keep, VersionUsage};
use crate::domain::{PackageName, Version};
use crate::packages::Packages;

use super::commit::{CommittedChange, PackumentDecision};
use super::unpublish::Removed;

/// What was decided about each version, and what was removed; `None` if nothing was.
#[derive(Debug, Clone)]
struct Retained {
    judged: Vec<JudgedVersion>,
    removed: Option<Removed>,
}

/// Operations of an operator, who needs no right.
impl Packages {
    /// Removes the versions of a package that nothing keeps, by the packument as it is stored then. Returns what was decided about
    /// each version that it had.
    pub(crate) async fn remove_what_goes(
        &self,
        name: &PackageName,
        keep: Keep,
        usage: Arc<VersionUsage>,
        now: DateTime<Utc>,
    ) -> Result<Vec<JudgedVersion>, Error> {
        let decide = move |packument: &mut Packument<'_>| {
            let judged = keep.judge(packument, &usage, now);
            let going = judged.iter().filter(|judged| judged.goes());
            let going = going.map(|judged| Version::parse(&judged.version)).collect::<Result<Vec<_>, _>>();
            let going = going.map_err(Error::internal)?;
            if going.is_empty() {
                return Ok(PackumentDecision::Keep(Retained { judged, removed: None }));
            }
            let removed = Removed::from(packument, |packument| {
                packument.remove_versions(&going, None, &timestamp(now))?;
                Ok(going)
            })?;
            Ok(PackumentDecision::Commit(Retained { judged, removed: Some(removed) }))
        };
        let events =
            |retained: &Retained| retained.removed.as_ref().map(Removed::event).into_iter().flatten();
        let clean_up = |change: CommittedChange<Retained>| async move {
            if let Some(removed) = change.value.removed {
                removed.clean_up(change.packages).await;
            }
        };
        let caller = Caller::operator();
        Ok(self.change_and_then(&caller, name, decide, events, clean_up).await?.value.judged)
    }
}
