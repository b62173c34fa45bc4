use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType,
    SerialNumber, SigningKey as _, date_time_ymd,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::der::{OCTETS, UTF8, first_of, tlv};
use super::{Build, authority, new_key, public_key};

/// Milliseconds since 1970 that its log writes into certificates.
const LOGGED: u64 = 1_767_322_999_000;

/// A certificate authority for builds, and the log of its certificates.
pub(super) struct TestAuthority {
    root: Certificate,
    intermediate: Certificate,
    issuer: Issuer<'static, KeyPair>,
    log: KeyPair,
    issued: AtomicU64,
}

impl std::fmt::Debug for TestAuthority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TestAuthority")
    }
}

impl TestAuthority {
    pub(super) fn new() -> Self {
        let (root_key, key) = (new_key(), new_key());
        let (root, root_params) = root_certificate("test root", &root_key);
        let params = ca("test intermediate");
        let root_issuer = Issuer::new(root_params, root_key);
        let intermediate = params.signed_by(&key, &root_issuer).unwrap_or_else(|error| panic!("{error}"));
        let issuer = Issuer::new(params, key);
        Self { root, intermediate, issuer, log: new_key(), issued: AtomicU64::new(1) }
    }

    pub(super) fn trusted(&self) -> Value {
        authority(&[self.intermediate.der(), self.root.der()])
    }

    pub(super) fn trusted_log(&self) -> Value {
        json!({
            "baseUrl": "https://ct.registry.example",
            "hashAlgorithm": "SHA2_256",
            "publicKey": public_key(&self.log, "PKIX_ECDSA_P256_SHA_256"),
            "logId": { "keyId": STANDARD.encode(self.log_id()) },
        })
    }

    fn log_id(&self) -> Vec<u8> {
        Sha256::digest(self.log.subject_public_key_info()).to_vec()
    }

    /// Issues a certificate that is valid on 2026-01-02, and is in the log of certificates.
    pub(super) fn issue(&self, key: &KeyPair, build: &Build) -> Vec<u8> {
        let mut params = CertificateParams::default();
        let Build { repository, git_ref, workflow, .. } = build;
        let identity = format!("{repository}/.github/workflows/{workflow}@{git_ref}");
        params.not_before = date_time_ymd(2026, 1, 2);
        params.not_after = date_time_ymd(2026, 1, 3);
        params.distinguished_name = DistinguishedName::new();
        params.serial_number = Some(SerialNumber::from(self.issued.fetch_add(1, Ordering::Relaxed)));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        let uri = Ia5String::try_from(identity.as_str()).unwrap_or_else(|error| panic!("{error}"));
        params.subject_alt_names = vec![SanType::URI(uri)];
        for (number, text) in [
            (8, "https://token.actions.githubusercontent.com"),
            (12, repository.as_str()),
            (14, git_ref.as_str()),
            (18, identity.as_str()),
        ] {
            let oid = [1, 3, 6, 1, 4, 1, 57264, 1, number];
            params
                .custom_extensions
                .push(CustomExtension::from_oid_content(&oid, tlv(UTF8, text.as_bytes())));
        }
        let sign = |params: &CertificateParams| {
            params.signed_by(key, &self.issuer).unwrap_or_else(|error| panic!("{error}"))
        };
        let logged = self.log_timestamp(first_of(sign(&params).der()));
        let oid = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];
        params.custom_extensions.push(CustomExtension::from_oid_content(&oid, tlv(OCTETS, &logged)));
        sign(&params).der().to_vec()
    }

    /// The list with the one timestamp, for a certificate without it.
    fn log_timestamp(&self, body: &[u8]) -> Vec<u8> {
        let issuer_key = Sha256::digest(self.issuer.key().subject_public_key_info());
        let length = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
        let signed =
            [&[0, 0][..], &LOGGED.to_be_bytes(), &[0, 1], &issuer_key, &length[1..], body, &[0, 0]].concat();
        let signature = self.log.sign(&signed).unwrap_or_else(|error| panic!("{error}"));
        let prefixed = |bytes: &[u8]| {
            let length = u16::try_from(bytes.len()).unwrap_or_default().to_be_bytes();
            [&length[..], bytes].concat()
        };
        let timestamp =
            [&[0][..], &self.log_id(), &LOGGED.to_be_bytes(), &[0, 0], &[4, 3], &prefixed(&signature)]
                .concat();
        prefixed(&prefixed(&timestamp))
    }
}

/// A certificate authority that issued itself.
pub(super) fn root_certificate(name: &str, key: &KeyPair) -> (Certificate, CertificateParams) {
    let params = ca(name);
    let certificate = params.self_signed(key).unwrap_or_else(|error| panic!("{error}"));
    (certificate, params)
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
