use std::collections::BTreeMap;

use futures::future::join_all;
use registry_core::auth::Caller;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;

#[tokio::test]
async fn two_replicas_write_one_feed_without_gaps_and_repetitions() {
    let first = TestRegistry::builder().change_feed().start().await;
    let second = first.replica().await;
    let requests = (0..120).map(|number| {
        let registry = if number % 2 == 0 { &first } else { &second };
        let name = format!("pear{}", number % 5);
        let document = PublishDocument::new(&name, &format!("1.{}.0", number / 5));
        async move { registry.ana().publish(&document).await.assert_status(201) }
    });
    join_all(requests).await;
    first.registry().flush_events().await;
    second.registry().flush_events().await;

    let seen = async |registry: &TestRegistry| {
        let page = registry.registry().changes(&Caller::anonymous(), 0, 1000).await.unwrap();
        page.changes.into_iter().map(|change| (change.seq, change.event)).collect::<Vec<_>>()
    };
    let feed = seen(&first).await;
    assert_eq!(feed, seen(&second).await, "both replicas show the same feed");
    let numbers: Vec<_> = feed.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(numbers, (1..=120).collect::<Vec<_>>());
    let mut ids: Vec<_> = feed.iter().map(|(_, event)| event.id.clone().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 120, "no event is there twice");

    // The order of each package's versions in its packument is the order of its commits.
    let mut published: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, event) in &feed {
        let kind = serde_json::to_value(&event.kind).unwrap();
        let versions = published.entry(event.package.as_ref().unwrap().to_string()).or_default();
        versions.push(kind["version"].as_str().unwrap().to_owned());
    }
    for (name, versions) in published {
        let packument = first.anonymous().get(&format!("/{name}")).await.assert_status(200).json();
        let committed: Vec<_> = packument["versions"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(versions, committed, "{name}");
    }
    let stored = first.stored().await;
    let longest = (0..5).map(|number| {
        let packument = stored[&format!("pear{number}/index.json")].to_vec();
        String::from_utf8(packument).unwrap().matches("\"after\":").count()
    });
    assert!(longest.max().unwrap() <= 24, "outboxes stay small");
}

#[tokio::test]
async fn a_process_for_each_publish_keeps_the_outbox_small() {
    let mut registry = TestRegistry::builder().change_feed().start().await;
    for number in 0..40 {
        let document = PublishDocument::new("pear", &format!("1.{number}.0"));
        let _ = registry.ana().publish(&document).await.assert_status(201);
        registry.registry().flush_events().await;
        registry = registry.replica().await;
    }
    let packument = String::from_utf8(registry.stored().await["pear/index.json"].to_vec()).unwrap();
    let entries = packument.matches("\"after\":").count();
    assert!(entries <= 9, "{entries} events are still in the packument");
}
