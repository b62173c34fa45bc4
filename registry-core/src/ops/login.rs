use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::auth::{AuthError, AuthProvider, Caller, LoggedIn, PasswordLogin, Principal, SignedUp, TokenHash};
use crate::blob::Key;
use crate::events::EventKind;
use crate::{Error, Registry};

use super::detached::detached;

/// A login that succeeded.
#[derive(Debug, Clone)]
pub struct Session {
    /// Who logged in.
    pub principal: Principal,
    /// The token to show from now on. It is kept nowhere: this is the only time it can be read.
    pub token: SecretString,
}

impl Registry {
    /// Logs in with name and password. A name that nobody has gets an account, where a provider makes accounts.
    ///
    /// Runs to its end also if the caller goes away, so that every attempt is told of.
    pub async fn log_in(&self, caller: &Caller, login: &PasswordLogin) -> Result<Session, Error> {
        let (registry, caller, login) = (self.clone(), caller.clone(), login.clone());
        detached(async move { registry.log_in_here(&caller, &login).await }).await
    }

    /// Gives a token back. Whoever holds a token may; one that is unknown was given back already.
    pub async fn log_out(&self, caller: &Caller, token: &SecretString) -> Result<(), Error> {
        let (registry, address, token) = (self.clone(), caller.address, token.clone());
        detached(async move {
            if let Some(principal) = registry.delete_token(TokenHash::of(&token)).await? {
                let who = Caller { principal: Some(principal.into()), address, ..Caller::default() };
                registry.emit(&who, None, EventKind::LoggedOut);
            }
            Ok(())
        })
        .await
    }

    async fn log_in_here(&self, caller: &Caller, login: &PasswordLogin) -> Result<Session, Error> {
        let result = self.log_in_or_sign_up(caller, login).await;
        let (kind, principal) = match &result {
            Ok((kind, session)) => (kind.clone(), Some(&session.principal)),
            Err(Error::WrongPassword | Error::LoginRefused { .. }) => {
                (EventKind::LoginFailed { name: login.name.clone() }, None)
            }
            Err(_) => return result.map(|(_, session)| session),
        };
        let who = Caller {
            principal: principal.cloned().map(Into::into),
            address: caller.address,
            ..Caller::default()
        };
        self.emit(&who, None, kind);
        result.map(|(_, session)| session)
    }

    async fn log_in_or_sign_up(
        &self,
        caller: &Caller,
        login: &PasswordLogin,
    ) -> Result<(EventKind, Session), Error> {
        // Before the password is checked: a session of a password that is changed meanwhile is over before it begins.
        let since = self.parts.clock.now();
        if let Some(session) = self.try_providers(caller, login, since).await? {
            return Ok((EventKind::LoggedIn, session));
        }
        for provider in &self.parts.providers {
            match provider.sign_up(login).await? {
                SignedUp::Principal(principal) => {
                    // It may have been that of somebody who had the name before.
                    self.parts.store.delete(&Key::TwoFactor(&principal.name).path()?).await?;
                    let since = self.parts.clock.now();
                    let session = self.open_session(provider.as_ref(), principal, since).await?;
                    return Ok((EventKind::SignedUp, session));
                }
                // Somebody was faster; it may have been this very client, trying again.
                SignedUp::NameTaken => {
                    let session = self.try_providers(caller, login, since).await?;
                    let session = session.ok_or(Error::WrongPassword)?;
                    return Ok((EventKind::LoggedIn, session));
                }
                SignedUp::NotOffered => {}
            }
        }
        Err(Error::WrongPassword)
    }

    async fn try_providers(
        &self,
        caller: &Caller,
        login: &PasswordLogin,
        since: DateTime<Utc>,
    ) -> Result<Option<Session>, Error> {
        for provider in &self.parts.providers {
            match provider.log_in(login).await.map_err(refused)? {
                LoggedIn::Principal(principal) => {
                    self.require_two_factor_at_login(caller, &principal.name).await?;
                    return self.open_session(provider.as_ref(), principal, since).await.map(Some);
                }
                LoggedIn::WrongPassword => return Err(Error::WrongPassword),
                LoggedIn::NoSuchAccount => {}
            }
        }
        Ok(None)
    }

    async fn open_session(
        &self,
        provider: &dyn AuthProvider,
        principal: Principal,
        since: DateTime<Utc>,
    ) -> Result<Session, Error> {
        let token = self.create_session_token(provider, &principal, since).await?;
        Ok(Session { principal, token })
    }
}

/// A reason that a provider gives at a login is told as one.
fn refused(error: AuthError) -> Error {
    match error {
        AuthError::Unacceptable { reason } => Error::LoginRefused { reason },
        error @ AuthError::Unavailable { .. } => Error::Auth(error),
    }
}
