use std::sync::Arc;

use futures::TryStreamExt as _;
use futures::future::try_join_all;

use crate::auth::{Memberships, Principal, PrincipalKind};
use crate::domain::GroupName;
use crate::storage::{BlobStore, Key};
use crate::{Error, Registry};

use super::record::OrganizationRecord;

/// What the groups of this registry's own organisations begin with. No provider may give such a group.
const PREFIX: &str = "local:";

impl Memberships {
    /// Reads those of an account as they are in the store now.
    ///
    /// ```
    /// use registry_core::storage::ObjectStoreBlobs;
    /// use registry_core::auth::Memberships;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let nobody = Memberships::read(&ObjectStoreBlobs::in_memory(), "ana").await.unwrap();
    /// assert!(nobody.groups().is_empty());
    /// # });
    /// ```
    pub async fn read(store: &dyn BlobStore, account: &str) -> Result<Self, Error> {
        let folder = Key::organizations_of(account)?;
        let markers: Vec<_> = store.list(&folder).try_collect().await?;
        let names = markers.iter().filter_map(|marker| folder.remainder(&marker.path));
        // A marker may be left of an organisation that the account is not in any more: its record decides.
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

impl Registry {
    /// The principal with the groups of the organisations here, and what else comes of those.
    pub(crate) async fn with_memberships(
        &self,
        mut principal: Principal,
    ) -> Result<(Principal, Option<Arc<Memberships>>), Error> {
        principal.groups.retain(|group| !is_local(group));
        // A build has a name that nobody signed up for, so it is not the account of that name.
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

    pub(super) async fn memberships_of(&self, account: &str) -> Result<Arc<Memberships>, Error> {
        if let Some(known) = self.parts.tokens.memberships_of(account) {
            return Ok(known);
        }
        let read = Arc::new(Memberships::read(self.parts.store.blobs().as_ref(), account).await?);
        self.parts.tokens.remember_memberships(account, &read);
        Ok(read)
    }
}

fn is_local(group: &str) -> bool {
    group.get(..PREFIX.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(PREFIX))
}
