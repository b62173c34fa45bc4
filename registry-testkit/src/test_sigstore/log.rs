use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{new_key, public_key};

/// Its name, in checkpoints.
const ORIGIN: &str = "rekor.registry.example";

/// A transparency log. Each entry is the second of a tree of two.
#[derive(Debug)]
pub(super) struct TestLog {
    key: KeyPair,
    details: &'static str,
    id: Vec<u8>,
}

/// What is written down.
pub(super) struct Entry<'a> {
    pub(super) payload: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) certificate: &'a [u8],
    /// In seconds since 1970.
    pub(super) time: i64,
}

impl TestLog {
    pub(super) fn rekor_v1() -> Self {
        let key = new_key();
        let id = Sha256::digest(key.subject_public_key_info()).to_vec();
        Self { key, details: "PKIX_ECDSA_P256_SHA_256", id }
    }

    pub(super) fn rekor_v2() -> Self {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap_or_else(|error| panic!("{error}"));
        let named = [ORIGIN.as_bytes(), b"\n", &[1], key.der_bytes()].concat();
        Self { details: "PKIX_ED25519", id: Sha256::digest(named).to_vec(), key }
    }

    pub(super) fn trusted(&self) -> Value {
        json!({
            "baseUrl": format!("https://{ORIGIN}"),
            "hashAlgorithm": "SHA2_256",
            "publicKey": public_key(&self.key, self.details),
            "logId": { "keyId": STANDARD.encode(&self.id) },
        })
    }

    /// An entry as npm's clients have it today.
    pub(super) fn dsse_entry(&self, entry: &Entry<'_>) -> Value {
        let sha256 = |bytes: &[u8]| json!({ "algorithm": "sha256", "value": const_hex::encode(Sha256::digest(bytes)) });
        let body = json!({ "apiVersion": "0.0.1", "kind": "dsse", "spec": {
            "envelopeHash": sha256(b"envelope"),
            "payloadHash": sha256(entry.payload),
            "signatures": [{
                "signature": STANDARD.encode(entry.signature),
                "verifier": STANDARD.encode(pem(entry.certificate)),
            }],
        } });
        self.with_time("dsse", "0.0.1", &body, entry.time)
    }

    /// An entry as npm's clients had it until 2023, and npm's registry has it.
    pub(super) fn intoto_entry(&self, entry: &Entry<'_>) -> Value {
        let sha256 = |bytes: &[u8]| json!({ "algorithm": "sha256", "value": const_hex::encode(Sha256::digest(bytes)) });
        let body = json!({ "apiVersion": "0.0.2", "kind": "intoto", "spec": { "content": {
            "envelope": { "payloadType": "application/vnd.in-toto+json", "signatures": [{
                "publicKey": STANDARD.encode(pem(entry.certificate)),
                "sig": STANDARD.encode(STANDARD.encode(entry.signature)),
            }] },
            "hash": sha256(b"envelope"),
            "payloadHash": sha256(entry.payload),
        } } });
        self.with_time("intoto", "0.0.2", &body, entry.time)
    }

    /// An entry of a log that signs no time.
    pub(super) fn dsse_v2_entry(&self, entry: &Entry<'_>) -> Value {
        let body = json!({ "apiVersion": "0.0.2", "kind": "dsse", "spec": { "dsseV002": {
            "payloadHash": { "algorithm": "SHA2_256", "digest": STANDARD.encode(Sha256::digest(entry.payload)) },
            "signatures": [{
                "content": STANDARD.encode(entry.signature),
                "verifier": {
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "x509Certificate": { "rawBytes": STANDARD.encode(entry.certificate) },
                },
            }],
        } } });
        self.proven("dsse", "0.0.2", &body)
    }

    fn with_time(&self, kind: &str, version: &str, body: &Value, time: i64) -> Value {
        let mut entry = self.proven(kind, version, body);
        let promised = json!({
            "body": entry["canonicalizedBody"],
            "integratedTime": time,
            "logID": const_hex::encode(&self.id),
            "logIndex": 1001,
        });
        entry["integratedTime"] = json!(time.to_string());
        entry["inclusionPromise"] =
            json!({ "signedEntryTimestamp": STANDARD.encode(self.sign(promised.to_string().as_bytes())) });
        entry
    }

    fn proven(&self, kind: &str, version: &str, body: &Value) -> Value {
        let body = body.to_string();
        let leaf = |entry: &[u8]| Sha256::digest([&[0], entry].concat()).to_vec();
        let first = leaf(b"another entry");
        let root = Sha256::digest([&[1][..], &first, &leaf(body.as_bytes())].concat());
        let text = format!("{ORIGIN}\n2\n{}\n", STANDARD.encode(root));
        let signature = [&self.id[..4], &self.sign(text.as_bytes())].concat();
        let checkpoint = format!("{text}\n\u{2014} {ORIGIN} {}\n", STANDARD.encode(signature));
        json!({
            "logIndex": "1001",
            "logId": { "keyId": STANDARD.encode(&self.id) },
            "kindVersion": { "kind": kind, "version": version },
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": STANDARD.encode(root),
                "treeSize": "2",
                "hashes": [STANDARD.encode(first)],
                "checkpoint": { "envelope": checkpoint },
            },
            "canonicalizedBody": STANDARD.encode(body),
        })
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message).unwrap_or_else(|error| panic!("{error}"))
    }
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
}
