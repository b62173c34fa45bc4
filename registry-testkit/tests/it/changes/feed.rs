use registry_core::access::AccessRules;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{lines, markers, publish};

#[tokio::test]
async fn every_change_of_a_package_is_in_the_feed_in_order() {
    let registry = TestRegistry::builder().change_feed().start().await;
    let ana = registry.ana();
    publish(&registry, "pear", "1.0.0").await;
    let _ = ana.put("/-/package/pear/dist-tags/next", &json!("1.0.0")).await.assert_status(200);
    let _ = ana.delete("/-/package/pear/dist-tags/next").await.assert_status(200);
    publish(&registry, "@acme/fig", "1.0.0").await;
    ana.put("/-/org/acme/user", &json!({ "user": "ana", "role": "owner" })).await;
    registry.registry().flush_events().await;
    assert_eq!(
        lines(&registry).await,
        ["1 pear published", "2 pear dist-tag-set", "3 pear dist-tag-removed", "4 @acme/fig published"]
    );
    let page = registry.anonymous().get("/-/changes?since=1&limit=1").await.assert_status(200).json();
    let id = page["results"][0]["event"]["event-id"].clone();
    assert_eq!(
        page,
        json!({
            "results": [{
                "seq": 2,
                "id": "pear",
                "changes": [{ "rev": id }],
                "event": {
                    "event-id": id,
                    "time": "2026-01-02T03:04:05Z",
                    "package": "pear",
                    "kind": "dist-tag-set",
                    "tag": "next",
                    "version": "1.0.0",
                },
            }],
            "last_seq": 2,
            "pending": 2,
        })
    );
    assert_eq!(markers(&registry).await, [""; 0], "every marker is gone");
    let stored = registry.stored().await;
    let packument = String::from_utf8(stored["pear/index.json"].to_vec()).unwrap();
    assert_eq!(
        packument.matches("\"after\":").count(),
        1,
        "an event leaves with the next commit: {packument}"
    );
    let shown = registry.ana().get("/pear").await.assert_status(200).text();
    assert!(!shown.contains("outbox"), "{shown}");
}

#[tokio::test]
async fn an_event_says_who_and_from_where_to_those_who_administer() {
    let registry = TestRegistry::builder().change_feed().start().await;
    let ana = registry.ana().from_address("192.0.2.7".parse().unwrap());
    let request = http::Request::put("/-/package/pear/dist-tags/next")
        .header("user-agent", "npm/11.9.1 node/v20 linux x64")
        .extension(registry_core::http::RequestId("abc".parse().unwrap()))
        .body("\"1.0.0\"".to_owned());
    publish(&registry, "pear", "1.0.0").await;
    let _ = ana.send(request.unwrap()).await.assert_status(200);
    registry.registry().flush_events().await;
    let page = registry.ana().get("/-/changes?since=1").await.assert_status(200).json();
    let event = &page["results"][0]["event"];
    assert_eq!(event["principal"], "ana");
    assert_eq!(event["address"], "192.0.2.7");
    assert_eq!(event["client"], "npm/11.9.1 node/v20 linux x64");
    assert_eq!(event["request"], "abc");
    assert_eq!(event["token"].as_str().unwrap().len(), 64);
    let ben = registry.user("ben").await.get("/-/changes?since=1").await.assert_status(200).json();
    let keys: Vec<_> = ben["results"][0]["event"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["event-id", "time", "package", "kind", "tag", "version"]);
}

#[tokio::test]
async fn a_caller_sees_only_changes_of_packages_that_they_may_read() {
    let rules = json!([
        { "match": "@secret/*", "read": ["user:ana"], "publish": ["user:ana"] },
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"] },
    ]);
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(rules).unwrap()).unwrap();
    let registry = TestRegistry::builder().change_feed().access(rules).start().await;
    publish(&registry, "pear", "1.0.0").await;
    publish(&registry, "@secret/fig", "1.0.0").await;
    publish(&registry, "plum", "1.0.0").await;
    let mut private = PublishDocument::new("@ben/quince", "1.0.0").build();
    private["access"] = json!("restricted");
    let ben = registry.user("ben").await;
    let _ = ben.put("/@ben%2fquince", &private).await.assert_status(201);
    let _ = ben.stage(&PublishDocument::new("medlar", "1.0.0")).await.assert_status(201);
    registry.registry().flush_events().await;
    let seen = async |client: registry_testkit::test_registry::TestClient| {
        let page = client.get("/-/changes").await.assert_status(200).json();
        assert_eq!(page["last_seq"], 5, "{page:#}");
        page["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| change["seq"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(registry.anonymous()).await, [1, 3]);
    assert_eq!(seen(registry.ana()).await, [1, 2, 3]);
    assert_eq!(seen(ben).await, [1, 3, 4, 5]);
}

#[tokio::test]
async fn a_feed_of_many_segments_is_read_page_by_page_and_trimmed() {
    let registry = TestRegistry::builder().change_feed().start().await;
    let core = registry.registry();
    publish(&registry, "pear", "1.0.0").await;
    for number in 2..=300 {
        let tag = format!("tag{}", number % 7);
        let method = if number % 14 < 7 { http::Method::PUT } else { http::Method::DELETE };
        let body = if method == http::Method::PUT { "\"1.0.0\"" } else { "" };
        registry.ana().ask(method, &format!("/-/package/pear/dist-tags/{tag}"), body).await;
    }
    core.flush_events().await;
    let caller = registry_core::auth::Caller::anonymous();
    let (mut seen, mut since) = (Vec::new(), 0);
    loop {
        let page = core.changes(&caller, since, 37).await.unwrap();
        seen.extend(page.changes.iter().map(|change| change.seq));
        since = page.last_seq;
        if page.pending == 0 {
            break;
        }
    }
    let total = seen.len() as u64;
    assert!(total > 256, "{total}");
    assert_eq!(seen, (1..=total).collect::<Vec<_>>(), "no gap and no repetition");
    let segments = registry.keys().await.into_iter().filter(|key| key.starts_with("_changes/0"));
    assert_eq!(segments.collect::<Vec<_>>(), ["_changes/000000000000.json", "_changes/000000000001.json"]);

    registry.clock().advance(std::time::Duration::from_hours(24 * 31));
    core.recover_changes().await.unwrap();
    let page = core.changes(&caller, 0, 1).await.unwrap();
    assert_eq!(page.changes[0].seq, 257, "whole segments that are too old are gone");
    let gone = registry.anonymous().get("/-/changes?since=5").await.assert_status(410).error();
    assert!(gone.contains("since=256"), "{gone}");
    let beyond = registry.anonymous().get("/-/changes?since=100000").await.assert_status(400).error();
    assert!(beyond.contains("since=0"), "{beyond}");
    assert!(!registry.keys().await.iter().any(|key| key.starts_with("_changes/0")));
}

#[tokio::test]
async fn a_package_that_was_removed_is_in_the_feed_as_deleted() {
    let registry = TestRegistry::builder().change_feed().start().await;
    publish(&registry, "pear", "1.0.0").await;
    let revision = registry.ana().get("/pear?write=true").await.assert_status(200).json()["_rev"].clone();
    let path = format!("/pear/-rev/{}", revision.as_str().unwrap());
    let _ = registry.ana().delete(&path).await.assert_status(200);
    registry.registry().flush_events().await;
    for client in [registry.ana(), registry.anonymous()] {
        let page = client.get("/-/changes").await.assert_status(200).json();
        assert_eq!(page["results"][1]["deleted"], true, "{page:#}");
        assert_eq!(page["results"][1]["event"]["kind"], "package-unpublished");
        assert_eq!(page["results"][0]["event"]["version"], "1.0.0");
    }
}

#[tokio::test]
async fn a_page_asks_about_a_limited_number_of_packages_and_goes_on_with_the_next() {
    let registry = TestRegistry::builder().change_feed().start().await;
    for number in 0..130 {
        publish(&registry, &format!("pear{number}"), "1.0.0").await;
    }
    registry.registry().flush_events().await;
    let first = registry.anonymous().get("/-/changes?limit=1000").await.assert_status(200).json();
    assert_eq!((&first["last_seq"], &first["pending"]), (&json!(100), &json!(30)));
    let second = registry.anonymous().get("/-/changes?limit=1000&since=100").await.assert_status(200).json();
    assert_eq!((&second["last_seq"], &second["pending"]), (&json!(130), &json!(0)));
    assert_eq!(second["results"].as_array().unwrap().len(), 30);
}

#[tokio::test]
async fn without_a_feed_there_is_none_and_nothing_is_stored_for_it() {
    let registry = TestRegistry::new().await;
    publish(&registry, "pear", "1.0.0").await;
    registry.registry().flush_events().await;
    let refused = registry.ana().get("/-/changes").await.assert_status(404).error();
    assert_eq!(refused, "this registry keeps no change feed: ask its operator to turn it on");
    assert!(
        !registry.keys().await.iter().any(|key| key.starts_with("_changes") || key.starts_with("_outbox"))
    );
    let _ = registry.ana().get("/-/changes?since=x").await.assert_status(400);
}
