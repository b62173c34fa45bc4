//! Organizations and teams of this registry.
//!
//! An organization is one document in the store, changed by compare-and-swap: its members, its teams, and the teams'
//! grants. Markers beside it list the organizations that an account may be in; the document decides.

mod change;
mod grants;
mod members;
mod permission;
mod settings;
mod teams;

use crate::accounts::whoami;
use crate::error::OrganizationError;
pub use grants::GrantedPackages;
pub use members::OrganizationMember;
pub use settings::{OrganizationCreation, OrganizationSettings};

use crate::Error;
use crate::auth::{Caller, OrganizationPermission, Principal};
use crate::domain::{GroupName, OrganizationRole};
use crate::events::{DeniedAction, DeniedBy, EventKind, OrganizationAction};
use crate::storage::Key;

use std::sync::Arc;

use crate::accounts::{Accounts, AccountsParts};
use crate::auth::AuthProvider;
use crate::authorization::Authorization;
use crate::changes::Changes;
use crate::clock::Clock;
use crate::memberships::{MembershipLookup, OrganizationRecord};
use crate::proxy::{Proxy, ProxyParts};
use crate::randomness::Randomness;
use crate::storage::Storage;

/// An organization that the caller may see.
struct Seen {
    name: GroupName,
    record: OrganizationRecord,
    /// The caller's role in it.
    role: OrganizationRole,
}

/// Organizations, their teams, and what teams are granted. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Organizations {
    parts: Arc<OrganizationsParts>,
    authorization: Authorization,
}

/// What [`Organizations`] works with.
pub(crate) struct OrganizationsParts {
    pub(crate) store: Arc<Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) providers: Vec<Arc<dyn AuthProvider>>,
    pub(crate) settings: OrganizationSettings,
    pub(crate) changes: Changes,
    pub(crate) memberships: MembershipLookup,
    pub(crate) accounts: Arc<AccountsParts>,
    pub(crate) proxy: Arc<ProxyParts>,
}

impl Organizations {
    pub(crate) fn new(parts: &Arc<OrganizationsParts>, authorization: &Authorization) -> Self {
        Self { parts: Arc::clone(parts), authorization: authorization.clone() }
    }

    fn accounts(&self) -> Accounts {
        Accounts::new(&self.parts.accounts, &self.authorization)
    }

    fn proxy(&self) -> Proxy {
        Proxy::new(&self.parts.proxy, &self.authorization)
    }
}

impl Organizations {
    /// Returns the organization, if the caller is in it or administers its scope. For others it does not exist.
    async fn see_organization(&self, caller: &Caller, organization: &str) -> Result<Seen, Error> {
        whoami(caller)?;
        let not_found =
            || Error::Organization(OrganizationError::NotFound { organization: organization.to_owned() });
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

    /// Callers who administer the scope by the rules have the role of an owner, so that an organization whose owners
    /// have left is not lost.
    fn role_in(
        &self,
        name: &GroupName,
        record: &OrganizationRecord,
        principal: &Principal,
    ) -> Option<OrganizationRole> {
        if self.authorization.access().administers_scope(principal, name) {
            return Some(OrganizationRole::Owner);
        }
        record.members.get(&principal.name).copied()
    }

    /// Emits a denial if the caller's role is insufficient.
    fn report_role<T>(&self, caller: &Caller, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::Organization(OrganizationError::RoleForbids { what, organization, .. })) = &result {
            self.authorization.emit(
                caller,
                None,
                EventKind::Denied {
                    action: DeniedAction::Organization(*what, organization.clone()),
                    by: DeniedBy::OrganizationRole,
                },
            );
        }
        result
    }
}

/// Rejects an insufficient role.
fn require_role(
    name: &GroupName,
    role: OrganizationRole,
    needed: OrganizationRole,
    what: OrganizationAction,
) -> Result<(), Error> {
    if role >= needed {
        Ok(())
    } else {
        Err(Error::Organization(OrganizationError::RoleForbids { what, organization: name.clone(), role }))
    }
}
