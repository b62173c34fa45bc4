use std::sync::Arc;

use registry_core::access::AccessRules;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{ScriptedUpstream, TestRegistry};
use serde_json::json;

use super::{ids, publish, signing, verified};
use crate::bulk::import::Source;

#[tokio::test]
async fn keys_of_upstreams_stand_beside_those_of_this_registry() {
    let upstream = ScriptedUpstream::default();
    let foreign = json!({ "keys": [{
        "expires": null, "keyid": "SHA256:theirs", "keytype": "ecdsa-sha2-nistp256",
        "scheme": "ecdsa-sha2-nistp256", "key": "MFkw",
    }] });
    upstream.tell("keys", &foreign.to_string());
    let builder = TestRegistry::builder().signing().access(AccessRules::open_to_all_in_front_of("npm"));
    let registry = builder.upstream("npm", Arc::new(upstream.clone())).start().await;
    publish(&registry, "@acme/pear", "1.0.0").await;
    let listed = registry.anonymous().get("/-/npm/v1/keys").await.assert_status(200).json();
    let listed: Vec<_> = listed["keys"].as_array().unwrap().iter().map(|key| key["keyid"].clone()).collect();
    assert_eq!(listed, [json!(ids(&registry).await[0]), json!("SHA256:theirs")]);
    assert_eq!(verified(&registry, "@acme/pear").await["1.0.0"], ids(&registry).await[0]);
}

/// No key of another registry proves anything here: it could sign what it wants in the name of this one. So the signature of this
/// registry replaces those of the other one, in whatever form they are.
#[tokio::test]
async fn an_import_is_signed_by_this_registry_alone() {
    let (source, registry) = (Source::default(), signing().await);
    let keys = json!({ "keys": [{ "expires": null, "keyid": "SHA256:source", "keytype": "ecdsa-sha2-nistp256",
        "scheme": "ecdsa-sha2-nistp256", "key": "MFkw" }] });
    source.upstream.tell("keys", &keys.to_string());
    let theirs =
        [json!([{ "keyid": "SHA256:source", "sig": "MEUC" }]), json!([null, 1]), json!("odd"), json!(null)];
    for (number, signatures) in theirs.iter().enumerate() {
        let version = format!("1.{number}.0");
        source.publish(&PublishDocument::new("fig", &version));
        source.change("fig", |packument| {
            packument["versions"][&version]["dist"]["signatures"] = signatures.clone();
        });
    }
    let (_, failures) = source.import(&registry, &["fig"]).await;
    assert_eq!(failures, [""; 0]);
    let key = &ids(&registry).await[0];
    let found = verified(&registry, "fig").await;
    assert!(found.len() == theirs.len() && found.values().all(|signed| signed == key), "{found:?}");
    let listed = registry.anonymous().get("/-/npm/v1/keys").await.json();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 1, "{listed}");
    let packument = registry.anonymous().get("/fig").await.json();
    assert_eq!(packument["versions"]["1.0.0"]["dist"]["sourceSignatures"], theirs[0], "they are kept");
}

/// Clients take any tarball with one of the listed digests, so that a signature must be of the one that was verified.
#[tokio::test]
async fn of_several_digests_an_import_keeps_and_signs_the_verified_one() {
    let (source, registry) = (Source::default(), signing().await);
    let fig = PublishDocument::new("fig", "1.0.0");
    source.publish(&fig);
    let other = PublishDocument::new("fig", "6.6.6").integrity();
    let listed = format!("{} {other}", fig.integrity());
    source.change("fig", |packument| packument["versions"]["1.0.0"]["dist"]["integrity"] = json!(listed));
    let (_, failures) = source.import(&registry, &["fig"]).await;
    assert_eq!(failures, [""; 0]);
    let packument = registry.anonymous().get("/fig").await.json();
    assert_eq!(packument["versions"]["1.0.0"]["dist"]["integrity"], json!(fig.integrity()));
    assert_eq!(verified(&registry, "fig").await["1.0.0"], ids(&registry).await[0]);
}
