use std::time::Duration;

use registry_core::events::EventKind;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::with_token;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_token_that_ends_soon_says_so() {
    let registry = TestRegistry::new().await;
    let token = with_token(
        &registry.ana(),
        json!({ "expires": 30, "packages_all": true, "packages_and_scopes_permission": "read-write" }),
    )
    .await;
    let notice = |answer: &registry_testkit::http_client::TestResponse| {
        answer.header("npm-notice").unwrap_or_default().to_owned()
    };
    registry.clock().advance(DAY * 15);
    let early = token.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    assert_eq!(notice(&early), "", "it has 15 days left");

    super::forget_events(&registry).await;
    registry.clock().advance(DAY + Duration::from_mins(1));
    let told = token.publish(&PublishDocument::new("pear", "1.0.1")).await.assert_status(201);
    insta::assert_snapshot!(notice(&told), @"your token expires at 2026-02-01T03:04:05.000Z: make a new one with `npm token create`, and put it where this one is");
    let again = token.get("/pear").await.assert_status(200);
    assert_eq!(notice(&again), "", "an install makes hundreds of requests");
    registry.clock().advance(Duration::from_secs(61));
    let read = token.get("/pear").await.assert_status(200);
    assert_ne!(notice(&read), "");
    assert_eq!(read.header("cache-control"), Some("no-store"), "npm shows no notice of a cacheable answer");
    registry.registry().flush_events().await;
    let kinds = |registry: &TestRegistry| {
        let events = registry.events().take();
        events.iter().filter(|event| matches!(event.kind, EventKind::TokenExpiring { .. })).count()
    };
    assert_eq!(kinds(&registry), 1, "once a day");

    registry.clock().advance(DAY * 14);
    let over = token.publish(&PublishDocument::new("pear", "1.0.2")).await.assert_status(401);
    insta::assert_snapshot!(over.error(), @"your token expired at 2026-02-01T03:04:05.000Z: run `npm login`, or make a new token with `npm token create`");
}
