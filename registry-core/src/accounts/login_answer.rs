use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::Error;
use crate::auth::{Challenge, Principal};

/// A login that succeeded.
#[derive(Debug, Clone)]
pub struct Session {
    /// The account that logged in.
    pub principal: Principal,
    /// The token for further requests. It is not stored: this is the only time it can be read.
    pub token: SecretString,
}

/// How a registry answers a login with a right password.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LoginAnswer {
    /// The login succeeded.
    SignedIn(Session),
    /// The caller must first show something else. Log in again as a
    /// [caller with it](crate::Registry::identify_with_one_time_password).
    Challenge(Challenge),
}

impl LoginAnswer {
    /// Returns the session.
    ///
    /// # Errors
    ///
    /// [`Error::Challenge`], for callers that cannot show anything else.
    pub fn into_session(self) -> Result<Session, Error> {
        match self {
            Self::SignedIn(session) => Ok(session),
            Self::Challenge(challenge) => Err(Error::Challenge(challenge)),
        }
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

/// How far a login came.
#[derive(Debug)]
pub(crate) enum LoginStep {
    /// A provider identified the principal.
    Authenticated(Authenticated),
    /// The user must do something first.
    Challenge(Challenge),
}
