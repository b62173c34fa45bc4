use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Operation};
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{KEYS, ids, publish, signing, verdict, verified};

#[tokio::test]
async fn every_document_of_a_version_has_the_signature() {
    let registry = signing().await;
    for name in ["pear", "@acme/pear"] {
        publish(&registry, name, "1.0.0").await;
        let keys = ids(&registry).await;
        assert_eq!(keys.len(), 1, "one key signs everything");
        assert_eq!(verified(&registry, name).await, [("1.0.0".to_owned(), keys[0].clone())].into());
        let listed = registry.anonymous().get("/-/npm/v1/keys").await.json();
        for path in [format!("/{name}"), format!("/{name}/1.0.0"), format!("/{name}/latest")] {
            for accept in ["application/json", "application/vnd.npm.install-v1+json"] {
                let request = http::Request::get(&path).header("accept", accept).body(String::new()).unwrap();
                let document = registry.anonymous().send(request).await.assert_status(200).json();
                let manifest = document.get("versions").map_or(&document, |versions| &versions["1.0.0"]);
                let spec = format!("{name}@1.0.0");
                let verdict = verdict(&listed, &spec, "2026-01-02T03:04:05Z", &manifest["dist"]);
                assert_eq!(verdict, keys[0], "{path} as {accept}");
            }
        }
    }
    let listed = registry.anonymous().get("/-/npm/v1/keys").await;
    assert!(!listed.text().contains("private"), "{}", listed.text());
}

#[tokio::test]
async fn a_registry_that_does_not_sign_has_neither_signatures_nor_keys() {
    let registry = TestRegistry::new().await;
    publish(&registry, "pear", "1.0.0").await;
    let packument = registry.anonymous().get("/pear").await.json();
    assert!(packument["versions"]["1.0.0"]["dist"].get("signatures").is_none());
    let _ = registry.anonymous().get("/-/npm/v1/keys").await.assert_status(404);
    assert!(!registry.keys().await.contains(&KEYS.to_owned()));
}

/// A publisher cannot bring a signature of its own.
#[tokio::test]
async fn a_signature_in_the_document_is_not_taken_over() {
    let registry = signing().await;
    let mut document = PublishDocument::new("pear", "1.0.0").build();
    document["versions"]["1.0.0"]["dist"]["signatures"] = json!([{ "keyid": "SHA256:mine", "sig": "MEUC" }]);
    let _ = registry.ana().put("/pear", &document).await.assert_status(201);
    assert_eq!(verified(&registry, "pear").await["1.0.0"], ids(&registry).await[0]);
}

#[tokio::test]
async fn an_approved_stage_is_signed() {
    let registry = signing().await;
    publish(&registry, "pear", "1.0.0").await;
    let staged = registry.ana().stage(&PublishDocument::new("pear", "1.1.0")).await.assert_status(201).json();
    let id = staged["stageId"].as_str().unwrap_or_else(|| panic!("{staged}"));
    let _ = registry.ana().post(&format!("/-/stage/{id}/approve"), &json!({})).await.assert_status(201);
    let key = &ids(&registry).await[0];
    let both = [("1.0.0".to_owned(), key.clone()), ("1.1.0".to_owned(), key.clone())];
    assert_eq!(verified(&registry, "pear").await, both.into());
}

/// Clients reject a version without a signature, so it must not be there.
#[tokio::test]
async fn a_version_that_cannot_be_signed_is_not_published() {
    for (operation, fault) in [(Operation::Get, Fault::BeforeEffect), (Operation::Put, Fault::Refused)] {
        let registry = signing().await;
        let before = registry.stored().await;
        for _ in 0..100 {
            registry.store().fail_next_at(operation, |path| path == KEYS, fault.clone());
        }
        let answer = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.json()["error"].as_str().unwrap(), @"the registry cannot sign versions at the moment: try again in a moment, or ask its operator to look at the log");
        }
        assert_eq!(registry.stored().await, before);
    }
}

/// Changes of a version that are no new bytes leave its signature alone.
#[tokio::test]
async fn what_is_deprecated_or_tagged_stays_signed() {
    let registry = signing().await;
    publish(&registry, "pear", "1.0.0").await;
    let before = registry.anonymous().get("/pear").await.json()["versions"]["1.0.0"]["dist"].clone();
    let mut packument = registry.ana().get("/pear?write=true").await.json();
    packument["versions"]["1.0.0"]["deprecated"] = json!("use fig");
    let _ = registry.ana().put("/pear", &packument).await.assert_status(200);
    let _ = registry.ana().put("/-/package/pear/dist-tags/old", &json!("1.0.0")).await.assert_status(200);
    let after = registry.anonymous().get("/pear").await.json()["versions"]["1.0.0"].clone();
    assert_eq!((&after["deprecated"], &after["dist"]), (&json!("use fig"), &before));
}
