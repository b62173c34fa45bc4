use http::Method;
use serde_json::json;

use super::Ground;

/// Texts that are no revision.
const TEXTS: &[&str] = &[
    "undefined",
    "null",
    "0",
    "1",
    "1-",
    "-1",
    "1-0",
    "latest",
    "*",
    "18446744073709551616-00000000000000000000000000000000",
    "2-zz",
    "x-y-z",
    "%22",
];

#[tokio::test]
async fn a_revision_that_is_not_the_present_one_changes_nothing() {
    let ground = Ground::new().await;
    let stale = ground.revision().await.replacen("2-", "1-", 1);
    let mut without_a_version = ground.ana.get("/pear").await.json();
    without_a_version["versions"].as_object_mut().unwrap().shift_remove("1.0.0");
    let mut deprecated = ground.ana.get("/pear").await.json();
    deprecated["versions"]["1.0.0"]["deprecated"] = json!("x");
    let owners = json!({ "_id": "pear", "maintainers": [{ "name": "ana", "email": "" }] });
    let texts = TEXTS.iter().map(|text| (*text, 400));
    let revisions = [stale.as_str(), "1-00000000000000000000000000000000"].map(|revision| (revision, 409));
    for (revision, status) in texts.chain(revisions) {
        let path = format!("/pear/-rev/{revision}");
        for document in [&without_a_version, &deprecated, &owners] {
            let answer = ground.ana.put(&path, document).await;
            ground.refused(&path, &answer).await;
            assert_eq!(answer.status, status, "{path}");
        }
        let answer = ground.ana.delete(&path).await;
        ground.refused(&path, &answer).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test]
async fn nor_does_one_in_the_document() {
    let ground = Ground::new().await;
    let mut document = ground.ana.get("/pear").await.json();
    document["versions"]["1.0.0"]["deprecated"] = json!("x");
    for revision in TEXTS {
        document["_rev"] = json!(revision);
        let answer = ground.ana.put("/pear", &document).await;
        ground.refused(revision, &answer).await;
        assert_eq!(answer.status, 400, "{revision}");
    }
}

#[tokio::test]
async fn yarns_undefined_does_not_wipe_the_owners() {
    let ground = Ground::new().await;
    let body = json!({ "maintainers": [{ "name": "ana", "email": "" }] }).to_string();
    ground.refuses(Method::PUT, "/pear/-rev/undefined", body).await;
}

#[tokio::test]
async fn a_version_goes_only_with_a_revision() {
    let ground = Ground::new().await;
    let mut document = ground.ana.get("/pear").await.json();
    document["versions"].as_object_mut().unwrap().shift_remove("1.0.0");
    let _ = ground.ana.put("/pear", &document).await;
    assert!(ground.registry.stored().await == ground.stored);
    let _ = ground.ana.get("/pear/1.0.0").await.assert_status(200);
}

#[tokio::test]
async fn nothing_is_published_to_a_revision() {
    let ground = Ground::new().await;
    let revision = ground.revision().await;
    let document = registry_testkit::publish_document::PublishDocument::new("pear", "2.0.0").build();
    for revision in [revision.as_str(), "undefined"] {
        ground.refuses(Method::PUT, &format!("/pear/-rev/{revision}"), document.to_string()).await;
    }
}
