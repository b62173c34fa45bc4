use std::collections::HashMap;
#[cfg(feature = "hooks")]
use std::sync::Arc;

#[cfg(feature = "hooks")]
use bytes::Bytes;

use crate::Error;
use crate::access::{Action, Verdict};
use crate::auth::{Caller, OrganizationPermission};
use crate::catalog::Standing;
use crate::changes::{Change, ChangePage};
use crate::domain::PackageName;
use crate::domain::packument::{Audience, Packument, Person};
use crate::error::PackageError;
use crate::events::{Event, EventKind};
use crate::packages::Packages;
#[cfg(feature = "hooks")]
use crate::upstream::PackumentForm;

/// The most changes that one page looks at, whether the caller may see them or not.
const MOST: usize = 1000;
/// How many packages one page asks the store about.
const MOST_PACKAGES: usize = 100;

/// What a caller may know of the changes of a package or an organization. A greater one includes the lesser ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Insight {
    Nothing,
    /// What readers see: versions, tags, owners.
    Public,
    /// Also staged versions.
    Staged,
    /// Also who made the change, and from where.
    Everything,
}

impl Packages {
    pub(crate) async fn changes(
        &self,
        caller: &Caller,
        since: u64,
        limit: usize,
    ) -> Result<ChangePage, Error> {
        let feed = &self.parts.commits.changes;
        let page = feed.page(since, limit.clamp(1, MOST)).await?;
        let mut insights = HashMap::new();
        let mut changes = Vec::with_capacity(page.changes.len());
        let end = page.last_seq + page.pending;
        let mut last_seq = page.last_seq;
        for (seq, event) in page.changes {
            let is_known = event.package.as_ref().is_none_or(|name| insights.contains_key(name));
            if !is_known && insights.len() == MOST_PACKAGES {
                last_seq = seq - 1;
                break;
            }
            let insight = match &event.package {
                Some(name) => {
                    if let Some(insight) = insights.get(name) {
                        *insight
                    } else {
                        let insight = self.insight(caller, name).await?;
                        insights.insert(name.clone(), insight);
                        insight
                    }
                }
                None => self.insight_into_organization(caller, &event.kind),
            };
            if let Some(event) = shown(event, insight) {
                changes.push(Change::new(seq, event));
            }
        }
        Ok(ChangePage { changes, last_seq, pending: end.saturating_sub(last_seq) })
    }

    /// Returns what an account may know of a change of a package, and the packument if the package is still hosted; `None`
    /// if it may not see the package. All by the access rules and memberships of this moment.
    ///
    /// # Errors
    ///
    /// [`AccountError::NotFound`](crate::error::AccountError::NotFound) if the account is gone.
    #[cfg(feature = "hooks")]
    pub(crate) async fn change_seen_by(
        &self,
        account: &str,
        event: Event,
        base: &Arc<str>,
    ) -> Result<Option<(Event, Option<Bytes>)>, Error> {
        let packages = self.with_access_snapshot();
        let caller = packages.on_behalf_of(account, None).await?;
        let Some(name) = event.package.clone() else { return Ok(None) };
        let insight = packages.insight(&caller, &name).await?;
        let Some(event) = shown(event, insight) else { return Ok(None) };
        let packument = match packages.catalog().hosted_packument(&name, PackumentForm::Full, base).await {
            Ok(Some(hosted)) if packages.authorization.is_among(&caller, &name, &hosted.audience) => {
                Some(hosted.identity.clone())
            }
            // The owners closed the package a moment ago.
            Ok(Some(_)) => return Ok(None),
            Ok(None) | Err(Error::Package(PackageError::NotFound(_) | PackageError::Unpublished { .. })) => {
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Some((event, packument)))
    }

    async fn insight(&self, caller: &Caller, name: &PackageName) -> Result<Insight, Error> {
        if !self.authorization.may_read(caller, name) {
            return Ok(Insight::Nothing);
        }
        let (audience, owners) = match self.catalog().hosted_summary(name).await {
            Ok(Some(summary)) => (summary.audience.clone(), summary.owners.clone()),
            // All versions were unpublished, or none was ever published.
            Ok(None) | Err(Error::Package(PackageError::NotFound(_) | PackageError::Unpublished { .. })) => {
                let Some(stored) = self.catalog().read_packument(name).await? else {
                    return self.insight_into_foreign(caller, name).await;
                };
                let packument = Packument::parse(name, &stored.blob.bytes)?;
                (Audience::of(&packument), packument.maintainers)
            }
            Err(error) => return Err(error),
        };
        let is_named = |owner: &Person| Some(owner.name.as_str()) == caller.name();
        let is_owner = caller.name().is_some() && (owners.is_empty() || owners.iter().any(is_named));
        if !self.authorization.is_among(caller, name, &audience) {
            return Ok(Insight::Nothing);
        }
        let may = |action| match self.authorization.verdict(action, caller, name) {
            Verdict::Allowed => true,
            Verdict::AllowedToOwners => is_owner,
            Verdict::Denied => false,
        };
        Ok(match (may(Action::Administer), may(Action::Publish)) {
            (true, _) => Insight::Everything,
            (false, true) => Insight::Staged,
            (false, false) => Insight::Public,
        })
    }

    /// Of a package of an upstream, the feed has only what administrators did to its versions, which all its readers notice.
    async fn insight_into_foreign(&self, caller: &Caller, name: &PackageName) -> Result<Insight, Error> {
        let has_upstream = !self.authorization.access().origin(name).upstreams.is_empty();
        // The packument of a hosted package that is lost would say who may know of it.
        if !has_upstream || self.catalog().standing(name).await? != Standing::Free {
            return Ok(Insight::Nothing);
        }
        Ok(if self.administers(caller, name) { Insight::Everything } else { Insight::Public })
    }

    /// Changes of an organization are only for administrators of its scope.
    fn insight_into_organization(&self, caller: &Caller, kind: &EventKind) -> Insight {
        let Some(organization) = kind.organization() else { return Insight::Nothing };
        let principal = caller.principal_if(|limits| {
            limits.permit_organization(organization, OrganizationPermission::ReadOnly)
        });
        let rules = self.authorization.access();
        if principal.is_some_and(|principal| rules.administers_scope(principal, organization)) {
            Insight::Everything
        } else {
            Insight::Nothing
        }
    }
}

/// Returns what the caller may see of an event.
fn shown(event: Event, insight: Insight) -> Option<Event> {
    let needed = match event.kind {
        EventKind::Staged { .. } | EventKind::StageRejected { .. } => Insight::Staged,
        _ => Insight::Public,
    };
    match insight {
        Insight::Everything => Some(event),
        insight if insight < needed => None,
        _ => Some(Event { id: event.id, package: event.package, ..Event::new(event.time, event.kind) }),
    }
}
