//! A store that fails, clients that go away, writers that collide: no acknowledged write is lost, nothing is half done.

mod concurrent;
mod dropped;
mod one_fault;
mod write;

use std::collections::BTreeMap;

use bytes::Bytes;
use registry_core::domain::Integrity;
use registry_testkit::TestRegistry;
use serde_json::Value;

/// Checks that every version that a packument lists has its bytes, and answers their digests.
async fn listed_versions(registry: &TestRegistry, name: &str) -> BTreeMap<String, String> {
    let mut integrities = BTreeMap::new();
    let answer = registry.ana().get(&format!("/{name}")).await;
    if answer.status == 404 {
        return integrities;
    }
    let packument = answer.assert_status(200).json();
    for (version, manifest) in packument["versions"].as_object().unwrap() {
        let tarball = registry.ana().get(&format!("/{name}/-/{name}-{version}.tgz")).await.assert_status(200);
        let integrity = Integrity::of(&tarball.body).to_string();
        assert_eq!(manifest["dist"]["integrity"], Value::from(integrity.clone()), "{name}@{version}");
        integrities.insert(version.clone(), integrity);
    }
    integrities
}

/// What is in the store, but for accounts and tokens.
async fn packages(registry: &TestRegistry) -> BTreeMap<String, Bytes> {
    let mut stored = registry.stored().await;
    // A name stays claimed for the provider at which a sign-up broke off: trying again makes the account.
    let of_sessions = ["_accounts/", "_tokens/", "_names/"];
    stored.retain(|key, _| !of_sessions.iter().any(|folder| key.starts_with(folder)));
    stored
}
