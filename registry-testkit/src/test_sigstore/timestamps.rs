use chrono::{DateTime, Utc};
use rcgen::{
    Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, SigningKey as _,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::authority::root_certificate;
use super::der::{GENERALIZED_TIME, INTEGER, OCTETS, SET, oid, sequence, tlv};
use super::{authority, new_key};

const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
const TIMESTAMP_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

/// A timestamp authority (RFC 3161).
#[derive(Debug)]
pub(super) struct TestTimestamps {
    root: Certificate,
    certificate: Certificate,
    key: KeyPair,
}

impl TestTimestamps {
    pub(super) fn new() -> Self {
        let (root_key, key) = (new_key(), new_key());
        let (root, root_params) = root_certificate("test timestamp root", &root_key);
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "test timestamps");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::TimeStamping];
        let issuer = Issuer::new(root_params, root_key);
        let certificate = params.signed_by(&key, &issuer).unwrap_or_else(|error| panic!("{error}"));
        Self { root, certificate, key }
    }

    pub(super) fn trusted(&self) -> Value {
        authority(&[self.certificate.der(), self.root.der()])
    }

    /// A response with a timestamp of these bytes.
    pub(super) fn token(&self, message: &[u8], time: DateTime<Utc>) -> Vec<u8> {
        let one = || tlv(INTEGER, &[1]);
        let three = || tlv(INTEGER, &[3]);
        let sha256 = || sequence(&[oid(SHA256)]);
        let time = tlv(GENERALIZED_TIME, time.format("%Y%m%d%H%M%SZ").to_string().as_bytes());
        let imprint = sequence(&[sha256(), tlv(OCTETS, &Sha256::digest(message))]);
        let info = sequence(&[one(), oid(&[0x2a, 3, 4]), imprint, tlv(INTEGER, &[7]), time]);
        let attribute = |kind, value: Vec<u8>| sequence(&[oid(kind), tlv(SET, &value)]);
        let attributes = [
            attribute(CONTENT_TYPE, oid(TIMESTAMP_INFO)),
            attribute(MESSAGE_DIGEST, tlv(OCTETS, &Sha256::digest(&info))),
        ]
        .concat();
        let signature = self.key.sign(&tlv(SET, &attributes)).unwrap_or_else(|error| panic!("{error}"));
        let signer = sequence(&[
            three(),
            tlv(0x80, b"test timestamps"),
            sha256(),
            tlv(0xa0, &attributes),
            sequence(&[oid(ECDSA_SHA256)]),
            tlv(OCTETS, &signature),
        ]);
        let content = sequence(&[oid(TIMESTAMP_INFO), tlv(0xa0, &tlv(OCTETS, &info))]);
        let data = sequence(&[
            three(),
            tlv(SET, &sha256()),
            content,
            tlv(0xa0, self.certificate.der()),
            tlv(SET, &signer),
        ]);
        let token = sequence(&[oid(SIGNED_DATA), tlv(0xa0, &data)]);
        sequence(&[sequence(&[tlv(INTEGER, &[0])]), token])
    }
}
