//! A shrinkwrap decides for npm alone what is installed, so it may take packages from known registries only.

use std::sync::Arc;

use insta::assert_snapshot;
use registry_core::Registry;
use registry_core::storage::ObjectStoreBlobs;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::{PASSWORD, TestClient};
use serde_json::json;

use super::Ground;

fn shrinkwrapped(source: &str) -> PublishDocument {
    let packages = json!({ "node_modules/fig": { "version": "1.0.0", "resolved": source } });
    let shrinkwrap = json!({ "lockfileVersion": 3, "packages": packages }).to_string();
    PublishDocument::new("plum", "1.0.0").file("npm-shrinkwrap.json", shrinkwrap.as_bytes())
}

#[tokio::test]
async fn an_unknown_registry_is_refused_at_publish_and_at_stage() {
    let ground = Ground::new().await;
    let document = shrinkwrapped("https://evil.example/fig/-/fig-1.0.0.tgz");
    let told = ground.refuses_to_publish("a shrinkwrap", &document.build()).await;
    assert_snapshot!(told, @"the tarball's npm-shrinkwrap.json takes packages from https://evil.example, which is neither the `public_url` of this registry nor one of its upstreams, and npm alone would install them from there: write the file anew with `npm shrinkwrap --omit-lockfile-registry-resolved`, or publish without it");
    let staged = ground.ana.stage(&document).await;
    assert_eq!(ground.refused("a staged shrinkwrap", &staged).await, told);
}

#[tokio::test]
async fn a_place_that_is_no_registry_is_refused() {
    let ground = Ground::new().await;
    for source in ["git+ssh://git@fig.example/fig.git#main", "file:../fig", "../fig"] {
        let told = ground.refuses_to_publish(source, &shrinkwrapped(source).build()).await;
        assert!(told.contains(&format!("npm-shrinkwrap.json has {source:?}")), "{told}");
    }
}

#[tokio::test]
async fn the_registry_itself_and_its_upstreams_are_known() {
    let registry = TestRegistry::builder().public_url("https://npm.acme.example/registry").start().await;
    let own = shrinkwrapped("https://npm.acme.example/registry/fig/-/fig-1.0.0.tgz");
    let _ = registry.ana().publish(&own).await.assert_status(201);

    let upstream = "https://upstream.example/npm/".parse().unwrap();
    let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory()))
        .open_to_everyone()
        .local_accounts()
        .shrinkwrap_origins([upstream])
        .build();
    let client = TestClient::new(registry, None);
    let account = json!({ "name": "ana", "password": PASSWORD });
    let answer = client.put("/-/user/org.couchdb.user:ana", &account).await.assert_status(201).json();
    let client = client.with_token(answer["token"].as_str().unwrap());
    let document = shrinkwrapped("https://upstream.example/fig/-/fig-1.0.0.tgz");
    let _ = client.publish(&document).await.assert_status(201);
    let unknown = shrinkwrapped("http://upstream.example/fig/-/fig-1.0.0.tgz");
    let _ = client.publish(&unknown).await.assert_status(400);
}
