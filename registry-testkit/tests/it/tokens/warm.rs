use std::time::Duration;

use registry_testkit::TestRegistry;
use serde_json::json;

use super::{TOKENS, create};

/// Longer than any test takes, by the machine's clock.
const LONG: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_token_that_was_just_seen_costs_no_look_into_the_store() {
    let registry = TestRegistry::builder().token_cache(LONG).start().await;
    let limited = json!({ "expires": 1, "cidr_whitelist": ["10.0.0.0/8"] });
    let token = create(&registry.ana(), limited).await["token"].as_str().unwrap().to_owned();
    let inside = registry.anonymous().with_token(&token).from_address("10.1.2.3".parse().unwrap());
    let _ = inside.get("/-/whoami").await.assert_status(200);
    let before = registry.store().calls().len();
    let _ = inside.get("/-/whoami").await.assert_status(200);
    // Nor does what it may not be used for.
    let outside = inside.from_address("192.0.2.1".parse().unwrap());
    let _ = outside.get("/-/whoami").await.assert_status(401);
    registry.clock().advance(Duration::from_hours(24));
    let _ = inside.get("/-/whoami").await.assert_status(401);
    assert_eq!(registry.store().calls().len(), before);
}

#[tokio::test]
async fn what_ends_a_token_here_ends_it_at_once() {
    let registry = TestRegistry::builder().token_cache(LONG).start().await;
    let ana = registry.ana();
    let made = create(&ana, json!({})).await;
    let client = ana.with_token(made["token"].as_str().unwrap());
    let _ = client.get("/-/whoami").await.assert_status(200);
    let _ = ana.delete(&format!("{TOKENS}/token/{}", made["key"].as_str().unwrap())).await.assert_status(200);
    let _ = client.get("/-/whoami").await.assert_status(401);
}
