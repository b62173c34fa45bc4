use std::sync::Arc;

use crate::Error;
use crate::access::{Action, Verdict};
use crate::auth::{Caller, Principal, TokenLimits};
use crate::authorization::Authorization;
use crate::domain::PackageName;
use crate::domain::packument::{Audience, Packument, Revision};
use crate::error::{PackageError, PermissionError, ProxyError};
use crate::events::{DeniedAction, DeniedBy, EventKind};

/// Proof that a principal may write packages: all that a rule matches, or only their own.
#[derive(Debug, Clone)]
pub(crate) struct WriteRight {
    pub(crate) principal: Arc<Principal>,
    action: Action,
    owned_only: bool,
    /// Whether the principal may see private packages of other owners.
    named: bool,
}

impl Authorization {
    /// Whether the caller may read the package.
    pub(crate) fn may_read(&self, caller: &Caller, name: &PackageName) -> bool {
        self.verdict(Action::Read, caller, name) != Verdict::Denied
    }

    /// Whether the caller may do it, if only to a package of their own.
    pub(crate) fn permits(&self, caller: &Caller, action: Action, name: &PackageName) -> bool {
        self.verdict(action, caller, name) != Verdict::Denied
    }

    /// Whether an anonymous caller may read the package, so that shared caches may store it.
    pub(crate) fn is_public(&self, name: &PackageName) -> bool {
        self.may_read(&Caller::anonymous(), name)
    }

    /// Rejects a caller who may not read the package. To them it does not exist.
    pub(crate) fn require_read(&self, caller: &Caller, name: &PackageName) -> Result<(), Error> {
        if self.may_read(caller, name) {
            return Ok(());
        }
        let by = self.denied_by(Action::Read, caller, name);
        self.emit(caller, Some(name), EventKind::Denied { action: Action::Read.into(), by });
        match caller.principal {
            None => Err(Error::Permission(PermissionError::AuthenticationRequired)),
            Some(_) => Err(Error::Package(PackageError::NotFound(name.clone()))),
        }
    }

    /// Rejects a caller whom the access rules let read the package but who is outside its audience. The answer is the
    /// same as for a package that does not exist.
    pub(crate) fn require_audience(
        &self,
        caller: &Caller,
        name: &PackageName,
        audience: &Audience,
    ) -> Result<(), Error> {
        if self.is_among(caller, name, audience) {
            return Ok(());
        }
        let sees = |principal: &Arc<Principal>| {
            audience.includes(&principal.name) || self.is_named(caller, principal, name)
        };
        let by = if caller.principal.as_ref().is_some_and(sees) {
            DeniedBy::Token
        } else {
            DeniedBy::PrivatePackage
        };
        self.emit(caller, Some(name), EventKind::Denied { action: Action::Read.into(), by });
        Err(Error::Package(PackageError::NotFound(name.clone())))
    }

    /// Whether the caller is in the package's audience.
    pub(crate) fn is_among(&self, caller: &Caller, name: &PackageName, audience: &Audience) -> bool {
        !audience.is_restricted()
            || caller.principal_for(Action::Read, name).is_some_and(|principal| {
                audience.includes(&principal.name) || self.is_named(caller, principal, name)
            })
    }

    /// Whether an access rule or a team names the principal for this package.
    fn is_named(&self, caller: &Caller, principal: &Principal, name: &PackageName) -> bool {
        self.access().names(principal, name) || caller.granted(name).is_some()
    }

    /// Rejects a caller who is not signed in, before the request is read and the rules are evaluated. `action` is the
    /// action that the denial names.
    pub(crate) fn require_signed_in(
        &self,
        caller: &Caller,
        name: Option<&PackageName>,
        action: DeniedAction,
    ) -> Result<(), Error> {
        if caller.principal.is_some() {
            return Ok(());
        }
        self.emit(caller, name, EventKind::Denied { action, by: DeniedBy::NotSignedIn });
        Err(Error::Permission(PermissionError::AuthenticationRequired))
    }

    /// Rejects a caller who may not write a package of this name, regardless of its owners.
    pub(crate) fn require_write(
        &self,
        caller: &Caller,
        name: &PackageName,
        action: Action,
    ) -> Result<WriteRight, Error> {
        let right = self.write_right(caller, name, action, self.verdict(action, caller, name));
        right.ok_or_else(|| self.refuse_write(caller, name, action))
    }

    /// Rejects a caller who may not stage a version of this package. The rules require the same as for publishing; the
    /// token requires less.
    pub(crate) fn require_staging(&self, caller: &Caller, name: &PackageName) -> Result<WriteRight, Error> {
        self.staging_right(caller, name).ok_or_else(|| self.refuse_write(caller, name, Action::Publish))
    }

    /// Like [`Self::require_staging`], without emitting an event.
    pub(crate) fn staging_right(&self, caller: &Caller, name: &PackageName) -> Option<WriteRight> {
        let principal = caller.principal_if(|limits| limits.permit_staging(name));
        let verdict = self.verdict_of(Action::Publish, principal, caller, name);
        self.write_right(caller, name, Action::Publish, verdict)
    }

    /// Rejects a caller whose token does not permit starring the package.
    pub(crate) fn require_starring(&self, caller: &Caller, name: &PackageName) -> Result<(), Error> {
        if caller.principal_if(|limits| limits.permit_star(name)).is_some() {
            return Ok(());
        }
        let denied = EventKind::Denied { action: DeniedAction::Star, by: DeniedBy::Token };
        self.emit(caller, Some(name), denied);
        Err(Error::Permission(PermissionError::TokenForbidsStar { name: name.clone() }))
    }

    /// Rejects a caller who may not decide on staged versions of this package.
    pub(crate) fn require_approval(&self, caller: &Caller, name: &PackageName) -> Result<WriteRight, Error> {
        let right = self.require_write(caller, name, Action::Publish)?;
        if caller.principal_if(TokenLimits::permit_approval).is_none() {
            let denied = EventKind::Denied { action: Action::Publish.into(), by: DeniedBy::Token };
            self.emit(caller, Some(name), denied);
            return Err(Error::Permission(PermissionError::TokenForbidsApproval));
        }
        Ok(right)
    }

    fn write_right(
        &self,
        caller: &Caller,
        name: &PackageName,
        action: Action,
        verdict: Verdict,
    ) -> Option<WriteRight> {
        let principal = Arc::clone(caller.principal.as_ref()?);
        let owned_only = verdict == Verdict::AllowedToOwners;
        let named = self.is_named(caller, &principal, name);
        (verdict != Verdict::Denied).then_some(WriteRight { principal, action, owned_only, named })
    }

    fn refuse_write(&self, caller: &Caller, name: &PackageName, action: Action) -> Error {
        let by = if caller.principal.is_none() {
            DeniedBy::NotSignedIn
        } else {
            self.denied_by(action, caller, name)
        };
        self.emit(caller, Some(name), EventKind::Denied { action: action.into(), by });
        if by == DeniedBy::NotSignedIn {
            return Error::Permission(PermissionError::AuthenticationRequired);
        }
        if by == DeniedBy::Token {
            // The token is the caller's own, so the answer may disclose that another token would do.
            Error::Permission(PermissionError::TokenForbids { action, name: name.clone() })
        } else if self.may_read(caller, name) {
            let access = self.access();
            let origin = access.origin(name);
            if let (false, Some(upstream)) = (origin.hosted, origin.upstreams.first()) {
                return Error::Proxy(ProxyError::ComesFromUpstream {
                    name: name.clone(),
                    upstream: upstream.to_string(),
                });
            }
            let decision = access.decide(action, caller.principal.as_deref(), name);
            let rule = decision.number.zip(decision.rule.map(str::to_owned));
            Error::Permission(PermissionError::DeniedByRule { action, name: name.clone(), rule })
        } else {
            Error::Package(PackageError::NotFound(name.clone()))
        }
    }

    /// Returns what denies an action on a package of this name, regardless of its owners: the limits of the token, if the rules
    /// and the teams of its holder would allow it.
    pub(crate) fn denied_by(&self, action: Action, caller: &Caller, name: &PackageName) -> DeniedBy {
        match self.verdict_of(action, caller.principal.as_deref(), caller, name) {
            Verdict::Denied => DeniedBy::Rules,
            Verdict::AllowedToOwners | Verdict::Allowed => DeniedBy::Token,
        }
    }

    /// Whether the caller administers the package.
    pub(crate) fn administer_verdict(&self, caller: &Caller, name: &PackageName) -> Verdict {
        self.verdict(Action::Administer, caller, name)
    }

    /// Emits a denial that an operation itself detected.
    pub(crate) fn report_denial<T>(
        &self,
        caller: &Caller,
        name: &PackageName,
        result: Result<T, Error>,
    ) -> Result<T, Error> {
        let (action, by) = match &result {
            Err(Error::Permission(PermissionError::Forbidden { action, .. })) => {
                (*action, DeniedBy::Ownership)
            }
            Err(Error::Permission(PermissionError::Hidden { action, .. })) => {
                (*action, DeniedBy::PrivatePackage)
            }
            _ => return result,
        };
        self.emit(caller, Some(name), EventKind::Denied { action: action.into(), by });
        result
    }

    /// Combines the access rules, the token's limits and the grants of the caller's teams. No other function combines
    /// them.
    pub(crate) fn verdict(&self, action: Action, caller: &Caller, name: &PackageName) -> Verdict {
        self.verdict_of(action, caller.principal_for(action, name), caller, name)
    }

    fn verdict_of(
        &self,
        action: Action,
        principal: Option<&Principal>,
        caller: &Caller,
        name: &PackageName,
    ) -> Verdict {
        let by_rules = self.access().decide(action, principal, name).verdict;
        if by_rules == Verdict::Allowed || principal.is_none() {
            return by_rules;
        }
        let widens = self.parts.grants_beyond_rules || by_rules > Verdict::Denied;
        match caller.granted(name) {
            Some(permission) if widens && permission.gives(action) => Verdict::Allowed,
            _ => by_rules,
        }
    }
}

impl WriteRight {
    /// Rejects a principal whose right depends on ownership and who does not own the package. If they may not see the
    /// package, it does not exist for them.
    pub(crate) fn require_ownership(&self, packument: &Packument<'_>) -> Result<(), Error> {
        match self.require_ownership_of_name(packument) {
            Err(Error::Permission(PermissionError::Forbidden { action, name }))
                if (packument.protection.restricted || packument.has_only_staged()) && !self.named =>
            {
                Err(Error::Permission(PermissionError::Hidden { action, name }))
            }
            checked => checked,
        }
    }

    /// Rejects changes of a package that does not exist, has other owners, or is not as the caller saw it.
    pub(crate) fn require_changeable(
        &self,
        packument: &Packument<'_>,
        expected: Option<&Revision>,
    ) -> Result<(), Error> {
        packument.require_existing()?;
        self.require_ownership(packument)?;
        Ok(packument.require_revision(expected)?)
    }

    /// Like [`Self::check`], for a publisher: the answer cannot hide that the name is taken.
    pub(crate) fn require_ownership_of_name(&self, packument: &Packument<'_>) -> Result<(), Error> {
        if self.owned_only && !packument.is_owned_by(&self.principal.name) {
            return Err(Error::Permission(PermissionError::Forbidden {
                action: self.action,
                name: packument.name.clone(),
            }));
        }
        Ok(())
    }
}
