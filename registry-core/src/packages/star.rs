use futures::TryStreamExt as _;

use crate::auth::Caller;
use crate::domain::PackageName;
use crate::domain::packument::{Audience, Packument};
use crate::events::EventKind;
use crate::storage::{Key, When};
use crate::{Error, Registry};

use super::commit::{Change, Decision};

/// What a denial says that was asked for.
pub(crate) const STAR: &str = "star";

impl Registry {
    /// Stars a package for the caller, or takes the star back. Each account that may read a package may star it, with a
    /// token that may change things.
    pub async fn star(&self, caller: &Caller, name: &PackageName, starred: bool) -> Result<(), Error> {
        self.require_read(caller, name)?;
        self.require_signed_in(caller, Some(name), STAR)?;
        self.require_starring(caller, name)?;
        let account = self.whoami(caller)?.to_owned();
        let marker = Key::Star(&account, name).path()?;
        if starred {
            let index = self.require_index_to_change(caller, name).await?;
            let packument = Packument::parse(name, &index.blob.bytes)?;
            self.require_audience(caller, name, &Audience::of(&packument))?;
            packument.require_existing()?;
            // Before the commit, so that a crash in between leaves a marker without a star, which reading ignores.
            let _ = self.parts.store.put(&marker, name.as_str().to_owned().into(), When::Always).await?;
        }
        let (registry, reader) = (self.clone(), caller.clone());
        let decide = move |packument: &mut Packument<'_>| {
            registry.require_audience(&reader, &packument.name, &Audience::of(packument))?;
            packument.require_existing()?;
            let changed = if starred {
                packument.users.insert(account.clone(), true) != Some(true)
            } else {
                packument.users.shift_remove(&account).is_some()
            };
            // The owners' next change is no matter of how many stars there are meanwhile.
            Ok(if changed { Decision::CommitBeside(true) } else { Decision::Keep(false) })
        };
        let then = async move |change: Change<bool>| {
            // Reading ignores a marker without a star, so it does no harm if it stays.
            if !starred && let Err(error) = change.registry.parts.store.delete(&marker).await {
                tracing::warn!(path = %marker, %error, "the marker of a star that is gone stays in the store");
            }
            if change.value {
                change.emit(if starred { EventKind::Starred } else { EventKind::Unstarred });
            }
        };
        self.change(&caller.without_two_factor(), name, decide, then).await.map(drop)
    }

    /// The packages that `account` starred and the caller may read, in the order of their names.
    pub async fn stars(&self, caller: &Caller, account: &str) -> Result<Vec<PackageName>, Error> {
        let folder = Key::stars_of(account)?;
        let markers: Vec<_> = self.parts.store.list(&folder).try_collect().await?;
        let mut starred = Vec::new();
        for marker in markers {
            let Some(blob) = self.parts.store.get(&marker.path).await? else { continue };
            let Some(name) = std::str::from_utf8(&blob.bytes).ok().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if self.may_read(caller, &name) && self.is_starred_by(caller, account, &name).await? {
                starred.push(name);
            }
        }
        starred.sort_unstable();
        Ok(starred)
    }

    async fn is_starred_by(&self, caller: &Caller, account: &str, name: &PackageName) -> Result<bool, Error> {
        let Some(index) = self.read_index(name).await? else { return Ok(false) };
        let packument = Packument::parse(name, &index.blob.bytes)?;
        let is_seen = self.is_among(caller, name, &Audience::of(&packument));
        Ok(is_seen && !packument.is_unpublished() && packument.users.get(account) == Some(&true))
    }
}
