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
    assert_eq!(manifest["_npmUser"]["approver"]["name"], "ana");
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
