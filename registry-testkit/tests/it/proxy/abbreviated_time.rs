use std::sync::Arc;
use std::time::Duration;

use http::Request;
use registry_core::access::{AccessRules, RuleSettings};
use registry_core::proxy::UpstreamOptions;
use registry_core::{Body, Registry};
use serde_json::{Value, json};

use super::{PATH, Proxy, TARBALL, read};

const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

async fn abbreviated(registry: &Registry) -> Value {
    let request = Request::get("/pear").header("host", "here.example").header("accept", ABBREVIATED);
    let response = registry.handle(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["content-type"], ABBREVIATED);
    serde_json::from_slice(&read(response).await.1).unwrap()
}

#[tokio::test]
async fn times_are_there_from_the_moment_that_they_are_known() {
    let proxy = Proxy::start();
    assert!(abbreviated(&proxy.registry).await.get("time").is_none(), "asking for more would take longer");
    assert_eq!(proxy.upstream.take_asked(), ["packument pear"]);
    // This is what pnpm asks for next if the package is young.
    proxy.json("/pear").await;
    assert_eq!(proxy.upstream.take_asked(), ["packument pear"]);

    let packument = abbreviated(&proxy.registry).await;
    assert_eq!(packument["time"], json!({ "1.0.0": "2026-01-01T00:00:00.000Z" }));
    assert!(packument.get("_rev").is_none(), "the full form came");
    let dist = &packument["versions"]["1.0.0"]["dist"];
    assert_eq!(dist["tarball"], "http://here.example/pear/-/pear-1.0.0.tgz");
    assert_eq!(dist["signatures"], json!([{ "keyid": "SHA256:upstream", "sig": "MEUC" }]));
    assert!(proxy.upstream.take_asked().is_empty());

    // From now on one document is asked for, and not two.
    proxy.upstream.publish("pear", "2.0.0", b"another");
    proxy.clock.advance(Duration::from_hours(1));
    assert_eq!(abbreviated(&proxy.registry).await["time"].as_object().unwrap().len(), 2);
    proxy.json("/pear").await;
    assert_eq!(proxy.get(PATH).await.1, TARBALL);
    let asked = proxy.upstream.take_asked();
    assert_eq!(asked, ["packument pear", "tarball https://registry.example/files/pear-1.0.0.tgz"]);
}

#[tokio::test]
async fn times_are_known_to_another_process_too() {
    let proxy = Proxy::start();
    proxy.json("/pear").await;
    proxy.upstream.set_down(true);
    let rules = json!([{ "match": "**", "read": ["@all"], "origin": ["npm"] }]);
    let other = super::registry_on(&proxy.store, &proxy.upstream, &proxy.clock, &proxy.events, &rules);
    assert!(abbreviated(&other).await["time"]["1.0.0"].is_string());
}

#[tokio::test]
async fn an_upstream_of_full_documents_is_asked_for_one() {
    let proxy = Proxy::start();
    let rules: Vec<RuleSettings> =
        serde_json::from_value(json!([{ "match": "**", "read": ["@all"], "origin": ["npm"] }])).unwrap();
    let mut options = UpstreamOptions::default();
    options.full_documents = true;
    let registry = Registry::builder(Arc::clone(&proxy.store))
        .upstream_with("npm", Arc::new(proxy.upstream.clone()), options)
        .access(AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap())
        .build();
    assert!(abbreviated(&registry).await["time"]["1.0.0"].is_string());
    assert_eq!(proxy.upstream.take_asked(), ["packument pear"]);
}
