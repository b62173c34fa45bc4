//! Provenance of versions that are published here: what is taken, verified, stored and served, and what is refused.

mod publish;
mod refused;
mod rules;
mod stage;

use std::sync::Arc;

use registry_core::provenance::{ProvenanceSettings, TrustedRoot};
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_sigstore::{Build, TestSigstore};
use serde_json::{Value, json};

const PEAR: &str = "/-/npm/v1/attestations/@acme%2fpear@1.0.0";

fn trusting(sigstore: &TestSigstore) -> ProvenanceSettings {
    trusting_root(&sigstore.trusted_root())
}

fn trusting_root(root: &Value) -> ProvenanceSettings {
    let mut settings = ProvenanceSettings::default();
    settings.trusted_root = Some(Arc::new(TrustedRoot::from_json(root.to_string().as_bytes()).unwrap()));
    settings
}

async fn registry_trusting(sigstore: &TestSigstore) -> TestRegistry {
    TestRegistry::builder().provenance(trusting(sigstore)).start().await
}

fn document(version: &str) -> PublishDocument {
    PublishDocument::new("@acme/pear", version)
}

/// A build of what is published.
fn build(version: &str) -> Build {
    Build::new("@acme/pear", version, &document(version).tarball())
}

/// What the store has of attestations.
async fn stored_attestations(registry: &TestRegistry) -> Vec<String> {
    registry.keys().await.into_iter().filter(|key| key.contains("attestations")).collect()
}

fn served(bundle: &Value) -> Value {
    json!({ "attestations": [{ "predicateType": "https://slsa.dev/provenance/v1", "bundle": bundle }] })
}
