use std::fmt::{Debug, Display};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::AuthError;

/// Verifies signed identity tokens of one issuer, for example of builds.
///
/// # Contract
///
/// - Nothing in a token is trusted before its signature is verified with a key of this issuer.
/// - If the keys cannot be fetched, the result is [`AuthError::Unavailable`], never valid and never invalid.
/// - A token for none of the `audiences`, or one that is not valid now, is rejected.
/// - Tokens appear in no error, no `Debug` and no `Display`.
#[async_trait]
pub trait TokenIssuer: Debug + Display + Send + Sync + 'static {
    /// Returns the `iss` of its tokens, byte for byte.
    fn url(&self) -> &str;

    /// Verifies a token, which must be meant for one of these audiences.
    async fn verify(&self, token: &SecretString, audiences: &[String]) -> Result<Verified, AuthError>;
}

/// The result of verifying a token.
#[derive(Debug, Clone, PartialEq)]
pub enum Verified {
    /// It is valid.
    Token(IdToken),
    /// It is invalid, for this reason, which contains nothing that the issuer did not sign.
    Refused(IdTokenRefusal),
    /// It names another issuer.
    NotMine,
}

/// A token whose signature, audience and times are valid.
#[derive(Debug, Clone, PartialEq)]
pub struct IdToken {
    /// Identifies the token among all tokens of this issuer.
    pub id: String,
    /// When it expires, clock skew included.
    pub expires: DateTime<Utc>,
    /// Its claims.
    pub claims: Map<String, Value>,
}

/// Why a token is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdTokenRefusal {
    /// Not a signed token, or an ambiguous one.
    #[error("it is not a signed token as issuers of OpenID Connect create it")]
    Malformed,
    /// Unsigned, signed with an unsafe algorithm, or with one that its key is not for.
    #[error("its signature algorithm is not supported: use RS256, PS256, ES256 or EdDSA")]
    Algorithm,
    /// The issuer has no such key.
    #[error("it is signed with a key that its issuer does not have")]
    UnknownKey,
    /// Signed by another party, or changed after signing.
    #[error("its signature is wrong")]
    Signature,
    /// Meant for another audience.
    #[error("it is meant for another audience: request one for the audience {expected}")]
    Audience {
        /// The accepted audience.
        expected: String,
    },
    /// Expired.
    #[error("it has expired: request a new one")]
    Expired,
    /// Not valid yet.
    #[error("it is not valid yet: check the clocks")]
    NotYet,
    /// A required claim is missing or malformed.
    #[error("its claim {claim} is missing or malformed")]
    Claim {
        /// The claim.
        claim: &'static str,
    },
}
