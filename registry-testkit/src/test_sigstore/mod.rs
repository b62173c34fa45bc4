//! A Sigstore of test keys, in this process: a certificate authority, a log of certificates, transparency logs of both versions
//! of Rekor, and a timestamp authority.
//!
//! ```
//! use registry_testkit::test_sigstore::{Build, TestSigstore};
//! let sigstore = TestSigstore::new();
//! let bundle = sigstore.bundle(&Build::new("pear", "1.0.0", b"tarball"));
//! assert_eq!(bundle["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
//! assert_eq!(sigstore.trusted_root()["tlogs"].as_array().unwrap().len(), 2);
//! ```

mod authority;
mod der;
mod log;
mod timestamps;
mod tuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SigningKey as _};
use registry_core::domain::{Integrity, PackageName, Version};
use serde_json::{Value, json};

use authority::TestAuthority;
use log::TestLog;
use timestamps::TestTimestamps;

pub use tuf::TestTuf;

/// What is signed: where a version was built, and what came out.
#[derive(Debug, Clone)]
pub struct Build {
    /// What the statement names.
    pub subject: String,
    /// The SHA-512 in hex that the statement names.
    pub sha512: String,
    /// The kind of the statement.
    pub predicate_type: String,
    /// The repository in the certificate.
    pub repository: String,
    /// The branch or tag in the certificate.
    pub git_ref: String,
    /// The file of the workflow in the certificate.
    pub workflow: String,
    /// When it is signed. The certificate is valid on 2026-01-02.
    pub time: DateTime<Utc>,
    /// Which kind of log takes it.
    pub rekor: Rekor,
    /// The media type of the bundle.
    pub media_type: String,
}

/// A version of the transparency log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rekor {
    /// It signs the time of the entry.
    V1,
    /// It signs no time, so that the bundle has a timestamp.
    V2,
    /// Like [`Self::V1`], with an entry in the format of npm before 2024.
    V1Intoto,
}

/// A Sigstore. Each has its own keys.
#[derive(Debug)]
pub struct TestSigstore {
    authority: TestAuthority,
    rekor_v1: TestLog,
    rekor_v2: TestLog,
    timestamps: TestTimestamps,
}

impl Build {
    /// A build of the usual repository, of this tarball.
    ///
    /// # Panics
    ///
    /// If it is no name or no version.
    pub fn new(name: &str, version: &str, tarball: &[u8]) -> Self {
        let name = PackageName::parse(name).unwrap_or_else(|error| panic!("{error}"));
        let version = Version::parse(version).unwrap_or_else(|error| panic!("{error}"));
        Self {
            subject: registry_core::provenance::package_url(&name, &version),
            sha512: const_hex::encode(Integrity::of(tarball).sha512()),
            predicate_type: "https://slsa.dev/provenance/v1".to_owned(),
            repository: "https://github.com/acme/pear".to_owned(),
            git_ref: "refs/heads/main".to_owned(),
            workflow: "publish.yml".to_owned(),
            time: DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1_767_323_000),
            rekor: Rekor::V1,
            media_type: "application/vnd.dev.sigstore.bundle.v0.3+json".to_owned(),
        }
    }

    /// The same, taken by another log.
    #[must_use]
    pub fn rekor(self, rekor: Rekor) -> Self {
        Self { rekor, ..self }
    }

    fn statement(&self) -> Value {
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": self.subject, "digest": { "sha512": self.sha512 } }],
            "predicateType": self.predicate_type,
            "predicate": { "buildDefinition": { "buildType": "https://registry.example/build" } },
        })
    }
}

impl TestSigstore {
    /// A Sigstore with new keys.
    pub fn new() -> Self {
        Self {
            authority: TestAuthority::new(),
            rekor_v1: TestLog::rekor_v1(),
            rekor_v2: TestLog::rekor_v2(),
            timestamps: TestTimestamps::new(),
        }
    }

    /// `trusted_root.json`.
    pub fn trusted_root(&self) -> Value {
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self.rekor_v1.trusted(), self.rekor_v2.trusted()],
            "certificateAuthorities": [self.authority.trusted()],
            "ctlogs": [self.authority.trusted_log()],
            "timestampAuthorities": [self.timestamps.trusted()],
        })
    }

    /// A bundle, as clients attach it.
    ///
    /// # Panics
    ///
    /// If a key does not sign.
    pub fn bundle(&self, build: &Build) -> Value {
        let key = new_key();
        let certificate = self.authority.issue(&key, build);
        let payload = build.statement().to_string();
        let kind = "application/vnd.in-toto+json";
        let signed = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
        let signature = key.sign(signed.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        let entry = log::Entry {
            payload: payload.as_bytes(),
            signature: &signature,
            certificate: &certificate,
            time: build.time.timestamp(),
        };
        let mut material = json!({ "certificate": { "rawBytes": STANDARD.encode(&certificate) } });
        match build.rekor {
            Rekor::V1 => material["tlogEntries"] = json!([self.rekor_v1.dsse_entry(&entry)]),
            Rekor::V1Intoto => material["tlogEntries"] = json!([self.rekor_v1.intoto_entry(&entry)]),
            Rekor::V2 => {
                material["tlogEntries"] = json!([self.rekor_v2.dsse_v2_entry(&entry)]);
                let token = self.timestamps.token(&signature, build.time);
                let stamp = json!({ "signedTimestamp": STANDARD.encode(token) });
                material["timestampVerificationData"] = json!({ "rfc3161Timestamps": [stamp] });
            }
        }
        json!({
            "mediaType": build.media_type,
            "verificationMaterial": material,
            "dsseEnvelope": {
                "payload": STANDARD.encode(&payload),
                "payloadType": kind,
                "signatures": [{ "sig": STANDARD.encode(&signature), "keyid": "" }],
            },
        })
    }
}

impl Default for TestSigstore {
    fn default() -> Self {
        Self::new()
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap_or_else(|error| panic!("{error}"))
}

/// A key as a trust root lists it.
fn public_key(key: &KeyPair, details: &str) -> Value {
    json!({
        "rawBytes": STANDARD.encode(key.subject_public_key_info()),
        "keyDetails": details,
        "validFor": { "start": "2025-01-01T00:00:00Z" },
    })
}

/// An authority as a trust root lists it, the root last.
fn authority(certificates: &[&[u8]]) -> Value {
    let certificates: Vec<_> =
        certificates.iter().map(|der| json!({ "rawBytes": STANDARD.encode(der) })).collect();
    json!({
        "subject": { "organization": "registry.example", "commonName": "test" },
        "uri": "https://sigstore.registry.example",
        "certChain": { "certificates": certificates },
        "validFor": { "start": "2025-01-01T00:00:00Z" },
    })
}
