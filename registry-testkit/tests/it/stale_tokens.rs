//! A token that is good for nothing any more: what its holder may still read, and how they learn of it.

use std::time::Duration;

use registry_core::access::AccessRules;
use registry_testkit::TestRegistry;
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::json;

use crate::tokens::with_token;

const EXPIRED: &str = "your token expired at 2026-01-03T03:04:05.000Z: run `npm login`, or make a new token with \
                       `npm token create`";
const UNKNOWN: &str = "your token is not valid for this registry: run `npm login`, then try again";

/// What is read of packages, without a body.
const READS: [&str; 7] = [
    "/pear",
    "/pear/1.0.0",
    "/pear/-/pear-1.0.0.tgz",
    "/-/package/pear/dist-tags",
    "/-/package/pear/owners",
    "/-/v1/search?text=pear",
    "/-/npm/v1/keys",
];

/// All may read `pear`, and those who are signed in `@acme/web`.
async fn registry() -> TestRegistry {
    let settings = json!([
        { "match": "@acme/*", "read": ["@authenticated"], "publish": ["@authenticated"] },
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"] },
    ]);
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(settings).unwrap()).unwrap();
    let registry = TestRegistry::builder().access(rules).start().await;
    for name in ["@acme/web", "pear"] {
        let _ = registry.ana().publish(&PublishDocument::new(name, "1.0.0")).await.assert_status(201);
    }
    registry
}

/// A client with a token whose time is up, and one with a token that never was.
async fn stale(registry: &TestRegistry) -> [(TestClient, &'static str); 2] {
    let expired = with_token(&registry.ana(), json!({ "expires": 1 })).await;
    registry.clock().advance(Duration::from_hours(24));
    [(expired, EXPIRED), (registry.anonymous().with_token("npm_unknown"), UNKNOWN)]
}

fn parts(answer: &TestResponse) -> (u16, Vec<u8>, Option<String>) {
    let cache_control = answer.header("cache-control").map(str::to_owned);
    (answer.status.as_u16(), answer.body.to_vec(), cache_control)
}

#[tokio::test]
async fn a_stale_token_reads_what_strangers_may_and_is_told_once_a_minute() {
    let registry = registry().await;
    for (client, notice) in stale(&registry).await {
        for path in READS {
            registry.clock().advance(Duration::from_mins(1));
            let told = client.get(path).await;
            assert_eq!(told.header("npm-notice"), Some(notice), "{path}");
            let again = client.get(path).await;
            assert_eq!(again.header("npm-notice"), None, "{path}, a moment later");
            let anonymous = registry.anonymous().get(path).await;
            // npm shows no notice of a cacheable answer.
            let (status, body, _) = parts(&anonymous);
            assert_eq!(parts(&told), (status, body, Some("no-store".to_owned())), "{path}");
            assert_eq!(parts(&again), parts(&anonymous), "{path}");
        }
        registry.clock().advance(Duration::from_mins(1));
        let missing = client.get("/plum").await.assert_status(404);
        assert_eq!(missing.header("npm-notice"), Some(notice));
    }
}

#[tokio::test]
async fn a_stale_token_opens_nothing() {
    let registry = registry().await;
    let before = registry.stored().await;
    for (client, notice) in stale(&registry).await {
        let refused = [
            client.get("/@acme%2fweb").await,
            client.get("/@acme/web/-/web-1.0.0.tgz").await,
            client.get("/-/package/@acme%2fweb/dist-tags").await,
            client.get("/@acme%2fnothing").await,
            client.get("/-/whoami").await,
            client.get("/-/npm/v1/user").await,
            client.get("/-/npm/v1/tokens").await,
            client.publish(&PublishDocument::new("plum", "1.0.0")).await,
            client.delete("/-/package/pear/dist-tags/next").await,
            client.put("/-/user/v1/star", &json!({ "package": "pear" })).await,
        ];
        for answer in refused {
            assert_eq!(answer.status, 401, "{}", answer.text());
            assert_eq!(answer.error(), notice);
            // npm shows its own words in place of a body of such an answer, and this.
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            assert_eq!(answer.header("npm-notice"), Some(notice));
        }
    }
    let tokens = |key: &&String| !key.starts_with("_tokens");
    let after = registry.stored().await;
    assert!(before.keys().filter(tokens).eq(after.keys().filter(tokens)));
}

#[tokio::test]
async fn a_stale_token_is_counted_whatever_it_reads() {
    let registry = registry().await;
    for (client, _) in stale(&registry).await {
        registry.registry().flush_events().await;
        registry.events().take();
        let _ = client.get("/pear").await.assert_status(200);
        registry.registry().flush_events().await;
        let events = serde_json::to_string(&registry.events().take()).unwrap();
        assert!(events.contains("credential-refused"), "{events}");
    }
}

#[tokio::test]
async fn a_stranger_is_told_to_sign_in_by_a_notice() {
    let registry = registry().await;
    let refused = registry.anonymous().get("/@acme%2fweb").await.assert_status(401);
    let text = "you must be signed in to do this: run `npm login` with this registry, then try again";
    assert_eq!((refused.error().as_str(), refused.header("npm-notice")), (text, Some(text)));
    let read = registry.anonymous().get("/pear").await.assert_status(200);
    assert_eq!(read.header("npm-notice"), None);
}
