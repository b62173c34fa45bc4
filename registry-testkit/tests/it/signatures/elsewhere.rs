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

/// What another registry signed is passed on as it is; what it did not sign is signed by the one that has it now.
#[tokio::test]
async fn an_import_keeps_signatures_and_adds_missing_ones() {
    let (source, registry) = (Source::default(), signing().await);
    source.publish(&PublishDocument::new("fig", "1.0.0"));
    source.publish(&PublishDocument::new("fig", "1.1.0"));
    source.change("fig", |packument| {
        packument["versions"]["1.1.0"]["dist"].as_object_mut().unwrap().shift_remove("signatures");
    });
    let (_, failures) = source.import(&registry, &["fig"]).await;
    assert_eq!(failures, [""; 0]);
    let key = &ids(&registry).await[0];
    let found = verified(&registry, "fig").await;
    assert_eq!(
        (&*found["1.0.0"], &found["1.1.0"]),
        ("no key SHA256:source", key),
        "the source tells no keys"
    );
}

/// What a registry signed that is not asked any more is verified with the keys that it told at the import.
#[tokio::test]
async fn an_import_lists_the_keys_of_the_source_and_signs_with_none_of_them() {
    let (first, second) = (signing().await, signing().await);
    publish(&first, "fig", "1.0.0").await;
    let packument = first.anonymous().get("/fig").await.json();
    let told = first.anonymous().get("/-/npm/v1/keys").await.text().to_owned();
    let source = Source::default();
    source.publish(&PublishDocument::new("fig", "1.0.0"));
    source.change("fig", |there| {
        there["versions"]["1.0.0"]["dist"]["signatures"] =
            packument["versions"]["1.0.0"]["dist"]["signatures"].clone();
    });
    source.upstream.tell("keys", &told);
    let (_, failures) = source.import(&second, &["fig"]).await;
    assert_eq!(failures, [""; 0]);
    let theirs = &ids(&first).await[0];
    assert_eq!(verified(&second, "fig").await["1.0.0"], *theirs);
    publish(&second, "pear", "1.0.0").await;
    let ours = &ids(&second).await[0];
    assert_ne!(ours, theirs);
    assert_eq!(verified(&second, "pear").await["1.0.0"], *ours);
    for odd in ["", "<!doctype html>", "{}", r#"{"keys":[7,{"keyid":1}]}"#] {
        let registry = signing().await;
        source.upstream.tell("keys", odd);
        let (_, failures) = source.import(&registry, &["fig"]).await;
        assert_eq!(failures, [""; 0], "{odd}");
        publish(&registry, "pear", "1.0.0").await;
        let listed = registry.anonymous().get("/-/npm/v1/keys").await.json();
        assert_eq!(listed["keys"].as_array().unwrap().len(), 1, "{odd}");
    }
}
