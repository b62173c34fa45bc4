use std::sync::Arc;

use http::{Method, Request};
use insta::assert_snapshot;
use registry_core::Body;
use registry_core::access::AccessRules;
use registry_testkit::faulty::{Fault, Operation};
use registry_testkit::{ScriptedUpstream, TestRegistry};

use super::{counted, counting, download, flush, stored, tarball};

/// Asks with a header, and returns the status and how much more is counted.
async fn ask(registry: &TestRegistry, method: Method, path: &str, header: (&str, &str)) -> String {
    let before = registry.registry().measurements().downloads.counted;
    let request = Request::builder().method(&method).uri(path).header(header.0, header.1);
    let answer = registry.anonymous().send(request.body(Body::empty()).unwrap()).await;
    let more = registry.registry().measurements().downloads.counted - before;
    format!("{method} {path} {}: {} → {} counted {more}\n", header.0, header.1, answer.status.as_u16())
}

#[tokio::test]
async fn what_is_answered_with_the_whole_tarball_is_counted() {
    let registry = counting().await;
    let pear = tarball("pear", "1.0.0");
    let etag = registry.anonymous().get(&pear).await.header("etag").unwrap().to_owned();
    let mut asked = String::new();
    for (method, path, header) in [
        (Method::GET, pear.as_str(), ("accept", "*/*")),
        (Method::HEAD, &pear, ("accept", "*/*")),
        (Method::GET, &pear, ("range", "bytes=0-0")),
        (Method::GET, &pear, ("range", "bytes=0-9")),
        (Method::GET, &pear, ("range", "bytes=0-")),
        (Method::GET, &pear, ("range", "bytes=0-1000000")),
        (Method::GET, &pear, ("range", "bytes=1-")),
        (Method::GET, &pear, ("range", "bytes=-5")),
        (Method::GET, &pear, ("range", "bytes=1000000-")),
        (Method::GET, &pear, ("range", "lines=1-2")),
        (Method::HEAD, &pear, ("range", "bytes=0-9")),
        (Method::GET, &tarball("pear", "2.0.0"), ("accept", "*/*")),
        (Method::GET, &tarball("plum", "1.0.0"), ("accept", "*/*")),
        (Method::GET, "/pear", ("accept", "*/*")),
        (Method::GET, "/@acme/fig/-/@acme/fig-1.0.0.tgz", ("accept", "*/*")),
    ] {
        asked += &ask(&registry, method, path, header).await;
    }
    asked += &ask(&registry, Method::GET, &pear, ("if-none-match", &etag)).await.replace(&etag, "ETAG");
    registry.store().fail_next(Operation::Open, Fault::BeforeEffect);
    asked += &ask(&registry, Method::GET, &pear, ("accept", "*/*")).await;
    assert_snapshot!(asked, @r#"
GET /pear/-/pear-1.0.0.tgz accept: */* → 200 counted 1
HEAD /pear/-/pear-1.0.0.tgz accept: */* → 200 counted 0
GET /pear/-/pear-1.0.0.tgz range: bytes=0-0 → 206 counted 0
GET /pear/-/pear-1.0.0.tgz range: bytes=0-9 → 206 counted 0
GET /pear/-/pear-1.0.0.tgz range: bytes=0- → 206 counted 1
GET /pear/-/pear-1.0.0.tgz range: bytes=0-1000000 → 206 counted 1
GET /pear/-/pear-1.0.0.tgz range: bytes=1- → 206 counted 0
GET /pear/-/pear-1.0.0.tgz range: bytes=-5 → 206 counted 0
GET /pear/-/pear-1.0.0.tgz range: bytes=1000000- → 416 counted 0
GET /pear/-/pear-1.0.0.tgz range: lines=1-2 → 200 counted 1
HEAD /pear/-/pear-1.0.0.tgz range: bytes=0-9 → 200 counted 0
GET /pear/-/pear-2.0.0.tgz accept: */* → 404 counted 0
GET /plum/-/plum-1.0.0.tgz accept: */* → 404 counted 0
GET /pear accept: */* → 200 counted 0
GET /@acme/fig/-/@acme/fig-1.0.0.tgz accept: */* → 200 counted 1
GET /pear/-/pear-1.0.0.tgz if-none-match: ETAG → 304 counted 0
GET /pear/-/pear-1.0.0.tgz accept: */* → 503 counted 0
"#);
    flush(&registry).await;
    assert_snapshot!(stored(&registry).await, @r#"_downloads/days/2026-01-02/A-0.json {"packages":{"@acme/fig":{"1.0.0":1},"pear":{"1.0.0":5}}}"#);
}

#[tokio::test]
async fn packages_of_upstreams_are_counted_too_whether_they_are_kept_or_not() {
    let upstream = ScriptedUpstream::default();
    upstream.publish("left-pad", "1.0.0", b"the bytes of a tarball");
    let rules = AccessRules::open_to_all_in_front_of("npm");
    let builder = TestRegistry::builder().upstream("npm", Arc::new(upstream)).access(rules);
    let registry = builder.downloads().start().await;
    download(&registry.anonymous(), "left-pad", 3).await;
    flush(&registry).await;
    assert_eq!(counted(&registry, "left-pad").await, 3);
    let answer = registry.anonymous().get("/downloads/point/last-week/left-pad").await.assert_status(200);
    assert_eq!(answer.json()["downloads"], 3);
}

#[tokio::test]
async fn a_registry_that_counts_nothing_says_so() {
    let registry = TestRegistry::new().await;
    for path in ["/downloads/point/last-day", "/downloads/range/last-day/pear", "/versions/pear/last-week"] {
        let answer = registry.anonymous().get(path).await.assert_status(404);
        assert_eq!(answer.error(), "this registry counts no downloads: ask its operator to turn that on");
    }
    assert!(registry.registry().flush_downloads().await.is_ok());
}

#[tokio::test]
async fn a_download_costs_the_store_what_it_cost_before_and_a_flush_one_write() {
    let registry = counting().await;
    download(&registry.anonymous(), "pear", 1).await;
    registry.store().take_calls();
    download(&registry.anonymous(), "pear", 1).await;
    let read: Vec<_> = registry.store().take_calls().into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(read, [Operation::GetIfChanged, Operation::Open]);
    flush(&registry).await;
    let folds = registry.store().take_calls();
    assert_eq!(folds[0].0, Operation::Put, "{folds:?}");
    flush(&registry).await;
    assert_eq!(registry.store().take_calls(), [], "there is nothing to write");
    download(&registry.anonymous(), "pear", 100).await;
    registry.store().take_calls();
    flush(&registry).await;
    let written = registry.store().take_calls();
    assert_eq!((written.len(), written[0].0), (1, Operation::Put), "{written:?}");
}

#[tokio::test]
async fn each_download_is_an_event_where_that_is_asked_for() {
    let registry = TestRegistry::builder().download_events().start().await;
    let document = registry_testkit::publish_document::PublishDocument::new("pear", "1.0.0");
    let _ = registry.ana().publish(&document).await.assert_status(201);
    registry.registry().flush_events().await;
    registry.events().take();
    let client = registry.ana().from_address("192.0.2.7".parse().unwrap());
    let _ = client.get(&tarball("pear", "1.0.0")).await.assert_status(200);
    let _ = client.ask(Method::HEAD, &tarball("pear", "1.0.0"), "").await.assert_status(200);
    let answer = registry.anonymous().get(&tarball("pear", "1.0.0")).await;
    let snapshot = registry.snapshot_of(&answer).await;
    let (_, events) = snapshot.split_once("\nevents:\n").unwrap();
    assert_snapshot!(events, @r#"
{"principal":"ana","address":"192.0.2.7","package":"pear","kind":"downloaded","version":"1.0.0"}
{"package":"pear","kind":"downloaded","version":"1.0.0"}
"#);
}
