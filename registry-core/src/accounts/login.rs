use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{
    AuthError, AuthProvider, Caller, Challenge, LoggedIn, PasswordLogin, SignedUp, TokenHash, asks_for_device,
};
use crate::concurrency::detached;
use crate::error::LoginError;
use crate::events::EventKind;
use crate::network::network_of;
use crate::storage::Key;

use super::abuse::{Attempt, Guessed};
use super::login_answer::{Authenticated, LoginAnswer, LoginStep, Session};

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

impl Accounts {
    pub(crate) async fn log_in(&self, caller: &Caller, login: &PasswordLogin) -> Result<LoginAnswer, Error> {
        let (accounts, caller, login) = (self.clone(), caller.clone(), login.clone());
        detached(async move { accounts.log_in_here(&caller, &login, Wanted::Either).await }).await
    }

    /// Like [`Registry::log_in`](crate::Registry::log_in), but a free name gets no account.
    pub(crate) async fn log_in_without_sign_up(
        &self,
        caller: &Caller,
        login: &PasswordLogin,
    ) -> Result<LoginAnswer, Error> {
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
    ) -> Result<LoginAnswer, Error> {
        let step = match self.finish_device_login(caller, login).await? {
            Some(step) => step,
            None => self.log_in_with_password(caller, login, wanted).await?,
        };
        match step {
            LoginStep::Authenticated(known) => {
                self.begin_session(caller, known).await.map(LoginAnswer::SignedIn)
            }
            LoginStep::Challenge(challenge) => Ok(LoginAnswer::Challenge(challenge)),
        }
    }

    async fn log_in_with_password(
        &self,
        caller: &Caller,
        login: &PasswordLogin,
        wanted: Wanted,
    ) -> Result<LoginStep, Error> {
        let step = match self.authenticate(caller, login, wanted).await {
            Err(Error::Login(LoginError::WrongPassword)) => return Err(self.wrong_password(wanted).await),
            step => step?,
        };
        if let LoginStep::Authenticated(known) = &step
            && !known.signed_up
            && let Some(challenge) = self.challenge_at_login(caller, &known.principal.name).await?
        {
            return Ok(LoginStep::Challenge(challenge));
        }
        Ok(step)
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
    ) -> Result<LoginStep, Error> {
        let attempt = self.begin_attempt(Guessed::Password, &login.name, caller, &login.password).await?;
        let result = match wanted {
            Wanted::Either => self.log_in_or_sign_up(caller, login).await,
            Wanted::LogIn | Wanted::LogInAtTerminal | Wanted::SignUp => {
                self.ask_with_password(caller, login, wanted).await
            }
        };
        settle_login(attempt, &result, |error| {
            let is_refused_password =
                matches!(error, Error::Login(LoginError::WrongPasswordForAnyAccount { .. }));
            (is_wrong_password(error) && !is_refused_password) || tells_of_names(error, wanted)
        });
        match &result {
            Ok(LoginStep::Authenticated(known)) if known.signed_up => {
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
    async fn log_in_or_sign_up(&self, caller: &Caller, login: &PasswordLogin) -> Result<LoginStep, Error> {
        let Some(reason) = self.refused_password(login).await? else {
            return self.ask_with_password(caller, login, Wanted::Either).await;
        };
        let attempt =
            self.begin_attempt(Guessed::RefusedPassword, &login.name, caller, &login.password).await?;
        let result = self.log_in_with_refused_password(caller, login, reason).await;
        settle_login(attempt, &result, is_wrong_password);
        result
    }

    async fn log_in_with_refused_password(
        &self,
        caller: &Caller,
        login: &PasswordLogin,
        reason: String,
    ) -> Result<LoginStep, Error> {
        let since = self.parts.clock.now();
        match self.try_providers(caller, login, Wanted::Either, since).await {
            Ok(Some(step)) => return Ok(step),
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
    ) -> Result<LoginStep, Error> {
        // Read before the password check, so that a concurrent password change ends this session too.
        let since = self.parts.clock.now();
        if wanted != Wanted::SignUp
            && let Some(step) = self.try_providers(caller, login, wanted, since).await?
        {
            return Ok(step);
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
                    let provider = provider.id();
                    let known = Authenticated { provider, principal, since, signed_up: true };
                    return Ok(LoginStep::Authenticated(known));
                }
                SignedUp::NameTaken if wanted == Wanted::SignUp => {
                    return Err(Error::Login(LoginError::NameTaken));
                }
                // A concurrent request created it, possibly a retry of this client.
                SignedUp::NameTaken => {
                    let step = self.try_providers(caller, login, wanted, since).await?;
                    return step.ok_or(Error::Login(LoginError::WrongPassword));
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
    ) -> Result<Option<LoginStep>, Error> {
        // A password that one provider rejects may be right at the provider that owns the name. An error after a
        // right password is returned with its reason.
        let mut is_wrong = false;
        for provider in &self.parts.providers {
            if wanted.is_at_terminal()
                && !is_wrong
                && asks_for_device(login)
                && let Some(code) = self.begin_device_login(caller, &login.name, provider.as_ref()).await?
            {
                return Ok(Some(LoginStep::Challenge(Challenge::DeviceCode(code))));
            }
            match provider.log_in(login).await {
                Ok(LoggedIn::Principal(principal)) => {
                    let principal = self.admit(provider.id(), principal).await.map_err(refused_name)?;
                    let provider = provider.id();
                    let known = Authenticated { provider, principal, since, signed_up: false };
                    return Ok(Some(LoginStep::Authenticated(known)));
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

/// Records the outcome of a guess. A challenge is no right password, so it does not end the count of wrong ones.
fn settle_login(attempt: Attempt, result: &Result<LoginStep, Error>, wrong: impl FnOnce(&Error) -> bool) {
    match result {
        Ok(LoginStep::Challenge(_)) => attempt.withdraw(),
        result => attempt.settle(result, wrong),
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
