//! Which organizations, teams and packages of teams an account has.

mod cache;
mod record;

pub(crate) use cache::MembershipCache;
pub(crate) use record::{DEVELOPERS, OrganizationRecord, TeamRecord};

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt as _;
use futures::future::try_join_all;

use crate::Error;
use crate::access::TeamPermission;
use crate::auth::{Memberships, Principal, PrincipalKind};
use crate::domain::{GroupName, PackageName};
use crate::storage::{BlobStore, Key, Storage};

/// The prefix of groups of local organizations. No provider may assign such a group.
const PREFIX: &str = "local:";

/// Looks memberships up, and remembers them for seconds. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct MembershipLookup {
    store: Arc<Storage>,
    cache: Arc<MembershipCache>,
}

impl Memberships {
    /// Reads the current memberships of an account from the store.
    ///
    /// ```
    /// use registry_core::storage::ObjectStoreBlobs;
    /// use registry_core::auth::Memberships;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let memberships = Memberships::read(&ObjectStoreBlobs::in_memory(), "ana").await.unwrap();
    /// assert!(memberships.groups().is_empty());
    /// # });
    /// ```
    pub async fn read(store: &dyn BlobStore, account: &str) -> Result<Self, Error> {
        let folder = Key::organizations_of(account)?;
        let markers: Vec<_> = store.list(&folder).try_collect().await?;
        let names = markers.iter().filter_map(|marker| folder.remainder(&marker.path));
        // A marker may remain of an organization that the account has left: the organization's record decides.
        let records = names.filter_map(|name| GroupName::parse(name).ok()).map(|name| async move {
            let path = Key::Organization(&name).path()?;
            let Some(blob) = store.get(&path).await? else { return Ok::<_, Error>(None) };
            Ok(Some((name, OrganizationRecord::parse(&blob.bytes)?)))
        });
        let mut memberships = Self::default();
        for (name, record) in try_join_all(records).await?.into_iter().flatten() {
            memberships.add(account, &name, &record);
        }
        Ok(memberships)
    }

    fn add(&mut self, account: &str, name: &GroupName, record: &OrganizationRecord) {
        if !record.members.contains_key(account) {
            return;
        }
        self.groups.push(format!("{PREFIX}{name}"));
        for (team_name, team) in &record.teams {
            if !record.is_in_team(team_name, team, account) {
                continue;
            }
            self.groups.push(format!("{PREFIX}{name}/{team_name}"));
            for (package, permission) in &team.packages {
                let known = self.packages.entry(package.clone()).or_insert(*permission);
                *known = (*known).max(*permission);
            }
        }
    }
}

impl MembershipLookup {
    pub(crate) fn new(store: Arc<Storage>, cache: MembershipCache) -> Self {
        Self { store, cache: Arc::new(cache) }
    }

    /// For changes of who is in which organization, and of what that gives.
    pub(crate) fn forget_all(&self) {
        self.cache.forget_all();
    }

    /// Returns the principal with the groups of its local organizations, and its memberships.
    pub(crate) async fn with_memberships(
        &self,
        mut principal: Principal,
    ) -> Result<(Principal, Option<Arc<Memberships>>), Error> {
        principal.groups.retain(|group| !is_local(group));
        // A build's name is not claimed by a sign-up, so it is not the account of that name.
        if principal.kind != PrincipalKind::User {
            return Ok((principal, None));
        }
        let memberships = self.memberships_of(&principal.name).await?;
        if memberships.groups.is_empty() {
            return Ok((principal, None));
        }
        principal.groups.extend(memberships.groups.iter().cloned());
        Ok((principal, Some(memberships)))
    }

    pub(crate) async fn memberships_of(&self, account: &str) -> Result<Arc<Memberships>, Error> {
        if let Some(known) = self.cache.get(account) {
            return Ok(known);
        }
        let read = Arc::new(Memberships::read(self.store.blobs().as_ref(), account).await?);
        self.cache.insert(account, &read);
        Ok(read)
    }

    /// Returns the accounts that have rights on a package through a team.
    pub(crate) async fn granted_accounts(
        &self,
        package: &PackageName,
    ) -> Result<BTreeMap<String, TeamPermission>, Error> {
        let folder = Key::organizations()?;
        let all: Vec<_> = self.store.list(&folder).try_collect().await?;
        let mut granted = BTreeMap::new();
        for found in all {
            let Some(blob) = self.store.get(&found.path).await? else { continue };
            let record = OrganizationRecord::parse(&blob.bytes)?;
            for (name, team) in &record.teams {
                let Some(permission) = team.packages.get(package) else { continue };
                for account in record.members_of(name, team) {
                    let known = granted.entry(account.to_owned()).or_insert(*permission);
                    *known = (*known).max(*permission);
                }
            }
        }
        Ok(granted)
    }
}

fn is_local(group: &str) -> bool {
    group.get(..PREFIX.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(PREFIX))
}
