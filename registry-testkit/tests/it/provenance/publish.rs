use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Operation};
use registry_testkit::test_sigstore::{Rekor, TestSigstore};
use serde_json::json;

use super::{PEAR, build, document, registry_trusting, served, stored_attestations};

#[tokio::test]
async fn provenance_is_verified_stored_and_served() {
    let sigstore = TestSigstore::new();
    for rekor in [Rekor::V1, Rekor::V1Intoto, Rekor::V2] {
        let registry = registry_trusting(&sigstore).await;
        let bundle = sigstore.bundle(&build("1.0.0").rekor(rekor));
        let answer = registry.ana().publish(&document("1.0.0").provenance(&bundle)).await;
        assert_eq!(answer.status, 201, "{rekor:?}: {}", answer.text());
        for path in ["/@acme%2fpear", "/@acme%2fpear/1.0.0", "/@acme%2fpear/latest"] {
            for accept in ["application/json", "application/vnd.npm.install-v1+json"] {
                let request = http::Request::get(path).header("accept", accept).body(String::new()).unwrap();
                let document = registry.anonymous().send(request).await.assert_status(200).json();
                let manifest = document.get("versions").map_or(&document, |versions| &versions["1.0.0"]);
                let attestations = &manifest["dist"]["attestations"];
                assert_eq!(attestations["url"], format!("http://registry.example{PEAR}"), "{path}");
                let kind = json!({ "predicateType": "https://slsa.dev/provenance/v1" });
                assert_eq!(attestations["provenance"], kind, "{path} as {accept}");
                assert!(attestations.get("unverifiedProvenance").is_none());
            }
        }
        for path in [PEAR, "/-/npm/v1/attestations/@acme/pear@1.0.0"] {
            let told = registry.anonymous().get(path).await.assert_status(200).json();
            assert_eq!(told, served(&bundle), "{rekor:?}");
        }
        let _ = registry.ana().publish(&document("1.1.0")).await.assert_status(201);
        let packument = registry.anonymous().get("/@acme%2fpear").await.json();
        assert!(packument["versions"]["1.1.0"]["dist"].get("attestations").is_none());
        let without = registry.anonymous().get("/-/npm/v1/attestations/@acme%2fpear@1.1.0").await;
        let error = without.assert_status(404).json()["error"].as_str().unwrap().to_owned();
        assert_eq!(error, "no attestations of @acme/pear@1.1.0 are known");
    }
}

/// Anyone can make such a bundle, so nothing that clients take for verified may say so.
#[tokio::test]
async fn without_a_trust_root_the_packument_says_that_nothing_was_verified() {
    let registry = TestRegistry::new().await;
    let bundle = TestSigstore::new().bundle(&build("1.0.0"));
    let _ = registry.ana().publish(&document("1.0.0").provenance(&bundle)).await.assert_status(201);
    let packument = registry.anonymous().get("/@acme%2fpear").await.json();
    let attestations = &packument["versions"]["1.0.0"]["dist"]["attestations"];
    assert!(attestations.get("provenance").is_none(), "{attestations}");
    assert_eq!(attestations["unverifiedProvenance"]["predicateType"], "https://slsa.dev/provenance/v1");
    assert_eq!(registry.anonymous().get(PEAR).await.assert_status(200).json(), served(&bundle));
}

#[tokio::test]
async fn only_those_who_may_read_a_version_see_its_attestations() {
    let sigstore = TestSigstore::new();
    let registry = registry_trusting(&sigstore).await;
    let bundle = sigstore.bundle(&build("1.0.0"));
    let hidden = document("1.0.0").access("restricted").provenance(&bundle);
    let _ = registry.ana().publish(&hidden).await.assert_status(201);
    let _ = registry.ana().get(PEAR).await.assert_status(200);
    let hidden = registry.anonymous().get(PEAR).await.assert_status(404).text();
    let absent = registry.anonymous().get(&PEAR.replace("pear", "plum")).await.assert_status(404).text();
    assert_eq!(hidden.replace("pear", "plum"), absent);
}

/// A packument never names attestations that are not there, and a publish that failed leaves none that a packument names.
#[tokio::test]
async fn attestations_are_there_before_the_packument_names_them() {
    let sigstore = TestSigstore::new();
    let bundle = sigstore.bundle(&build("1.0.0"));
    for (fails, fault) in [("attestations.json", Fault::Refused), ("index.json", Fault::Refused)] {
        let registry = registry_trusting(&sigstore).await;
        for _ in 0..100 {
            registry.store().fail_next_at(Operation::Put, move |path| path.ends_with(fails), fault.clone());
        }
        let answer = registry.ana().publish(&document("1.0.0").provenance(&bundle)).await;
        assert!(answer.status.is_server_error(), "{fails}: {}", answer.text());
        let _ = registry.anonymous().get("/@acme%2fpear").await.assert_status(404);
        let _ = registry.anonymous().get(PEAR).await.assert_status(404);
    }
}

/// What an unpublish removes, and what the loser of a race leaves behind: nothing.
#[tokio::test]
async fn attestations_go_with_their_version() {
    let sigstore = TestSigstore::new();
    let registry = registry_trusting(&sigstore).await;
    let first = sigstore.bundle(&build("1.0.0"));
    let second = sigstore.bundle(&build("1.0.0"));
    let (one, other) = (document("1.0.0").provenance(&first), document("1.0.0").provenance(&second));
    let (ana, also_ana) = (registry.ana(), registry.ana());
    let (one, other) = tokio::join!(ana.publish(&one), also_ana.publish(&other));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 403]);
    let winner = if one.status == 201 { &first } else { &second };
    assert_eq!(registry.anonymous().get(PEAR).await.assert_status(200).json(), served(winner));
    assert_eq!(stored_attestations(&registry).await.len(), 1);

    let revision = registry.ana().get("/@acme%2fpear").await.json()["_rev"].as_str().unwrap().to_owned();
    let _ = registry.ana().delete(&format!("/@acme%2fpear/-rev/{revision}")).await.assert_status(200);
    assert_eq!(stored_attestations(&registry).await, [""; 0]);
    let _ = registry.anonymous().get(PEAR).await.assert_status(404);
}

/// The bytes in the store are compared with the digest in the packument.
#[tokio::test]
async fn attestations_that_were_changed_in_the_store_are_not_served() {
    let sigstore = TestSigstore::new();
    let registry = registry_trusting(&sigstore).await;
    let bundle = sigstore.bundle(&build("1.0.0"));
    let _ = registry.ana().publish(&document("1.0.0").provenance(&bundle)).await.assert_status(201);
    let keys = stored_attestations(&registry).await;
    assert_eq!(keys.len(), 1);
    registry.put(&keys[0], &b"{\"attestations\":[]}"[..]).await;
    let _ = registry.anonymous().get(PEAR).await.assert_status(500);
}
