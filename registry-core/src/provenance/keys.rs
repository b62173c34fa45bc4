use rustls_pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use webpki::{EndEntityCert, RawPublicKeyEntity, ring};

/// What Sigstore signs statements, checkpoints and certificate logs with.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] =
    &[ring::ECDSA_P256_SHA256, ring::ECDSA_P384_SHA384, ring::ECDSA_P384_SHA256, ring::ED25519];

/// What certificates and timestamps may be signed with.
pub(super) const CERTIFICATE_ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    ring::ECDSA_P256_SHA256,
    ring::ECDSA_P256_SHA384,
    ring::ECDSA_P384_SHA256,
    ring::ECDSA_P384_SHA384,
    ring::ED25519,
    ring::RSA_PKCS1_2048_8192_SHA256,
    ring::RSA_PKCS1_2048_8192_SHA384,
    ring::RSA_PKCS1_2048_8192_SHA512,
    ring::RSA_PKCS1_3072_8192_SHA384,
];

/// A public key, as its SPKI in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VerifyingKey(Vec<u8>);

impl VerifyingKey {
    /// Returns the key; `None` if it is not an SPKI.
    pub(super) fn new(spki: Vec<u8>) -> Option<Self> {
        let is_key = RawPublicKeyEntity::try_from(&SubjectPublicKeyInfoDer::from(&*spki)).is_ok();
        is_key.then_some(Self(spki))
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let spki = SubjectPublicKeyInfoDer::from(&*self.0);
        let Ok(key) = RawPublicKeyEntity::try_from(&spki) else { return false };
        ALGORITHMS.iter().any(|algorithm| key.verify_signature(*algorithm, message, signature).is_ok())
    }
}

/// Whether the key of a certificate signed these bytes.
pub(super) fn certificate_verifies(
    certificate: &EndEntityCert<'_>,
    message: &[u8],
    signature: &[u8],
) -> bool {
    ALGORITHMS.iter().any(|algorithm| certificate.verify_signature(*algorithm, message, signature).is_ok())
}
