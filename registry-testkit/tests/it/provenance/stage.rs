use registry_core::organizations::OrganizationSettings;
use registry_testkit::TestRegistry;
use registry_testkit::test_sigstore::TestSigstore;
use serde_json::json;

use super::{PEAR, build, document, registry_trusting, served, stored_attestations};

#[tokio::test]
async fn a_staged_version_is_published_with_its_provenance() {
    let sigstore = TestSigstore::new();
    let registry = registry_trusting(&sigstore).await;
    let bundle = sigstore.bundle(&build("1.0.0"));
    let staged = registry.ana().stage(&document("1.0.0").provenance(&bundle)).await.assert_status(201).json();
    let id = staged["stageId"].as_str().unwrap();
    let _ = registry.anonymous().get(PEAR).await.assert_status(404);
    assert_eq!(stored_attestations(&registry).await, [""; 0]);
    let _ = registry.ana().post(&format!("/-/stage/{id}/approve"), &json!({})).await.assert_status(201);
    assert_eq!(registry.anonymous().get(PEAR).await.assert_status(200).json(), served(&bundle));
    let packument = registry.anonymous().get("/@acme%2fpear").await.json();
    let manifest = &packument["versions"]["1.0.0"];
    assert_eq!(
        manifest["dist"]["attestations"]["provenance"]["predicateType"],
        "https://slsa.dev/provenance/v1"
    );
    assert!(manifest["_npmUser"].get("approver").is_none(), "who has her token could have done both");
}

/// Clients and policies trust an approved version more than any other.
#[tokio::test]
async fn an_approval_counts_of_another_account_or_with_a_second_factor() {
    let registry = TestRegistry::builder().organizations(OrganizationSettings::default()).start().await;
    let _ = registry.ana().publish(&document("1.0.0")).await.assert_status(201);
    let bob = registry.user("bob").await;
    let owners = json!([{ "name": "ana" }, { "name": "bob" }]);
    let packument = registry.ana().get("/@acme%2fpear").await.json();
    let revision = packument["_rev"].as_str().unwrap();
    let change = json!({ "_id": "@acme/pear", "_rev": revision, "maintainers": owners });
    let _ = registry.ana().put(&format!("/@acme%2fpear/-rev/{revision}"), &change).await.assert_status(200);
    for (version, approver, counts) in [("1.1.0", registry.ana(), false), ("1.2.0", bob, true)] {
        let staged = registry.ana().stage(&document(version)).await.assert_status(201).json();
        let id = staged["stageId"].as_str().unwrap();
        let _ = approver.post(&format!("/-/stage/{id}/approve"), &json!({})).await.assert_status(201);
        let packument = registry.ana().get("/@acme%2fpear").await.json();
        let told = packument["versions"][version]["_npmUser"].get("approver").is_some();
        assert_eq!(told, counts, "{version}");
    }
}

#[tokio::test]
async fn a_stage_with_wrong_provenance_is_refused() {
    let sigstore = TestSigstore::new();
    let registry = registry_trusting(&sigstore).await;
    let before = registry.stored().await;
    let bundle = TestSigstore::new().bundle(&build("1.0.0"));
    let answer = registry.ana().stage(&document("1.0.0").provenance(&bundle)).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(registry.stored().await, before);
}
