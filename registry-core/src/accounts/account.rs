use crate::accounts::profiles::whoami;
use crate::error::{AccountError, LoginError, PermissionError};
use std::sync::Arc;

use secrecy::SecretString;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{
    AccountChange, AccountChanged, Caller, LoggedIn, PasswordLogin, Principal, Profile, TokenKind,
};
use crate::events::{DeniedAction, DeniedBy, EventKind};

use super::abuse::Guessed;
use super::two_factor::TwoFactorState;
use crate::concurrency::detached;

/// An account as its holder sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnProfile {
    /// The public part.
    pub profile: Profile,
    /// The second factor, if any.
    pub two_factor: Option<TwoFactorState>,
}

impl Accounts {
    pub(crate) async fn own_profile(&self, caller: &Caller) -> Result<OwnProfile, Error> {
        let name = self.require_account_read(caller)?.name.clone();
        let profile = self.profile(caller, &name).await?;
        let two_factor = self.two_factor_of(&profile.principal.name).await?;
        Ok(OwnProfile { profile, two_factor })
    }

    pub(crate) async fn change_account(
        &self,
        caller: &Caller,
        change: AccountChange,
    ) -> Result<OwnProfile, Error> {
        let (accounts, caller) = (self.clone(), caller.clone());
        detached(async move { accounts.change_account_here(&caller, &change).await }).await
    }

    async fn change_account_here(
        &self,
        caller: &Caller,
        change: &AccountChange,
    ) -> Result<OwnProfile, Error> {
        let account = self.require_account_change(caller)?.name.clone();
        self.require_two_factor(caller).await?;
        let Some(profile) = self.change_guarded(caller, &account, change).await? else {
            return Err(Error::Account(AccountError::AccountNotOurs));
        };
        if change.password.is_some() {
            self.renew_session(caller).await?;
            self.sessions_have_ended(&account);
            self.signed_in_here(&account, caller.address);
            self.authorization.emit(caller, None, EventKind::PasswordChanged);
        }
        // The principal and its sessions may have changed.
        self.parts.tokens.remove_all();
        if !change.fields.is_empty() {
            self.authorization.emit(caller, None, EventKind::ProfileChanged);
        }
        let two_factor = self.two_factor_of(&account).await?;
        Ok(OwnProfile { profile, two_factor })
    }

    /// Changes the account. A wrong old password counts as a failed login.
    async fn change_guarded(
        &self,
        caller: &Caller,
        account: &str,
        change: &AccountChange,
    ) -> Result<Option<Profile>, Error> {
        let Some(password) = &change.password else {
            return self.change_at_its_provider(account, change).await;
        };
        let attempt = self.begin_attempt(Guessed::Password, account, caller, &password.old).await?;
        let changed = self.change_at_its_provider(account, change).await;
        attempt.settle(&changed, |error| matches!(error, Error::Login(LoginError::WrongOwnPassword)));
        changed
    }

    async fn change_at_its_provider(
        &self,
        account: &str,
        change: &AccountChange,
    ) -> Result<Option<Profile>, Error> {
        let Some(provider) = self.owner_of(account).await? else { return Ok(None) };
        match provider.change_account(account, change).await? {
            AccountChanged::Profile(profile) => Ok(Some(profile)),
            AccountChanged::WrongPassword => Err(Error::Login(LoginError::WrongOwnPassword)),
            AccountChanged::NotOffered => Ok(None),
        }
    }

    /// Rejects anonymous callers, and tokens that do not permit account changes.
    pub(crate) fn require_account_change<'caller>(
        &self,
        caller: &'caller Caller,
    ) -> Result<&'caller Arc<Principal>, Error> {
        let principal =
            caller.principal.as_ref().ok_or(Error::Permission(PermissionError::AuthenticationRequired))?;
        if caller.limits.as_ref().is_none_or(|limits| limits.permit_account_changes()) {
            return Ok(principal);
        }
        let denied = EventKind::Denied { action: DeniedAction::ChangeAccount, by: DeniedBy::Token };
        self.authorization.emit(caller, None, denied);
        Err(Error::Account(AccountError::TokenForbidsAccount))
    }

    /// Rejects anonymous callers, and tokens that do not permit account reads.
    pub(crate) fn require_account_read<'caller>(
        &self,
        caller: &'caller Caller,
    ) -> Result<&'caller Arc<Principal>, Error> {
        let principal =
            caller.principal.as_ref().ok_or(Error::Permission(PermissionError::AuthenticationRequired))?;
        if caller.limits.as_ref().is_none_or(|limits| limits.permit_account_reads()) {
            return Ok(principal);
        }
        let denied = EventKind::Denied { action: DeniedAction::ReadAccount, by: DeniedBy::Token };
        self.authorization.emit(caller, None, denied);
        Err(Error::Account(AccountError::TokenForbidsAccount))
    }

    /// Checks the caller's password again, so that an unattended terminal cannot create anything lasting. Where no
    /// provider knows a password of the account, the login itself is enough.
    pub(crate) async fn require_password(
        &self,
        caller: &Caller,
        password: Option<&SecretString>,
    ) -> Result<(), Error> {
        let name = whoami(caller)?.to_owned();
        let password = password.cloned().unwrap_or_default();
        let login = PasswordLogin { name, password, email: None };
        let attempt = self.begin_attempt(Guessed::Password, &login.name, caller, &login.password).await?;
        let checked = self.check_own_password(caller, &login).await;
        attempt.settle(&checked, |error| matches!(error, Error::Login(LoginError::WrongOwnPassword)));
        checked
    }

    async fn check_own_password(&self, caller: &Caller, login: &PasswordLogin) -> Result<(), Error> {
        if let Some(provider) = self.owner_of(&login.name).await? {
            match provider.log_in(login).await? {
                LoggedIn::Principal(principal) => {
                    let admitted = self.admit_known(provider.id(), principal).await?;
                    let is_own = admitted.is_some_and(|principal| principal.name == login.name);
                    return if is_own { Ok(()) } else { Err(Error::Login(LoginError::WrongOwnPassword)) };
                }
                LoggedIn::WrongPassword => return Err(Error::Login(LoginError::WrongOwnPassword)),
                LoggedIn::NoSuchAccount => {}
            }
        }
        let logged_in = caller.limits.as_ref().is_none_or(|limits| limits.kind == TokenKind::Session);
        if logged_in { Ok(()) } else { Err(Error::Login(LoginError::WrongOwnPassword)) }
    }
}
