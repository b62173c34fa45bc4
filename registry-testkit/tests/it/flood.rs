//! What callers without an account can make the registry write, and what they cannot make it forget.

use std::net::IpAddr;

use registry_core::access::{AccessRules, RuleSettings};
use registry_core::events::{Event, EventKind};
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

const HIDDEN: u64 = 4_000;
const PUBLISHES: u64 = 8;

async fn closed_registry() -> TestRegistry {
    let rule = json!([{ "match": "**", "read": ["@authenticated"], "publish": ["@authenticated"] }]);
    let rules: Vec<RuleSettings> = serde_json::from_value(rule).unwrap();
    TestRegistry::builder().access(AccessRules::compile(&rules).unwrap()).start().await
}

async fn told(registry: &TestRegistry) -> Vec<Event> {
    registry.registry().sum_up_events();
    registry.registry().flush_events().await;
    registry.events().take()
}

fn is_denied(event: &Event) -> bool {
    matches!(event.kind, EventKind::Denied { .. })
}

#[tokio::test]
async fn a_flood_of_anonymous_reads_hides_no_publish_and_fills_no_log() {
    let registry = closed_registry().await;
    let stranger = registry.anonymous().from_address("192.0.2.1".parse::<IpAddr>().unwrap());
    for number in 0..HIDDEN {
        let _ = stranger.get(&format!("/hidden-{number}")).await.assert_status(401);
        if number % (HIDDEN / PUBLISHES) == 0 {
            let version = format!("{}.0.0", number / (HIDDEN / PUBLISHES));
            let _ = registry.ana().publish(&PublishDocument::new("pear", &version)).await.assert_status(201);
        }
    }
    let told = told(&registry).await;
    let published: Vec<_> = told
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Published { version, .. } => Some(version.to_string()),
            _ => None,
        })
        .collect();
    let expected: Vec<_> = (0..PUBLISHES).map(|number| format!("{number}.0.0")).collect();
    assert_eq!(published, expected);
    let denied: Vec<_> = told.iter().filter(|event| is_denied(event)).collect();
    assert_eq!(denied.len(), 101, "a hundred lines, and their sum");
    let sum = denied[100];
    assert_eq!((sum.count, &sum.package), (Some(HIDDEN - 100), &None));
    assert_eq!(sum.address, Some("192.0.2.1".parse().unwrap()));
    assert!(denied[..100].iter().all(|event| event.count.is_none() && event.package.is_some()));
}

#[tokio::test]
async fn one_package_that_is_asked_for_again_and_again_is_told_with_a_count() {
    let registry = closed_registry().await;
    let stranger = registry.anonymous().from_address("192.0.2.1".parse::<IpAddr>().unwrap());
    for _ in 0..50 {
        let _ = stranger.get("/secret").await.assert_status(401);
    }
    // Another network is told of by itself.
    let other = registry.anonymous().from_address("198.51.100.7".parse::<IpAddr>().unwrap());
    let _ = other.get("/secret").await.assert_status(401);
    let told = told(&registry).await;
    let counts: Vec<_> = told.iter().filter(|event| is_denied(event)).map(|event| event.count).collect();
    assert_eq!(counts, [vec![None; 11], vec![Some(40)]].concat());
    let sum = serde_json::to_value(told.last().unwrap()).unwrap();
    assert_eq!(sum["count"], 40);
    assert_eq!(sum["package"], "secret");
}
