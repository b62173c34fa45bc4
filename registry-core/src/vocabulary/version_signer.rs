use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::VersionSignature;

use super::BoxError;

/// Signs the versions that are published here, such as with a key in a key management service.
///
/// Implementations must be cheap to ask: a publish waits for [`Self::sign`].
#[async_trait]
pub trait VersionSigner: Debug + Send + Sync {
    /// Signs `message`, which is `name@version:integrity` in UTF-8, as npm's registries do: ECDSA on P-256 with SHA-256.
    ///
    /// # Errors
    ///
    /// Any error rejects the publish, since clients that verify signatures reject a version without one.
    async fn sign(&self, message: &[u8]) -> Result<VersionSignature, SignerError>;

    /// Returns an error if the next version could not be signed, for health checks. Asked every few seconds. By default, it
    /// never fails.
    async fn check(&self) -> Result<(), SignerError> {
        Ok(())
    }

    /// Returns every key that a signature of this registry may name, also those that are no longer signed with. A key must be
    /// listed before the first signature with it is returned.
    async fn keys(&self) -> Result<Vec<ListedKey>, SignerError>;
}

/// A public key, as `/-/npm/v1/keys` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedKey {
    /// When the key stops to sign. Clients reject its signatures of versions that were published later.
    pub expires: Option<DateTime<Utc>>,
    /// The id of the key.
    pub keyid: String,
    /// The kind of the key, `ecdsa-sha2-nistp256`.
    pub keytype: String,
    /// How it signs, `ecdsa-sha2-nistp256`.
    pub scheme: String,
    /// The base64 of its SPKI in DER.
    pub key: String,
}

/// Why a version could not be signed, or the keys could not be listed. Only the log says more.
#[derive(Debug, thiserror::Error)]
#[error(
    "the registry cannot sign versions at the moment: try again in a moment, or ask its operator to look at the log"
)]
pub struct SignerError(#[source] BoxError);

impl SignerError {
    /// An error with this cause.
    pub fn new(cause: impl Into<BoxError>) -> Self {
        Self(cause.into())
    }
}
