use std::fmt::{Debug, Display};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::AuthError;

/// Vouches with signed tokens for whoever shows them, such as a build.
///
/// # Contract
///
/// - Nothing in a token is believed before its signature was checked with a key of this issuer.
/// - Whose keys cannot be had is [`AuthError::Unavailable`], never good and never bad.
/// - A token for somebody else than the `audiences`, or one that is not good now, is refused.
/// - Tokens appear in no error, no `Debug` and no `Display`.
#[async_trait]
pub trait TokenIssuer: Debug + Display + Send + Sync + 'static {
    /// What its tokens say in `iss`, byte for byte.
    fn url(&self) -> &str;

    /// Checks a token, which must be meant for one of these audiences.
    async fn verify(&self, token: &SecretString, audiences: &[String]) -> Result<Verified, AuthError>;
}

/// What came of checking a token.
#[derive(Debug, Clone, PartialEq)]
pub enum Verified {
    /// It is good.
    Token(IdToken),
    /// It is not, for this reason, which holds nothing that the issuer did not sign.
    Refused(IdTokenRefusal),
    /// It says that it is of another issuer.
    NotMine,
}

/// A token whose signature, audience and times are right.
#[derive(Debug, Clone, PartialEq)]
pub struct IdToken {
    /// What tells it from every other token of this issuer.
    pub id: String,
    /// Until when it is good, clock skew included.
    pub expires: DateTime<Utc>,
    /// What it says.
    pub claims: Map<String, Value>,
}

/// Why a token is not good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdTokenRefusal {
    /// Not a signed token at all, or one that readers could read in two ways.
    #[error("it is no signed token in the form that issuers of OpenID Connect use")]
    Malformed,
    /// It is not signed, or in a way that is not safe, or not in the way that its key is for.
    #[error("it is not signed with an algorithm that is taken here: RS256, PS256, ES256 or EdDSA")]
    Algorithm,
    /// The issuer has no such key.
    #[error("it is signed with a key that its issuer does not have")]
    UnknownKey,
    /// Somebody else signed it, or changed it.
    #[error("its signature is wrong")]
    Signature,
    /// It is for somebody else.
    #[error("it is meant for somebody else: ask for one with the audience {expected}")]
    Audience {
        /// What it should be meant for.
        expected: String,
    },
    /// Its time is over.
    #[error("it has expired: ask for a new one")]
    Expired,
    /// Its time has not come.
    #[error("it is not good yet: look whether the clocks are right")]
    NotYet,
    /// It lacks a claim that it must have.
    #[error("it lacks the claim {claim}, or has it in another form")]
    Claim {
        /// The claim.
        claim: &'static str,
    },
}
