use insta::assert_snapshot;
use registry_testkit::TestRegistry;
use serde_json::json;
use std::time::Duration;

use super::{PROFILE, with_token};

#[tokio::test]
async fn an_account_as_its_holder_sees_it() {
    let registry = TestRegistry::new().await;
    let answer = registry.ana().get(PROFILE).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "name": "ana",
      "email_verified": false,
      "created": "2026-01-02T03:04:05.000Z",
      "updated": "2026-01-02T03:04:05.000Z",
      "cidr_whitelist": null,
      "tfa": false,
      "email": "ana@registry.example",
      "fullname": "",
      "homepage": "",
      "github": "",
      "twitter": "",
      "freenode": ""
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
    "#);
    let _ = registry.anonymous().get(PROFILE).await.assert_status(401);
}

#[tokio::test]
async fn fields_are_set_and_cleared() {
    let registry = TestRegistry::new().await;
    registry.clock().advance(Duration::from_mins(1));
    // npm sends all that can be set, as it read it, with one field changed.
    let set = json!({
        "email": "ana@mail.example", "fullname": "Ana Pear", "homepage": "", "github": null, "tfa": null,
    });
    let answer = registry.ana().post(PROFILE, &set).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "name": "ana",
      "email_verified": false,
      "created": "2026-01-02T03:04:05.000Z",
      "updated": "2026-01-02T03:05:05.000Z",
      "cidr_whitelist": null,
      "tfa": false,
      "email": "ana@mail.example",
      "fullname": "Ana Pear",
      "homepage": "",
      "github": "",
      "twitter": "",
      "freenode": ""
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
      {"principal":"ana","kind":"profile-changed"}
    "#);
    let seen = registry.user("ben").await.get("/-/user/org.couchdb.user:ana").await.json();
    assert_eq!((&seen["name"], &seen["email"]), (&json!("ana"), &json!("ana@mail.example")));
    let cleared = registry.ana().post(PROFILE, &json!({ "fullname": null })).await.assert_status(200).json();
    assert_eq!((&cleared["fullname"], &cleared["email"]), (&json!(""), &json!("ana@mail.example")));
}

#[tokio::test]
async fn what_no_profile_can_hold_changes_nothing() {
    let registry = TestRegistry::new().await;
    let before = registry.stored().await;
    for (set, status) in [
        (json!({ "fullname": 7 }), 400),
        (json!({ "fullname": "x".repeat(513) }), 400),
        (json!({ "homepage": "a\r\nb" }), 400),
        (json!({ "email": "x".repeat(255) }), 400),
        (json!({ "password": "a secret" }), 400),
        (json!({ "tfa": "a secret" }), 400),
        (json!({ "tfa": { "password": registry_testkit::test_registry::PASSWORD, "mode": "always" } }), 400),
        (json!({ "tfa": ["123456"] }), 400),
        (json!({ "tfa": ["1", "2"] }), 400),
        (json!([]), 400),
    ] {
        let refused = registry.ana().post(PROFILE, &set).await;
        assert_eq!(refused.status, status, "{set}: {}", refused.text());
        assert!(!refused.error().is_empty() && !refused.text().contains("a secret"), "{}", refused.text());
    }
    let limited = with_token(&registry.ana(), json!({ "readonly": true })).await;
    let after = registry.stored().await;
    let _ = limited.post(PROFILE, &json!({ "fullname": "Eve" })).await.assert_status(403);
    assert_eq!(registry.stored().await, after);
    assert_eq!(before["_accounts/ana.json"], after["_accounts/ana.json"]);
}
