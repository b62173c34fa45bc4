use std::sync::Arc;

use crate::Error;
use crate::auth::{Caller, OrganizationPermission, Principal};
use crate::domain::GroupName;
use crate::error::{AccountError, OrganizationError, PermissionError};
use crate::events::{DeniedAction, DeniedBy, EventKind, OrganizationAction};
use crate::organizations::Organizations;

use super::Seen;

impl Organizations {
    /// Rejects a caller whose token does not permit this. Does not depend on whether the organization exists, so that
    /// the answer does not reveal it.
    pub(super) fn require_organization<'caller>(
        &self,
        caller: &'caller Caller,
        name: &GroupName,
        needed: OrganizationPermission,
    ) -> Result<&'caller Arc<Principal>, Error> {
        let principal =
            caller.principal.as_ref().ok_or(Error::Permission(PermissionError::AuthenticationRequired))?;
        let Some(limits) = caller.limits.as_ref().filter(|limits| !limits.permit_organization(name, needed))
        else {
            return Ok(principal);
        };
        let what = if needed > OrganizationPermission::ReadOnly {
            OrganizationAction::Change
        } else {
            OrganizationAction::See
        };
        self.authorization.emit(
            caller,
            None,
            EventKind::Denied { action: DeniedAction::Organization(what, name.clone()), by: DeniedBy::Token },
        );
        Err(match limits.organizations {
            Some(_) => Error::Organization(OrganizationError::TokenForbidsOrganization {
                what,
                organization: name.clone(),
            }),
            None => Error::Account(AccountError::TokenForbidsAccount),
        })
    }

    /// Returns the organization, if the caller sees it and its token may change it.
    pub(super) async fn see_organization_to_change(
        &self,
        caller: &Caller,
        organization: &str,
    ) -> Result<Seen, Error> {
        let seen = self.see_organization(caller, organization).await?;
        self.require_organization(caller, &seen.name, OrganizationPermission::ReadWrite)?;
        Ok(seen)
    }
}
