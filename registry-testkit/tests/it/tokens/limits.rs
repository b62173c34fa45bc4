use std::time::Duration;

use registry_core::access::AccessRules;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::with_token;

/// Everybody signed in reads and publishes in `@acme`; what else there is, all may read.
async fn registry() -> TestRegistry {
    let settings = json!([
        { "match": "@acme/*", "read": ["@authenticated"], "publish": ["@authenticated"] },
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"] },
    ]);
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(settings).unwrap()).unwrap();
    let registry = TestRegistry::builder().access(rules).start().await;
    for name in ["@acme/web", "@acme/other", "pear"] {
        let _ = registry.ana().publish(&PublishDocument::new(name, "1.0.0")).await.assert_status(201);
    }
    registry
}

#[tokio::test]
async fn a_read_only_token_reads_and_changes_nothing() {
    let registry = registry().await;
    let reader = with_token(&registry.ana(), json!({ "readonly": true })).await;
    let before = registry.stored().await;
    super::forget_events(&registry).await;
    let _ = reader.get("/@acme%2fweb").await.assert_status(200);
    let refused = reader.publish(&PublishDocument::new("@acme/web", "1.0.1")).await.assert_status(403);
    assert_eq!(
        refused.error(),
        "your token does not permit you to publish @acme/web, although your account may: use a token that \
         does, or make one with `npm token create`"
    );
    let _ = reader.delete("/-/package/@acme%2fweb/dist-tags/next").await.assert_status(403);
    let _ = reader.put("/-/package/pear/owners", &json!({ "user": "ana" })).await.assert_status(403);
    let revision = registry.ana().get("/pear").await.json()["_rev"].as_str().unwrap().to_owned();
    let _ = reader.delete(&format!("/pear/-rev/{revision}")).await.assert_status(403);
    assert_eq!(registry.stored().await, before);
    registry.registry().flush_events().await;
    let denied = registry.events().take();
    assert_eq!(denied.len(), 4, "{denied:?}");
}

#[tokio::test]
async fn a_token_for_some_packages_is_unknown_for_the_others() {
    let registry = registry().await;
    let rights = json!({ "packages": ["@acme/web"], "packages_and_scopes_permission": "read-write" });
    let build = with_token(&registry.ana(), rights).await;
    let _ = build.publish(&PublishDocument::new("@acme/web", "1.0.1")).await.assert_status(201);
    // What strangers may read it may read too, and publish not.
    let _ = build.get("/pear").await.assert_status(200);
    let _ = build.publish(&PublishDocument::new("pear", "1.0.1")).await.assert_status(403);
    let _ = build.get("/@acme%2fother").await.assert_status(404);
    let _ = build.get("/@acme/other/-/other-1.0.0.tgz").await.assert_status(404);
    let _ = build.publish(&PublishDocument::new("@acme/other", "1.0.1")).await.assert_status(403);
    let scoped = json!({ "scopes": ["acme"], "packages_and_scopes_permission": "read-only" });
    let reader = with_token(&registry.ana(), scoped).await;
    let _ = reader.get("/@acme%2fother").await.assert_status(200);
    let _ = reader.publish(&PublishDocument::new("@acme/other", "1.0.1")).await.assert_status(403);
}

#[tokio::test]
async fn a_token_without_access_and_one_that_stages_publish_nothing() {
    let registry = registry().await;
    for (permission, status) in [("no-access", 404), ("read-write-stage-only", 200)] {
        let rights = json!({ "packages_all": true, "packages_and_scopes_permission": permission });
        let client = with_token(&registry.ana(), rights).await;
        assert_eq!(client.get("/@acme%2fweb").await.status, status, "{permission}");
        let refused = client.publish(&PublishDocument::new("@acme/web", "2.0.0")).await;
        assert_eq!(refused.status, 403, "{permission}");
    }
}

#[tokio::test]
async fn a_token_that_stands_for_a_second_factor_publishes_and_unpublishes_nothing() {
    let registry = registry().await;
    let robot = with_token(&registry.ana(), json!({ "bypass_2fa": true })).await;
    let _ = robot.publish(&PublishDocument::new("pear", "1.0.1")).await.assert_status(201);
    let revision = registry.ana().get("/pear").await.json()["_rev"].as_str().unwrap().to_owned();
    let _ = robot.delete(&format!("/pear/-rev/{revision}")).await.assert_status(403);
    let _ = robot.put("/-/package/pear/owners", &json!({ "user": "ana" })).await.assert_status(403);
}

#[tokio::test]
async fn an_expired_token_is_none_even_if_it_was_good_a_moment_ago() {
    let registry = registry().await;
    let client = with_token(&registry.ana(), json!({ "expires": 1 })).await;
    registry.clock().advance(Duration::from_secs(24 * 3600 - 1));
    let _ = client.get("/-/whoami").await.assert_status(200);
    registry.clock().advance(Duration::from_secs(1));
    let refused = client.get("/-/whoami").await.assert_status(401);
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    assert_eq!(
        refused.error(),
        "your token expired at 2026-01-03T03:04:05.000Z: run `npm login`, or make a new token with `npm token create`"
    );
}

#[tokio::test]
async fn a_token_is_good_in_its_networks_only() {
    let registry = registry().await;
    let rights = json!({ "cidr_whitelist": ["10.0.0.0/8", "2001:db8::/32"] });
    let client = with_token(&registry.ana(), rights).await;
    for address in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::7"] {
        let inside = client.from_address(address.parse().unwrap());
        let _ = inside.get("/-/whoami").await.assert_status(200);
    }
    for outside in [client.from_address("192.0.2.1".parse().unwrap()), client.clone()] {
        let refused = outside.get("/pear").await.assert_status(401);
        assert_eq!(refused.header("www-authenticate"), Some("ipaddress"));
        assert!(refused.error().contains("network address"), "{}", refused.error());
    }
}
