//! Signatures of versions: what signs them, what verifies them, and what happens where neither can.

mod elsewhere;
mod lost;
mod older;
mod publish;
mod rotation;
mod secrets;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use registry_core::domain::PackageName;
use registry_core::signing::PublicKey;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::Value;

const KEYS: &str = "_signing/keys.json";

async fn signing() -> TestRegistry {
    TestRegistry::builder().signing().start().await
}

async fn publish(registry: &TestRegistry, name: &str, version: &str) {
    let _ = registry.ana().publish(&PublishDocument::new(name, version)).await.assert_status(201);
}

/// What a client that verifies finds: version → the id of the key that signed it, or what is wrong. As npm does it: every
/// version needs a signature, each by a listed key that had not expired when the version was published.
async fn verified(registry: &TestRegistry, name: &str) -> BTreeMap<String, String> {
    let keys = registry.anonymous().get("/-/npm/v1/keys").await.assert_status(200).json();
    let packument = registry.ana().get(&format!("/{name}")).await.assert_status(200).json();
    let versions = packument["versions"].as_object().unwrap().iter();
    let verdict = |version: &String, manifest: &Value| {
        let spec = format!("{name}@{version}");
        let published = packument["time"][version].as_str().unwrap();
        verdict(&keys, &spec, published, &manifest["dist"])
    };
    versions.map(|(version, manifest)| (version.clone(), verdict(version, manifest))).collect()
}

fn verdict(keys: &Value, spec: &str, published: &str, dist: &Value) -> String {
    let Some(signatures) = dist["signatures"].as_array() else { return "missing".to_owned() };
    let [signature] = &signatures[..] else { panic!("{signatures:?}") };
    let keyid = signature["keyid"].as_str().unwrap();
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["keyid"] == *keyid);
    let Some(key) = key else { return format!("no key {keyid}") };
    let moment = |time: &str| chrono::DateTime::parse_from_rfc3339(time).unwrap();
    if key["expires"].as_str().is_some_and(|expires| moment(expires) < moment(published)) {
        return "expired".to_owned();
    }
    let message = format!("{spec}:{}", dist["integrity"].as_str().unwrap());
    let signed = STANDARD.decode(signature["sig"].as_str().unwrap()).unwrap();
    let key = PublicKey::from_base64(key["key"].as_str().unwrap()).unwrap();
    if key.verifies(message.as_bytes(), &signed) { keyid.to_owned() } else { "wrong".to_owned() }
}

/// The ids of the keys, the oldest first.
async fn ids(registry: &TestRegistry) -> Vec<String> {
    let keys = registry.registry().list_signing_keys().await.unwrap();
    keys.into_iter().map(|key| key.keyid).collect()
}

fn name(name: &str) -> PackageName {
    PackageName::parse(name).unwrap()
}
