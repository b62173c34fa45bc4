//! What a read of a package that has not changed costs the store: the question whether it has, and nothing else.

use std::time::Duration;

use http::{Method, Request};
use registry_core::Body;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::Operation;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;

/// Longer than any test takes, by the machine's clock.
const LONG: Duration = Duration::from_hours(1);

const INDEX: &str = "pear/index.json";

async fn with_pear() -> TestRegistry {
    let registry = TestRegistry::builder().token_cache(LONG).start().await;
    let pear = PublishDocument::new("pear", "1.0.0").field("description", "green".into());
    let _ = registry.ana().publish(&pear).await.assert_status(201);
    registry
}

/// Each read that has something to be found unchanged, as method, path and `Accept`.
const READS: [(Method, &str, &str); 8] = [
    (Method::GET, "/pear", "application/json"),
    (Method::GET, "/pear", "application/vnd.npm.install-v1+json"),
    (Method::HEAD, "/pear", "application/json"),
    (Method::GET, "/pear/1.0.0", "application/json"),
    (Method::GET, "/pear/latest", "application/json"),
    (Method::GET, "/-/package/pear/dist-tags", "application/json"),
    (Method::GET, "/-/package/pear/visibility", "application/json"),
    (Method::HEAD, "/pear/-/pear-1.0.0.tgz", "application/json"),
];

async fn read(client: &TestClient, (method, path, accept): &(Method, &str, &str)) {
    let request = Request::builder().method(method).uri(*path).header("host", "registry.example");
    let request = request.header("accept", *accept).body(Body::empty()).unwrap();
    let _ = client.send(request).await.assert_status(200);
}

/// What the store is asked when this is read a second time.
async fn asked_when_warm(
    registry: &TestRegistry,
    client: &TestClient,
    what: &(Method, &str, &str),
) -> Vec<(Operation, String)> {
    read(client, what).await;
    registry.registry().flush_events().await;
    let before = registry.store().calls().len();
    read(client, what).await;
    registry.registry().flush_events().await;
    registry.store().calls().split_off(before)
}

#[tokio::test]
async fn a_read_that_finds_its_packument_unchanged_asks_just_that() {
    let registry = with_pear().await;
    for client in [registry.anonymous(), registry.ana()] {
        for what in &READS {
            let mut asked = asked_when_warm(&registry, &client, what).await;
            if what.1.contains("/-/pear-") {
                // How long the tarball is, and that it is there.
                assert_eq!(asked.pop(), Some((Operation::Open, tarball(&registry).await)), "{what:?}");
            }
            assert_eq!(asked, [(Operation::GetIfChanged, INDEX.to_owned())], "{what:?}");
        }
    }
}

#[tokio::test]
async fn a_tarball_costs_its_bytes_beside_it() {
    let registry = with_pear().await;
    let what = (Method::GET, "/pear/-/pear-1.0.0.tgz", "*/*");
    let asked = asked_when_warm(&registry, &registry.ana(), &what).await;
    let expected = [(Operation::GetIfChanged, INDEX.to_owned()), (Operation::Open, tarball(&registry).await)];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_package_under_plain_capitals_costs_no_second_look() {
    let registry = with_pear().await;
    let codebox = registry_testkit::codebox_npm::CodeboxNpm::sample();
    codebox.copy_to(registry.store()).await.unwrap();
    let what = (Method::GET, "/OldPear", "application/json");
    let asked = asked_when_warm(&registry, &registry.anonymous(), &what).await;
    assert_eq!(asked, [(Operation::GetIfChanged, "OldPear/index.json".to_owned())]);
}

#[tokio::test]
async fn a_client_that_has_it_costs_no_more() {
    let registry = with_pear().await;
    let answer = registry.anonymous().get("/pear").await;
    let etag = answer.header("etag").unwrap().to_owned();
    let before = registry.store().calls().len();
    let request = Request::builder().uri("/pear").header("host", "registry.example");
    let request = request.header("if-none-match", etag).body(Body::empty()).unwrap();
    let _ = registry.anonymous().send(request).await.assert_status(304);
    assert_eq!(registry.store().calls().split_off(before), [(Operation::GetIfChanged, INDEX.to_owned())]);
}

#[tokio::test]
async fn what_was_written_meanwhile_is_seen_all_the_same() {
    let registry = with_pear().await;
    for what in &READS {
        read(&registry.anonymous(), what).await;
    }
    let replica = registry.replica().await;
    let _ = replica.ana().publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(201);
    let tags = registry.anonymous().get("/-/package/pear/dist-tags").await.json();
    assert_eq!(tags["latest"], "1.1.0");
    let latest = registry.anonymous().get("/pear/latest").await.json();
    assert_eq!((&latest["version"], latest.get("description")), (&"1.1.0".into(), None));
}

async fn tarball(registry: &TestRegistry) -> String {
    registry.keys().await.into_iter().find(|key| key.ends_with("/pear-1.0.0.tgz")).unwrap()
}
