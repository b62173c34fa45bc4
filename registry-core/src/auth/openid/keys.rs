use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

use super::jwt::{Algorithm, Unverified, decode};
use crate::auth::IdTokenRefusal;

/// Issuers have a handful.
const MOST_KEYS: usize = 100;

/// The keys of an issuer from its JWKS. Keys that are not for signatures, or of an unknown type, are skipped.
#[derive(Debug, Default)]
pub(super) struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// The only algorithm it may be used with, if the issuer says so.
    algorithm: Option<String>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
pub(super) struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    pub(super) fn of(set: KeySet) -> Self {
        let known = |key| serde_json::from_value::<Jwk>(key).ok().and_then(Key::of);
        Self(set.keys.into_iter().take(MOST_KEYS).filter_map(known).collect())
    }

    /// Returns whether the issuer has the key that a token names. A token without a key id is tried with all keys.
    pub(super) fn have(&self, key_id: Option<&str>) -> bool {
        self.0.iter().any(|key| key.is_named(key_id))
    }

    /// Verifies the signature. The key's type decides which algorithms are accepted, not the token alone.
    pub(super) fn verify(&self, token: &Unverified<'_>) -> Result<(), IdTokenRefusal> {
        let named: Vec<_> = self.0.iter().filter(|key| key.is_named(token.key_id.as_deref())).collect();
        if named.is_empty() {
            return Err(IdTokenRefusal::UnknownKey);
        }
        let mut fitting = named.into_iter().filter(|key| key.fits(token.algorithm)).peekable();
        if fitting.peek().is_none() {
            return Err(IdTokenRefusal::Algorithm);
        }
        if fitting.any(|key| key.verify(token)) { Ok(()) } else { Err(IdTokenRefusal::Signature) }
    }
}

impl Key {
    fn of(jwk: Jwk) -> Option<Self> {
        if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let bytes = |text: &Option<String>| decode(text.as_deref()?).ok();
        let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Material::Rsa { n: bytes(&jwk.n)?, e: bytes(&jwk.e)? },
            ("EC", Some("P-256")) => {
                // An uncompressed point: SEC 1, 2.3.3.
                let point = [vec![4], bytes(&jwk.x)?, bytes(&jwk.y)?].concat();
                Material::P256(Some(point).filter(|point| point.len() == 65)?)
            }
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(&jwk.x)?),
            _ => return None,
        };
        Some(Self { id: jwk.kid, algorithm: jwk.alg, material })
    }

    fn is_named(&self, key_id: Option<&str>) -> bool {
        key_id.is_none_or(|id| self.id.as_deref() == Some(id))
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let said = self.algorithm.as_deref().is_none_or(|said| Algorithm::parse(said) == Some(algorithm));
        said && matches!(
            (&self.material, algorithm),
            (Material::Rsa { .. }, Algorithm::Rs256 | Algorithm::Ps256)
                | (Material::P256(_), Algorithm::Es256)
                | (Material::Ed25519(_), Algorithm::EdDsa)
        )
    }

    fn verify(&self, token: &Unverified<'_>) -> bool {
        let (message, signature) = (token.signed.as_bytes(), &token.signature);
        match &self.material {
            Material::Rsa { n, e } => {
                let scheme = match token.algorithm {
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.verify(scheme, message, signature)
            }
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Material::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
        }
        .is_ok()
    }
}
