//! Logins at a terminal without a browser: the user types a code into a page of the provider on any device, and types
//! digits of this registry, which only their terminal displays, into the terminal.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::accounts::Accounts;
use crate::accounts::abuse::Guessed;
use crate::accounts::login::{refused, refused_name};
use crate::accounts::login_answer::{Authenticated, LoginStep};
use crate::auth::{
    AuthProvider, Caller, Challenge, DeviceCode, DevicePoll, Identified, PasswordLogin, asks_for_device,
};
use crate::error::LoginError;
use crate::events::EventKind;
use crate::events::WebLoginRejection;
use crate::randomness::{Randomness, random_bytes};
use crate::storage::{BlobDecision, BlobPath, BlobPathError, Key, PutOutcome, When};

use super::session_token::hash_of;

/// Digits that the terminal displays. npm accepts nothing else where it asks for a one-time password.
const DIGITS: usize = 12;
/// Logins expire at multiples of this many seconds, so that the typed digits alone locate them.
const STEP: i64 = 900;
/// The most steps that a login may last: no provider gives its users longer.
const STEPS: i64 = 3;

/// A terminal login, as it is stored, under a hash of the digits.
#[derive(Serialize, Deserialize)]
struct DeviceSession {
    provider: String,
    url: String,
    user_code: String,
    /// What the provider needs to finish.
    state: String,
    since: DateTime<Utc>,
    expires: DateTime<Utc>,
    /// Seconds to wait between two polls.
    interval: u64,
    /// The earliest time of the next poll.
    ask_from: DateTime<Utc>,
}

/// A stored login and its path.
struct Found {
    session: DeviceSession,
    path: BlobPath,
}

impl DeviceSession {
    fn code(&self, digits: SecretString) -> DeviceCode {
        DeviceCode { url: self.url.clone(), user_code: self.user_code.clone(), digits }
    }
}

impl Accounts {
    /// Begins a login at this terminal. Returns the code to display, or `None` where the provider has no device
    /// login.
    pub(crate) async fn begin_device_login(
        &self,
        caller: &Caller,
        name: &str,
        provider: &dyn AuthProvider,
    ) -> Result<Option<DeviceCode>, Error> {
        let since = self.parts.clock.now();
        self.count_start(caller)?;
        let Some(begun) = provider.start_device_login().await.map_err(refused)? else { return Ok(None) };
        let seconds = i64::try_from(begun.expires_in.as_secs()).unwrap_or(i64::MAX).min(STEP * (STEPS - 1));
        let session = DeviceSession {
            provider: provider.id().to_owned(),
            url: begun.url.into(),
            user_code: begun.user_code,
            state: begun.state.expose_secret().to_owned(),
            since,
            expires: since + TimeDelta::seconds(seconds),
            interval: begun.interval.as_secs(),
            ask_from: since,
        };
        let digits = new_digits(self.parts.randomness.as_ref());
        let kept_until = (session.expires.timestamp() / STEP + 1) * STEP;
        let path = path(kept_until, name, &digits)?;
        let stored = self.parts.store.put(&path, write(&session)?, When::Absent).await?;
        if stored == PutOutcome::Conflict {
            return Err(Error::Internal("the same random digits were made twice".into()));
        }
        self.authorization.emit(caller, None, EventKind::WebLoginStarted);
        if let Err(error) = self.sweep_sessions().await {
            tracing::debug!(error = &error as &dyn std::error::Error, "expired logins were not swept");
        }
        Ok(Some(session.code(digits)))
    }

    /// Finishes a login whose digits came back from the terminal, or shows its code again. Returns `None` if the digits are of
    /// no such login.
    pub(crate) async fn finish_device_login(
        &self,
        caller: &Caller,
        login: &PasswordLogin,
    ) -> Result<Option<LoginStep>, Error> {
        let shown = caller.one_time_password.as_ref().filter(|_| asks_for_device(login));
        let Some(digits) = shown.and_then(as_digits) else { return Ok(None) };
        let attempt = self.begin_attempt(Guessed::DeviceDigits, &login.name, caller, &digits).await?;
        let found = self.device_session(&login.name, &digits).await;
        attempt.settle(&found, |error| matches!(error, Error::Login(LoginError::WrongOneTimePassword)));
        if let Err(Error::Login(LoginError::WrongOneTimePassword)) = &found {
            let failed = EventKind::LoginFailed { name: login.name.clone() };
            self.authorization.emit(caller, None, failed);
        }
        let found = found?;
        let (session, now) = (&found.session, self.parts.clock.now());
        if now < session.ask_from {
            return Ok(Some(LoginStep::Challenge(Challenge::DeviceCode(session.code(digits)))));
        }
        let known = self.provider(&session.provider).ok_or(Error::Login(LoginError::WrongOneTimePassword))?;
        let state = SecretString::from(session.state.as_str());
        match known.poll_device_login(&state).await {
            Ok(DevicePoll::Waiting { slower_by }) => {
                self.ask_later(&found.path, now, slower_by).await?;
                Ok(Some(LoginStep::Challenge(Challenge::DeviceCode(session.code(digits)))))
            }
            Ok(DevicePoll::Finished(ended)) => {
                self.parts.store.delete(&found.path).await?;
                let Identified::Principal(principal) = ended else {
                    let reason = format!(
                        "{known} did not confirm your login: the code was rejected or has expired; log in \
                         again for a new code"
                    );
                    return Err(self.refuse_web_login(
                        caller,
                        WebLoginRejection::Provider,
                        Error::Login(LoginError::Rejected { reason }),
                    ));
                };
                let principal = self.admit(known.id(), principal).await.map_err(|error| {
                    let is_name_of_another = error.is_name_of_another();
                    let error = refused_name(error);
                    if is_name_of_another {
                        return self.refuse_web_login(caller, WebLoginRejection::NameOfAnother, error);
                    }
                    error
                })?;
                self.check_device_principal(caller, login, &principal.name).await?;
                let (provider, since) = (known.id(), found.session.since);
                let known = Authenticated { provider, principal, since, signed_up: false };
                Ok(Some(LoginStep::Authenticated(known)))
            }
            Err(error) => {
                let error = refused(error);
                if matches!(error, Error::Login(LoginError::Rejected { .. })) {
                    self.parts.store.delete(&found.path).await?;
                    return Err(self.refuse_web_login(caller, WebLoginRejection::Provider, error));
                }
                Err(error)
            }
        }
    }

    /// Rejects the login if another account than the one named in the terminal entered the code, or if the account
    /// has a second factor, which a terminal login cannot ask for.
    async fn check_device_principal(
        &self,
        caller: &Caller,
        login: &PasswordLogin,
        name: &str,
    ) -> Result<(), Error> {
        if !name.eq_ignore_ascii_case(&login.name) {
            let reason = format!(
                "the code was entered by {name}, but the login is for {}: log in with your own name",
                login.name
            );
            return Err(self.refuse_web_login(
                caller,
                WebLoginRejection::OtherAccount,
                Error::Login(LoginError::Rejected { reason }),
            ));
        }
        if self.has_two_factor(name).await? {
            let reason =
                "your account has a second factor here: log in with the browser (npm login --auth-type=web)";
            let error = Error::Login(LoginError::Rejected { reason: reason.into() });
            return Err(self.refuse_web_login(caller, WebLoginRejection::SecondFactor, error));
        }
        Ok(())
    }

    async fn device_session(&self, name: &str, digits: &SecretString) -> Result<Found, Error> {
        let now = self.parts.clock.now();
        let next = now.timestamp() / STEP + 1;
        for kept_until in (next..next + STEPS).map(|step| step * STEP) {
            let path = path(kept_until, name, digits)?;
            let Some(blob) = self.parts.store.get(&path).await? else { continue };
            let session = read(&blob.bytes)?;
            if now < session.expires {
                return Ok(Found { session, path });
            }
        }
        self.parts.store.confirm_absence().await?;
        Err(Error::Login(LoginError::WrongOneTimePassword))
    }

    /// Stores when the provider may be polled again. A concurrent request of the same login may have done so, or
    /// ended it.
    async fn ask_later(&self, path: &BlobPath, now: DateTime<Utc>, slower_by: Duration) -> Result<(), Error> {
        let noted = self.parts.store.update_with(path, |stored| {
            let Some(blob) = stored else { return Ok(BlobDecision::Keep(())) };
            let mut session = read(&blob.bytes)?;
            if session.ask_from > now {
                return Ok(BlobDecision::Keep(()));
            }
            session.interval += slower_by.as_secs();
            session.ask_from = now + TimeDelta::seconds(session.interval.cast_signed());
            Ok::<_, Error>(BlobDecision::Write(write(&session)?, ()))
        });
        noted.await
    }
}

fn read(json: &[u8]) -> Result<DeviceSession, Error> {
    // The error of serde could quote the provider's state.
    serde_json::from_slice(json).map_err(|_| Error::Damaged("a login at a terminal cannot be read".into()))
}

fn write(session: &DeviceSession) -> Result<Bytes, Error> {
    Ok(serde_json::to_vec(session).map_err(Error::internal)?.into())
}

fn path(kept_until: i64, name: &str, digits: &SecretString) -> Result<BlobPath, BlobPathError> {
    let whose = format!("device {} {}", digits.expose_secret(), name.to_ascii_lowercase());
    Key::Session(kept_until, &hash_of(&whose)).path()
}

fn new_digits(randomness: &dyn Randomness) -> SecretString {
    let number = u64::from_be_bytes(random_bytes::<8>(randomness)) % 10_u64.pow(12);
    format!("{number:0DIGITS$}").into()
}

/// Returns the typed digits if they have the right form. Users and clients add or remove spaces.
fn as_digits(typed: &SecretString) -> Option<SecretString> {
    let digits: String = typed.expose_secret().chars().filter(|character| *character != ' ').collect();
    let fits = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| digits.into())
}
