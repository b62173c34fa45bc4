use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{
    AuthError, AuthProvider, Caller, LoggedIn, PasswordLogin, Principal, SignedUp, TokenHash, asks_for_device,
};
use crate::concurrency::detached;
use crate::error::LoginError;
use crate::events::EventKind;
use crate::network::network_of;
use crate::storage::Key;

use super::abuse::Guessed;

/// A login that succeeded.
#[derive(Debug, Clone)]
pub struct Session {
    /// The account that logged in.
    pub principal: Principal,
    /// The token for further requests. It is not stored: this is the only time it can be read.
    pub token: SecretString,
}

/// What a client that sends name and password asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    LogIn,
    SignUp,
    /// A login at a terminal.
    LogInAtTerminal,
    /// A login at a terminal, or an account if the name is free.
    Either,
}

impl Wanted {
    /// Returns whether an account is created if the name is free.
    fn makes_accounts(self) -> bool {
        matches!(self, Self::SignUp | Self::Either)
    }

    /// Returns whether the user is at a terminal that can prompt for what a provider's page displays.
    fn is_at_terminal(self) -> bool {
        matches!(self, Self::LogInAtTerminal | Self::Either)
    }
}

/// A principal that a provider identified.
#[derive(Debug)]
pub(crate) struct Authenticated {
    pub(crate) provider: &'static str,
    pub(crate) principal: Principal,
    /// When the identification began.
    pub(crate) since: DateTime<Utc>,
    /// Whether their account is new.
    pub(crate) signed_up: bool,
}

impl Accounts {
    pub(crate) async fn log_in(&self, caller: &Caller, login: &PasswordLogin) -> Result<Session, Error> {
        let (accounts, caller, login) = (self.clone(), caller.clone(), login.clone());
        detached(async move { accounts.log_in_here(&caller, &login, Wanted::Either).await }).await
    }

    /// Like [`Registry::log_in`](crate::Registry::log_in), but a free name gets no account.
    pub(crate) async fn log_in_without_sign_up(
        &self,
        caller: &Caller,
        login: &PasswordLogin,
    ) -> Result<Session, Error> {
        let (accounts, caller, login) = (self.clone(), caller.clone(), login.clone());
        detached(async move { accounts.log_in_here(&caller, &login, Wanted::LogInAtTerminal).await }).await
    }

    pub(crate) async fn log_out(&self, caller: &Caller, token: &SecretString) -> Result<(), Error> {
        let (accounts, caller, token) = (self.clone(), caller.without_credentials(), token.clone());
        detached(async move {
            if let Some(principal) = accounts.delete_token(TokenHash::of(&token)).await? {
                let who = Caller { principal: Some(principal.into()), ..caller };
                accounts.authorization.emit(&who, None, EventKind::LoggedOut);
            }
            Ok(())
        })
        .await
    }

    async fn log_in_here(
        &self,
        caller: &Caller,
        login: &PasswordLogin,
        wanted: Wanted,
    ) -> Result<Session, Error> {
        if let Some(known) = self.finish_device_login(caller, login).await? {
            return self.begin_session(caller, known).await;
        }
        let known = match self.authenticate(caller, login, wanted).await {
            Err(Error::Login(LoginError::WrongPassword)) => return Err(self.wrong_password(wanted).await),
            known => known?,
        };
        if !known.signed_up {
            self.require_two_factor_at_login(caller, &known.principal.name).await?;
        }
        self.begin_session(caller, known).await
    }

    /// Returns the error for a wrong password, which says how to get an account where this login cannot create one.
    /// It is the same whether the name is taken or not.
    async fn wrong_password(&self, wanted: Wanted) -> Error {
        let sign_up = self.offers_sign_up().await;
        if sign_up && wanted.makes_accounts() {
            return Error::Login(LoginError::WrongPassword);
        }
        Error::Login(LoginError::WrongPasswordOrNoAccount { sign_up })
    }

    /// Returns whether a provider creates accounts.
    pub(crate) async fn offers_sign_up(&self) -> bool {
        // No account has an empty name, but the answer shows whether the provider creates accounts.
        let nameless = PasswordLogin { name: String::new(), password: SecretString::default(), email: None };
        for provider in &self.parts.providers {
            let offered = provider.offers_sign_up(&nameless).await;
            if matches!(offered, Ok(true) | Err(AuthError::Unacceptable { .. })) {
                return true;
            }
        }
        false
    }

    async fn begin_session(&self, caller: &Caller, known: Authenticated) -> Result<Session, Error> {
        let account = &known.principal.name;
        let network = caller.address.map(network_of);
        let token = self.create_session_token(known.provider, account, known.since, network).await?;
        self.signed_in_here(account, caller.address);
        if !known.signed_up {
            self.authorization.emit(&caller.known_as(known.principal.clone()), None, EventKind::LoggedIn);
        }
        Ok(Session { principal: known.principal, token })
    }

    /// Identifies a principal by name and password, and creates an account where `wanted` says so. Emits events for
    /// failed logins and for new accounts. Does not check the second factor.
    pub(crate) async fn authenticate(
        &self,
        caller: &Caller,
        login: &PasswordLogin,
        wanted: Wanted,
    ) -> Result<Authenticated, Error> {
        let attempt = self.begin_attempt(Guessed::Password, &login.name, caller, &login.password).await?;
        let result = match wanted {
            Wanted::Either => self.log_in_or_sign_up(caller, login).await,
            Wanted::LogIn | Wanted::LogInAtTerminal | Wanted::SignUp => {
                self.ask_with_password(caller, login, wanted).await
            }
        };
        attempt.settle(&result, |error| {
            let is_refused_password =
                matches!(error, Error::Login(LoginError::WrongPasswordForAnyAccount { .. }));
            (is_wrong_password(error) && !is_refused_password) || tells_of_names(error, wanted)
        });
        match &result {
            Ok(known) if known.signed_up => {
                self.authorization.emit(&caller.known_as(known.principal.clone()), None, EventKind::SignedUp);
            }
            Err(error) if is_wrong_password(error) => {
                let anonymous = caller.without_credentials();
                self.authorization.emit(
                    &anonymous,
                    None,
                    EventKind::LoginFailed { name: login.name.clone() },
                );
            }
            Ok(_) | Err(_) => {}
        }
        result
    }

    /// Checks whether a new account could have the password before it looks up the name, so that neither the answer
    /// nor its timing reveals which names are taken.
    ///
    /// A rejected password may still be that of an older account, so it counts as a guess whether the name is taken
    /// or not. It counts apart from other passwords, so that a caller who then chooses a better one signs up without
    /// a wait.
    async fn log_in_or_sign_up(
        &self,
        caller: &Caller,
        login: &PasswordLogin,
    ) -> Result<Authenticated, Error> {
        let Some(reason) = self.refused_password(login).await? else {
            return self.ask_with_password(caller, login, Wanted::Either).await;
        };
        let attempt =
            self.begin_attempt(Guessed::RefusedPassword, &login.name, caller, &login.password).await?;
        let result = self.log_in_with_refused_password(caller, login, reason).await;
        attempt.settle(&result, is_wrong_password);
        result
    }

    async fn log_in_with_refused_password(
        &self,
        caller: &Caller,
        login: &PasswordLogin,
        reason: String,
    ) -> Result<Authenticated, Error> {
        let since = self.parts.clock.now();
        match self.try_providers(caller, login, Wanted::Either, since).await {
            Ok(Some(known)) => return Ok(known),
            Ok(None) => self.parts.store.confirm_absence().await?,
            Err(Error::Login(LoginError::WrongPassword)) => {}
            Err(error) => return Err(error),
        }
        Err(Error::Login(LoginError::WrongPasswordForAnyAccount { reason }))
    }

    /// Returns why no new account can have this password.
    async fn refused_password(&self, login: &PasswordLogin) -> Result<Option<String>, Error> {
        for provider in &self.parts.providers {
            if let Some(reason) = provider.refuses_password(login).await? {
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }

    async fn ask_with_password(
        &self,
        caller: &Caller,
        login: &PasswordLogin,
        wanted: Wanted,
    ) -> Result<Authenticated, Error> {
        // Read before the password check, so that a concurrent password change ends this session too.
        let since = self.parts.clock.now();
        if wanted != Wanted::SignUp
            && let Some(known) = self.try_providers(caller, login, wanted, since).await?
        {
            return Ok(known);
        }
        // An unmounted store reports every name as free.
        self.parts.store.confirm_absence().await?;
        if !wanted.makes_accounts() {
            return Err(Error::Login(LoginError::WrongPassword));
        }
        for provider in &self.parts.providers {
            self.count_sign_up(caller)?;
            let signed_up = self.sign_up_at(provider.as_ref(), login).await;
            if !matches!(signed_up, Ok(SignedUp::Principal(_))) {
                self.no_sign_up(caller);
            }
            match signed_up? {
                SignedUp::Principal(principal) => {
                    // The account is new: a stored second factor belongs to an earlier account of that name at this
                    // provider.
                    self.parts.store.delete(&Key::TwoFactor(&principal.name).path()?).await?;
                    let since = self.parts.clock.now();
                    return Ok(Authenticated { provider: provider.id(), principal, since, signed_up: true });
                }
                SignedUp::NameTaken if wanted == Wanted::SignUp => {
                    return Err(Error::Login(LoginError::NameTaken));
                }
                // A concurrent request created it, possibly a retry of this client.
                SignedUp::NameTaken => {
                    let known = self.try_providers(caller, login, wanted, since).await?;
                    return known.ok_or(Error::Login(LoginError::WrongPassword));
                }
                SignedUp::NotOffered => {}
            }
        }
        Err(if wanted == Wanted::SignUp {
            Error::Login(LoginError::NoSignUp)
        } else {
            Error::Login(LoginError::WrongPassword)
        })
    }

    /// Claims the name before it creates the account, so that at most one of two providers creates it.
    async fn sign_up_at(
        &self,
        provider: &dyn AuthProvider,
        login: &PasswordLogin,
    ) -> Result<SignedUp, Error> {
        if !provider.offers_sign_up(login).await? {
            return Ok(SignedUp::NotOffered);
        }
        if self.claim_for_new(provider.id(), &login.name).await?.is_none() {
            return Ok(SignedUp::NameTaken);
        }
        Ok(match provider.sign_up(login).await? {
            SignedUp::Principal(principal) => {
                SignedUp::Principal(self.admit(provider.id(), principal).await?)
            }
            other => other,
        })
    }

    async fn try_providers(
        &self,
        caller: &Caller,
        login: &PasswordLogin,
        wanted: Wanted,
        since: DateTime<Utc>,
    ) -> Result<Option<Authenticated>, Error> {
        // A password that one provider rejects may be right at the provider that owns the name. An error after a
        // right password is returned with its reason.
        let mut is_wrong = false;
        for provider in &self.parts.providers {
            if wanted.is_at_terminal()
                && !is_wrong
                && asks_for_device(login)
                && let Some(code) = self.begin_device_login(caller, &login.name, provider.as_ref()).await?
            {
                return Err(code);
            }
            match provider.log_in(login).await {
                Ok(LoggedIn::Principal(principal)) => {
                    let principal = self.admit(provider.id(), principal).await.map_err(refused_name)?;
                    let provider = provider.id();
                    return Ok(Some(Authenticated { provider, principal, since, signed_up: false }));
                }
                Ok(LoggedIn::WrongPassword) => is_wrong = true,
                Ok(LoggedIn::NoSuchAccount) => {}
                Err(_) if is_wrong => {}
                Err(error) => return Err(refused(error)),
            }
        }
        if is_wrong { Err(Error::Login(LoginError::WrongPassword)) } else { Ok(None) }
    }
}

/// Converts the error that another provider owns the name into a refusal of the login with that reason.
pub(crate) fn refused_name(error: Error) -> Error {
    if error.is_name_of_another() {
        Error::Login(LoginError::Rejected { reason: error.to_string() })
    } else {
        error
    }
}

fn is_wrong_password(error: &Error) -> bool {
    matches!(
        error,
        Error::Login(
            LoginError::WrongPassword
                | LoginError::WrongPasswordForAnyAccount { .. }
                | LoginError::Rejected { .. }
        )
    )
}

/// Returns whether an error reveals which names are taken, which counts as a guess too. A sign-up validates its input
/// before it looks up the name; a login is rejected as unacceptable only where the name is free.
fn tells_of_names(error: &Error, wanted: Wanted) -> bool {
    match error {
        Error::Login(LoginError::NameTaken) => true,
        Error::Auth(AuthError::Unacceptable { .. }) => wanted != Wanted::SignUp,
        _ => false,
    }
}

/// Converts a reason from a provider into a refusal of the login.
pub(crate) fn refused(error: AuthError) -> Error {
    match error {
        AuthError::Unacceptable { reason } => Error::Login(LoginError::Rejected { reason }),
        error @ AuthError::Unavailable { .. } => Error::Auth(error),
    }
}
