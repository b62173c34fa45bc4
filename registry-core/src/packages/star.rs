use futures::TryStreamExt as _;

use crate::Error;
use crate::accounts::whoami;
use crate::auth::Caller;
use crate::domain::PackageName;
use crate::domain::packument::{Audience, Packument};
use crate::events::DeniedAction;
use crate::events::EventKind;
use crate::packages::Packages;
use crate::storage::{Key, When};

use super::commit::{CommittedChange, PackumentDecision};

impl Packages {
    pub(crate) async fn star(&self, caller: &Caller, name: &PackageName, starred: bool) -> Result<(), Error> {
        self.authorization.require_read(caller, name)?;
        self.authorization.require_signed_in(caller, Some(name), DeniedAction::Star)?;
        self.authorization.require_starring(caller, name)?;
        let account = whoami(caller)?.to_owned();
        let marker = Key::Star(&account, name).path()?;
        if starred {
            let index = self.proxy().require_packument_to_change(caller, name).await?;
            let packument = Packument::parse(name, &index.blob.bytes)?;
            self.authorization.require_audience(caller, name, &Audience::of(&packument))?;
            packument.require_existing()?;
            // Before the commit, so that a crash in between leaves a marker without a star, which reading ignores.
            let _ = self.parts.store.put(&marker, name.as_str().to_owned().into(), When::Always).await?;
        }
        let (packages, reader) = (self.clone(), caller.clone());
        let decide = move |packument: &mut Packument<'_>| {
            packages.authorization.require_audience(&reader, &packument.name, &Audience::of(packument))?;
            packument.require_existing()?;
            let changed = if starred {
                packument.users.insert(account.clone(), true) != Some(true)
            } else {
                packument.users.shift_remove(&account).is_some()
            };
            // Stars by other callers do not affect the owners' next change.
            Ok(if changed { PackumentDecision::CommitBeside(true) } else { PackumentDecision::Keep(false) })
        };
        let then = async move |change: CommittedChange<bool>| {
            // Readers ignore a marker without a star, so a leftover one does no harm.
            if !starred && let Err(error) = change.packages.parts.store.delete(&marker).await {
                tracing::warn!(path = %marker, %error, "could not delete the marker of a removed star");
            }
        };
        let events = move |changed: &bool| {
            changed.then_some(if starred { EventKind::Starred } else { EventKind::Unstarred })
        };
        self.change_and_then(&caller.without_two_factor(), name, decide, events, then).await.map(drop)
    }

    pub(crate) async fn stars(&self, caller: &Caller, account: &str) -> Result<Vec<PackageName>, Error> {
        let folder = Key::stars_of(account)?;
        let markers: Vec<_> = self.parts.store.list(&folder).try_collect().await?;
        let mut starred = Vec::new();
        for marker in markers {
            let Some(blob) = self.parts.store.get(&marker.path).await? else { continue };
            let Some(name) = std::str::from_utf8(&blob.bytes).ok().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if self.authorization.may_read(caller, &name)
                && self.is_starred_by(caller, account, &name).await?
            {
                starred.push(name);
            }
        }
        starred.sort_unstable();
        Ok(starred)
    }

    async fn is_starred_by(&self, caller: &Caller, account: &str, name: &PackageName) -> Result<bool, Error> {
        let Some(index) = self.catalog().read_packument(name).await? else { return Ok(false) };
        let packument = Packument::parse(name, &index.blob.bytes)?;
        let is_seen = self.authorization.is_among(caller, name, &Audience::of(&packument));
        Ok(is_seen && !packument.is_unpublished() && packument.users.get(account) == Some(&true))
    }
}
