use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tokio::time::Instant;

use super::{PATH, Proxy, read, registry_on, request};

#[tokio::test]
async fn a_packument_comes_through_as_it_is_but_for_where_its_tarballs_are() {
    let proxy = Proxy::start();
    let packument = proxy.json("/pear").await;
    let dist = &packument["versions"]["1.0.0"]["dist"];
    assert_eq!(dist["tarball"], "http://here.example/pear/-/pear-1.0.0.tgz");
    assert_eq!(dist["signatures"], json!([{ "keyid": "SHA256:upstream", "sig": "MEUC" }]));
    assert_eq!(packument["_rev"], "1-abc");
    assert_eq!(proxy.json("/pear/latest").await["version"], "1.0.0");
    assert_eq!(proxy.json("/-/package/pear/dist-tags").await, json!({ "latest": "1.0.0" }));
    assert_eq!(proxy.get("/apple").await.0, 404);
}

#[tokio::test]
async fn clients_who_come_at_once_cost_one_request() {
    let proxy = Proxy::start();
    let answers = join_all((0..20).map(|_| proxy.get("/pear"))).await;
    assert!(answers.iter().all(|(status, _)| *status == 200));
    assert_eq!(proxy.upstream.take_asked(), ["packument pear"]);
    let answers = join_all((0..20).map(|_| proxy.get("/apple"))).await;
    assert!(answers.iter().all(|(status, _)| *status == 404));
    assert_eq!(proxy.upstream.take_asked(), ["packument apple"]);
}

#[tokio::test]
async fn what_is_fresh_is_not_asked_for_again_and_what_is_old_is() {
    let proxy = Proxy::start();
    proxy.json("/pear").await;
    proxy.upstream.take_asked();
    proxy.upstream.publish("pear", "2.0.0", b"another");
    proxy.clock.advance(Duration::from_secs(299));
    assert_eq!(proxy.json("/pear").await["dist-tags"]["latest"], "1.0.0");
    assert!(proxy.upstream.take_asked().is_empty());
    proxy.clock.advance(Duration::from_secs(301));
    assert_eq!(proxy.json("/pear").await["dist-tags"]["latest"], "2.0.0");
}

#[tokio::test]
async fn what_is_a_little_old_is_served_while_it_is_asked_for() {
    let proxy = Proxy::start();
    proxy.json("/pear").await;
    proxy.upstream.publish("pear", "2.0.0", b"another");
    proxy.clock.advance(Duration::from_secs(301));
    assert_eq!(proxy.json("/pear").await["dist-tags"]["latest"], "1.0.0");
    for _ in 0..1000 {
        if proxy.json("/pear").await["dist-tags"]["latest"] == "2.0.0" {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the packument was not asked for behind the answer");
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_served_soon_while_the_upstream_takes_its_time() {
    let proxy = Proxy::start();
    proxy.json("/pear").await;
    assert_eq!(proxy.get(PATH).await.0, 200);
    proxy.upstream.take_asked();
    proxy.upstream.publish("pear", "2.0.0", b"another");
    proxy.upstream.set_packuments_hang(true);
    proxy.clock.advance(Duration::from_hours(1));
    let begun = Instant::now();
    let kept = tokio::time::timeout(Duration::from_mins(1), proxy.json("/pear")).await;
    assert_eq!(kept.unwrap()["dist-tags"]["latest"], "1.0.0");
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    // No caller waits again for the same answer, and no upstream is asked again.
    assert_eq!(proxy.json("/pear").await["dist-tags"]["latest"], "1.0.0");
    assert_eq!(proxy.get(PATH).await.0, 200);
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    assert_eq!(proxy.upstream.take_asked(), ["packument pear"]);
    // Where nothing is kept, there is nothing but to wait.
    let apple = tokio::time::timeout(Duration::from_mins(1), proxy.get("/apple"));
    assert!(apple.await.is_err(), "what was never asked for was answered");

    proxy.upstream.set_packuments_hang(false);
    for _ in 0..1000 {
        if proxy.json("/pear").await["dist-tags"]["latest"] == "2.0.0" {
            assert!(!proxy.upstream.take_asked().contains(&"packument pear".to_owned()));
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the answer that came late was lost");
}

#[tokio::test]
async fn that_a_package_is_missing_is_believed_for_a_moment() {
    let proxy = Proxy::start();
    assert_eq!(proxy.get("/apple").await.0, 404);
    proxy.upstream.publish("apple", "1.0.0", b"an apple");
    assert_eq!(proxy.get("/apple").await.0, 404);
    proxy.clock.advance(Duration::from_secs(31));
    assert_eq!(proxy.get("/apple").await.0, 200);
}

#[tokio::test]
async fn what_is_kept_outlasts_the_upstream_also_in_another_process() {
    let proxy = Proxy::start();
    proxy.json("/pear").await;
    assert_eq!(proxy.get(PATH).await.0, 200);
    proxy.upstream.set_down(true);
    proxy.clock.advance(Duration::from_hours(24));
    assert_eq!(proxy.json("/pear").await["dist-tags"]["latest"], "1.0.0");
    assert_eq!(proxy.get(PATH).await, (http::StatusCode::OK, super::TARBALL.to_vec()));

    let rules = json!([{ "match": "**", "read": ["@all"], "origin": ["npm"] }]);
    let other = registry_on(&proxy.store, &proxy.upstream, &proxy.clock, &proxy.events, &rules);
    assert_eq!(read(other.handle(request("/pear")).await).await.0, 200);
    assert_eq!(read(other.handle(request(PATH)).await).await.0, 200);

    // What was never kept fails, clearly, and not as something that does not exist.
    let (status, body) = proxy.get("/apple").await;
    assert_eq!(status, 503);
    assert!(String::from_utf8(body).unwrap().contains("did not answer"));
}

#[tokio::test]
async fn an_upstream_that_is_down_is_not_asked_at_every_request() {
    let proxy = Proxy::start();
    proxy.json("/pear").await;
    proxy.upstream.set_down(true);
    proxy.clock.advance(Duration::from_hours(1));
    proxy.json("/pear").await;
    proxy.upstream.take_asked();
    proxy.json("/pear").await;
    assert!(proxy.upstream.take_asked().is_empty());
}

#[tokio::test]
async fn a_version_that_was_taken_back_is_gone_with_its_tarball_and_told_of() {
    let proxy = Proxy::start();
    proxy.upstream.publish("pear", "2.0.0", b"another");
    proxy.json("/pear").await;
    assert_eq!(proxy.get(PATH).await.0, 200);
    proxy.upstream.withdraw("pear", "1.0.0");
    proxy.clock.advance(Duration::from_hours(1));
    assert!(proxy.json("/pear").await["versions"].get("1.0.0").is_none());
    assert_eq!(proxy.get(PATH).await.0, 404);
    proxy.registry.flush_events().await;
    let events = proxy.events.kinds();
    assert!(events.contains("withdrawn-upstream") && events.contains("1.0.0"), "{events}");
}

#[tokio::test]
async fn hosted_only_names_are_never_asked_for() {
    let proxy = Proxy::start();
    for path in
        ["/@ours/web", "/@ours/web/latest", "/@ours/web/-/web-1.0.0.tgz", "/-/package/@ours%2fweb/dist-tags"]
    {
        assert_eq!(proxy.get(path).await.0, 404, "{path}");
    }
    assert!(proxy.upstream.take_asked().is_empty());
}
