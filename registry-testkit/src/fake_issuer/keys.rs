use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use sha2::Sha256;

/// A key of 2048 bits, which ring cannot make. It is good for tests and nothing else.
const RSA_KEY: &[u8] = include_bytes!("rsa_key.der");

/// The ways in which a [`FakeIssuer`](super::FakeIssuer) signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSA as of PKCS #1.
    Rs256,
    /// RSA with PSS.
    Ps256,
}

/// The keys of one generation. Its elliptic ones are made when it is.
pub(super) struct Keys {
    generation: u32,
    ecdsa: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
    rsa: RsaKeyPair,
    random: SystemRandom,
}

impl Signing {
    /// Its name in a token.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }
}

impl Keys {
    #[expect(
        clippy::expect_used,
        reason = "keys that were made a line above, or lie beside this file, can be read"
    )]
    pub(super) fn new(generation: u32) -> Self {
        let random = SystemRandom::new();
        let ecdsa = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        Self {
            generation,
            ecdsa: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ecdsa.as_ref(), &random)
                .expect("a key"),
            ed25519: Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).expect("a key"),
            rsa: RsaKeyPair::from_der(RSA_KEY).expect("a key"),
            random,
        }
    }

    pub(super) fn id(&self, signing: Signing) -> String {
        let kind = match signing {
            Signing::Rs256 | Signing::Ps256 => "rsa",
            Signing::Es256 => "ec",
            Signing::EdDsa => "ed",
        };
        format!("{kind}-{}", self.generation)
    }

    /// What the issuer says of them.
    pub(super) fn published(&self) -> Vec<Value> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (x, y) = self.ecdsa.public_key().as_ref()[1..].split_at(32);
        let rsa = RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        vec![
            json!({
                "kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": self.id(Signing::Es256),
                "x": text(x), "y": text(y),
            }),
            json!({
                "kty": "OKP", "use": "sig", "crv": "Ed25519", "kid": self.id(Signing::EdDsa),
                "x": text(self.ed25519.public_key().as_ref()),
            }),
            json!({
                "kty": "RSA", "use": "sig", "kid": self.id(Signing::Rs256),
                "n": text(&rsa.n),
                "e": text(&rsa.e),
            }),
        ]
    }

    #[expect(clippy::expect_used, reason = "a sound key signs")]
    pub(super) fn sign(&self, signing: Signing, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let rsa = |scheme| {
            let mut signature = vec![0; self.rsa.public().modulus_len()];
            self.rsa.sign(scheme, &self.random, message.as_bytes(), &mut signature).expect("a signature");
            signature
        };
        let signature = match signing {
            Signing::Es256 => {
                self.ecdsa.sign(&self.random, message.as_bytes()).expect("a signature").as_ref().to_vec()
            }
            Signing::EdDsa => self.ed25519.sign(message.as_bytes()).as_ref().to_vec(),
            Signing::Rs256 => rsa(&RSA_PKCS1_SHA256),
            Signing::Ps256 => rsa(&RSA_PSS_SHA256),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token that is signed by HMAC, with what everybody knows for a key.
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    pub(super) fn confuse(&self, claims: &Value) -> String {
        let header = json!({ "alg": "HS256", "kid": self.id(Signing::Rs256) });
        let message = message(&header, claims);
        let key = self.rsa.public().as_ref();
        let mut code = Hmac::<Sha256>::new_from_slice(key).expect("a key");
        code.update(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(code.finalize().into_bytes()))
    }
}

/// What is signed of a token.
pub(super) fn message(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}
