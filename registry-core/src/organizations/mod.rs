//! Organisations and teams of this registry's own.
//!
//! An organisation is one document in the store, changed by compare-and-swap: its members, its teams, and what each
//! team was granted. A marker beside it tells which organisations somebody may be in; the document decides.

mod change;
mod grants;
mod members;
mod memberships;
mod permission;
mod record;
mod settings;
mod teams;

pub use grants::GrantedPackages;
pub use members::OrganizationMember;
pub use settings::{OrganizationCreation, OrganizationSettings};

use crate::auth::{Caller, OrganizationPermission, Principal};
use crate::domain::{GroupName, OrganizationRole};
use crate::events::EventKind;
use crate::storage::Key;
use crate::{Error, Registry};

use record::OrganizationRecord;

/// An organisation as somebody may see it.
struct Seen {
    name: GroupName,
    record: OrganizationRecord,
    /// What whoever sees it is in it.
    role: OrganizationRole,
}

impl Registry {
    /// The organisation, for those who are in it or administer its scope. To others it does not exist.
    async fn see_organization(&self, caller: &Caller, organization: &str) -> Result<Seen, Error> {
        self.whoami(caller)?;
        let not_found = || Error::OrganizationNotFound { organization: organization.to_owned() };
        let name = GroupName::parse(organization).map_err(|_| not_found())?;
        let principal = self.require_organization(caller, &name, OrganizationPermission::ReadOnly)?;
        let record = self.read_organization(&name).await?.ok_or_else(not_found)?;
        match self.role_in(&name, &record, principal) {
            Some(role) => Ok(Seen { name, record, role }),
            None => Err(not_found()),
        }
    }

    async fn read_organization(&self, name: &GroupName) -> Result<Option<OrganizationRecord>, Error> {
        let blob = self.parts.store.get(&Key::Organization(name).path()?).await?;
        let blob = self.parts.store.or_proven_absent(blob).await?;
        blob.map(|blob| OrganizationRecord::parse(&blob.bytes)).transpose()
    }

    /// Whoever administers the scope by the rules can do everything, so that an organisation whose owners have left
    /// is not lost.
    fn role_in(
        &self,
        name: &GroupName,
        record: &OrganizationRecord,
        principal: &Principal,
    ) -> Option<OrganizationRole> {
        if self.access().administers_scope(principal, name) {
            return Some(OrganizationRole::Owner);
        }
        record.members.get(&principal.name).copied()
    }

    /// Tells of somebody whose role in an organisation is too small.
    fn report_role<T>(&self, caller: &Caller, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::RoleForbids { what, organization, .. }) = &result {
            self.emit(caller, None, EventKind::Denied { action: format!("{what} of {organization}") });
        }
        result
    }
}

/// Refuses a role that is too small for this.
fn require_role(
    name: &GroupName,
    role: OrganizationRole,
    needed: OrganizationRole,
    what: &'static str,
) -> Result<(), Error> {
    if role >= needed { Ok(()) } else { Err(Error::RoleForbids { what, organization: name.clone(), role }) }
}
