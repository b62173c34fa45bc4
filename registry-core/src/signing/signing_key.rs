use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::PublicKey;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// A key of the registry, with which it signs. Cannot be read out.
///
/// ```
/// use std::sync::Arc;
/// use registry_core::{Registry, signing::PublicKey, storage::ObjectStoreBlobs};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).build();
/// let key = registry.signing_key().await?;
/// let signature = key.sign(b"pear")?;
/// let public = PublicKey::from_pem(&key.public_key().pem())?;
/// assert!(public.verifies(b"pear", &signature));
/// assert!(!public.verifies(b"plum", &signature));
/// assert_eq!(public.id(), key.public_key().id());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

/// The operating system gave no random numbers, or the stored key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the registry's key cannot be made or used")]
pub struct SigningFailed;

impl SigningKey {
    /// Makes a new key, as PKCS #8.
    pub(super) fn generate() -> Result<Vec<u8>, SigningFailed> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        Ok(made.map_err(|_| SigningFailed)?.as_ref().to_vec())
    }

    /// Reads a key that [`Self::generate`] made.
    pub(super) fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SigningFailed> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &random);
        let pair = pair.map_err(|_| SigningFailed)?;
        let public = PublicKey::of_point(pair.public_key().as_ref());
        Ok(Self { pair, public })
    }

    /// Reads the first private key of a text, as `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` writes it:
    /// PEM of PKCS #8.
    pub fn from_pem(text: &str) -> Result<Self, SigningFailed> {
        let (_, rest) = text.split_once(BEGIN).ok_or(SigningFailed)?;
        let (encoded, _) = rest.split_once(END).ok_or(SigningFailed)?;
        let encoded: String = encoded.split_ascii_whitespace().collect();
        Self::from_pkcs8(&STANDARD.decode(encoded).map_err(|_| SigningFailed)?)
    }

    /// Returns what others verify with.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs these bytes. The signature is ASN.1 in DER, and another one each time.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        let signed = self.pair.sign(&SystemRandom::new(), message);
        Ok(signed.map_err(|_| SigningFailed)?.as_ref().to_vec())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.public.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_message_and_key_alone() {
        let key = || SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let (key, other) = (key(), key());
        let signature = key.sign(b"pear").unwrap();
        assert!(key.public_key().verifies(b"pear", &signature));
        assert!(!key.public_key().verifies(b"plum", &signature));
        assert!(!other.public_key().verifies(b"pear", &signature));
        for at in 0..signature.len() {
            let mut broken = signature.clone();
            broken[at] ^= 1;
            assert!(!key.public_key().verifies(b"pear", &broken), "byte {at}");
        }
        assert_eq!(PublicKey::from_pem(&key.public_key().pem()).as_ref(), Ok(key.public_key()));
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("SigningKey({})", key.public_key().id()));
    }
}
