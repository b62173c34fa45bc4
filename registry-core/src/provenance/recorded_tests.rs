//! Bundles that real instances made.

use serde_json::Value;

use crate::domain::provenance::ProvenanceError;
use crate::domain::{Integrity, PackageName, Version};

use super::bundle::SigstoreBundle;
use super::trusted_root::TrustedRoot;
use super::verify::{ProvenanceSubject, SignedStatement, verify_bundle};

macro_rules! recorded {
    ($file:literal) => {
        include_str!(concat!("../../tests/fixtures/provenance/", $file))
    };
}

const OF_NPM: &str = recorded!("npm-sigstore-2.0.0.json");

fn root(json: &str) -> TrustedRoot {
    TrustedRoot::from_json(json.as_bytes()).unwrap()
}

fn verify(bundle: &str, root: &TrustedRoot) -> Result<(), ProvenanceError> {
    let bundle = SigstoreBundle::parse(bundle.as_bytes())?;
    SignedStatement::of(&bundle)?.verify(root)
}

fn integrity(hex: &str) -> Integrity {
    use base64::Engine as _;
    let digest = base64::engine::general_purpose::STANDARD.encode(const_hex::decode(hex).unwrap());
    Integrity::parse(&format!("sha512-{digest}")).unwrap()
}

#[test]
fn provenance_of_npm_is_verified_with_the_public_root() {
    let name = PackageName::parse("sigstore").unwrap();
    let version = Version::parse("2.0.0").unwrap();
    let digest = "46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c";
    let integrity = integrity(digest);
    let subject = ProvenanceSubject { name: &name, version: &version, integrity: &integrity };
    let public = root(recorded!("public-root.json"));
    let found = verify_bundle(OF_NPM.as_bytes(), subject, Some(&public)).unwrap();
    assert!(found.is_trusted);
    assert_eq!(found.predicate_type, "https://slsa.dev/provenance/v1");
    insta::assert_debug_snapshot!(found.identity, @r#"
    BuildIdentity {
        issuer: Some(
            "https://token.actions.githubusercontent.com",
        ),
        repository: Some(
            "https://github.com/sigstore/sigstore-js",
        ),
        git_ref: Some(
            "refs/heads/main",
        ),
        workflow: Some(
            "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main",
        ),
    }
    "#);
    // Another instance does not know the certificate.
    let staging = root(recorded!("staging-root.json"));
    let refused = verify_bundle(OF_NPM.as_bytes(), subject, Some(&staging));
    assert!(refused.is_err(), "{refused:?}");
}

#[test]
fn attestations_of_both_generations_of_the_log_are_verified() {
    let (public, staging) = (root(recorded!("public-root.json")), root(recorded!("staging-root.json")));
    for (bundle, own, other) in [
        (recorded!("conda-rekor-1.json"), &public, &staging),
        (recorded!("staging-rekor-2.json"), &staging, &public),
    ] {
        assert!(verify(bundle, own).is_ok(), "{:?}", verify(bundle, own));
        assert!(verify(bundle, other).is_err());
    }
}

/// Changes one letter in each text of a document in turn.
fn changed_texts(document: &str) -> Vec<(String, String)> {
    fn paths(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::String(text) if text.len() > 8 => found.push(at.to_owned()),
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| paths(value, &format!("{at}/{name}"), found));
            }
            Value::Array(values) => {
                values
                    .iter()
                    .enumerate()
                    .for_each(|(place, value)| paths(value, &format!("{at}/{place}"), found));
            }
            _ => {}
        }
    }
    let document: Value = serde_json::from_str(document).unwrap();
    let mut found = Vec::new();
    paths(&document, "", &mut found);
    let change = |path: String| {
        let mut changed = document.clone();
        let Some(Value::String(text)) = changed.pointer_mut(&path) else { unreachable!("it is a text") };
        let middle = text.len() / 2;
        let other = if text[middle..].starts_with('A') { "B" } else { "A" };
        text.replace_range(middle..=middle, other);
        (path, changed.to_string())
    };
    found.into_iter().map(change).collect()
}

#[test]
fn a_letter_of_a_recorded_bundle_that_matters_is_noticed() {
    let (public, staging) = (root(recorded!("public-root.json")), root(recorded!("staging-root.json")));
    let mut told = Vec::new();
    for (bundle, root) in [
        (OF_NPM, &public),
        (recorded!("conda-rekor-1.json"), &public),
        (recorded!("staging-rekor-2.json"), &staging),
    ] {
        let unnoticed: Vec<_> = changed_texts(bundle)
            .into_iter()
            .filter(|(_, changed)| verify(changed, root).is_ok())
            .map(|(path, _)| path)
            .collect();
        told.push(unnoticed);
    }
    // In the middle of a checkpoint are the name beside the log's signature, and the signature of a witness: neither counts.
    insta::assert_debug_snapshot!(told, @r#"
    [
        [],
        [
            "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope",
        ],
        [
            "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope",
        ],
    ]
    "#);
}
