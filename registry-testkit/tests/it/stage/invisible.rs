use http::{Method, Request};
use registry_core::Body;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::{Value, json};

use super::{approve, listed, stage, with_pear};

/// Everything that reads a package, and what those who install ask.
const READS: [&str; 15] = [
    "/pear",
    "/pear?write=true",
    "/pear/1.1.0",
    "/pear/next",
    "/pear/latest",
    "/pear/-/pear-1.1.0.tgz",
    "/pear/-/pear-1.0.0.tgz",
    "/-/package/pear/dist-tags",
    "/-/package/pear/owners",
    "/-/v1/search?text=pear",
    "/-/v1/search?text=keywords:secret",
    "/-/npm/v1/attestations/pear@1.1.0",
    "/-/user/ana/stars",
    "/-/_view/starredByUser?key=%22ana%22",
    "/-/all",
];

/// What each read answers, without what changes with any write.
async fn seen(client: &TestClient) -> Vec<(String, u16, Value)> {
    let mut seen = Vec::new();
    for path in READS {
        for accept in ["application/json", "application/vnd.npm.install-v1+json"] {
            let request = Request::builder().method(Method::GET).uri(path).header("accept", accept);
            let answer = client.send(request.body(Body::empty()).unwrap()).await;
            let mut json = serde_json::from_slice(&answer.body)
                .unwrap_or_else(|_| Value::from(format!("{} bytes", answer.body.len())));
            if let Value::Object(fields) = &mut json {
                fields.shift_remove("_rev");
            }
            seen.push((format!("{path} {accept}"), answer.status.as_u16(), json));
        }
    }
    seen
}

/// What everybody sees of a registry, before and after `pear` 1.1.0 is staged.
async fn assert_invisible(registry: &TestRegistry) {
    let ben = registry.user("ben").await;
    let clients = [registry.anonymous(), ben, registry.ana()];
    let mut before = Vec::new();
    for client in &clients {
        before.push(seen(client).await);
    }
    let document = PublishDocument::new("pear", "1.1.0")
        .tag("next")
        .field("description", json!("not to be seen"))
        .field("keywords", json!(["secret"]));
    let staged = registry.ana().stage(&document).await.assert_status(201).json();
    for (client, before) in clients.iter().zip(&before) {
        assert_eq!(seen(client).await, *before);
    }
    let other = registry.replica().await;
    assert_eq!(seen(&other.anonymous()).await, before[0]);

    // The table can tell the difference.
    let _ =
        registry.ana().post(&approve(super::text(&staged, "stageId")), &json!({})).await.assert_status(201);
    let after = seen(&registry.anonymous()).await;
    let changed = after.iter().zip(&before[0]).filter(|(now, then)| now != then).count();
    assert!(changed >= 8, "{changed} of {after:?}");
}

#[tokio::test]
async fn a_staged_version_of_an_existing_package_is_invisible() {
    assert_invisible(&with_pear().await).await;
}

#[tokio::test]
async fn a_package_of_which_all_is_staged_is_not_there() {
    assert_invisible(&TestRegistry::new().await).await;
}

#[tokio::test]
async fn a_staged_version_cannot_be_tagged_deprecated_or_unpublished() {
    let registry = with_pear().await;
    stage(&registry.ana(), "pear", "1.1.0").await;
    let ana = registry.ana();
    let _ = ana.put("/-/package/pear/dist-tags/next", &json!("1.1.0")).await.assert_status(404);
    let mut packument = ana.get("/pear").await.json();
    packument["versions"]["1.1.0"] = json!({ "deprecated": "no" });
    let _ = ana.put("/pear", &packument).await.assert_status(400);
    let revision = packument["_rev"].as_str().unwrap();
    let _ = ana.delete(&format!("/pear/-rev/{revision}")).await.assert_status(200);
    let _ = registry.anonymous().get("/pear").await.assert_status(404);
    assert_eq!(listed(&ana).await, ["pear@1.1.0"]);
}

#[tokio::test]
async fn what_the_registry_keeps_of_it_is_in_no_document() {
    let registry = with_pear().await;
    let id = stage(&registry.ana(), "pear", "1.1.0").await;
    for after_approval in [false, true] {
        let document = registry.ana().get("/pear?write=true").await.assert_status(200).text();
        assert!(!document.contains(&id) && !document.contains("taged") && !document.contains("_approved"));
        if !after_approval {
            let _ = registry.ana().post(&approve(&id), &json!({})).await.assert_status(201);
        }
    }
}

/// A package that was never more than staged looks like none to other accounts, to their writes as well.
#[tokio::test]
async fn a_write_to_a_package_that_is_only_staged_is_answered_like_one_to_none() {
    let registry = TestRegistry::new().await;
    let _ = registry.ana().stage(&PublishDocument::new("plum", "1.0.0")).await.assert_status(201);
    let eve = registry.user("eve").await;
    let ask = async |name: &str| {
        let mut answers = Vec::new();
        for path in [format!("/{name}/-/{name}-1.0.0.tgz/-rev/1-0"), format!("/{name}/-rev/1-0")] {
            let answer = eve.delete(&path).await;
            answers.push((answer.status, answer.text().replace(name, "NAME")));
        }
        answers
    };
    assert_eq!(ask("plum").await, ask("fig").await);
}
