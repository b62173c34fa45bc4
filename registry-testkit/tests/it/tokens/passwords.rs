use std::time::Duration;

use insta::assert_snapshot;
use registry_testkit::TestRegistry;
use registry_testkit::test_registry::PASSWORD;
use serde_json::{Value, json};

use super::{PROFILE, with_token};

const ANA: &str = "/-/user/org.couchdb.user:ana";

fn login(password: &str) -> Value {
    json!({ "name": "ana", "password": password, "type": "user" })
}

fn change(old: &str, new: &str) -> Value {
    json!({ "password": { "old": old, "new": new } })
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_no_token() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let answer = registry.anonymous().put(ANA, &login(PASSWORD)).await.assert_status(201);
    let other = registry.anonymous().with_token(answer.json()["token"].as_str().unwrap());
    let robot = with_token(&ana, json!({ "name": "ci" })).await;
    super::forget_events(&registry).await;
    registry.clock().advance(Duration::from_secs(1));

    let answer = ana.post(PROFILE, &change(PASSWORD, "a new password")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "name": "ana",
      "email_verified": false,
      "created": "2026-01-02T03:04:05.000Z",
      "updated": "2026-01-02T03:04:06.000Z",
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
      _tokens/4f48544d09a04de4fdcae98ec0edb61e2044ad97e1949b5a76b81d635b48526f.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/780676518d8229c00f596afe84e4ff9f80d2bb2dd147f375314c8c37a841bf62.json
      _tokens_of/ana/4f48544d09a04de4fdcae98ec0edb61e2044ad97e1949b5a76b81d635b48526f

    events:
      {"principal":"ana","kind":"password-changed"}
    "#);
    let _ = ana.get("/-/whoami").await.assert_status(200);
    let _ = robot.get("/-/whoami").await.assert_status(200);
    let _ = other.get("/-/whoami").await.assert_status(401);
    let _ = registry.anonymous().put(ANA, &login(PASSWORD)).await.assert_status(401);
    let _ = registry.anonymous().put(ANA, &login("a new password")).await.assert_status(201);
}

#[tokio::test]
async fn a_wrong_old_password_and_a_bad_new_one_change_nothing() {
    let registry = TestRegistry::new().await;
    let before = registry.stored().await;
    let _ = registry.ana().post(PROFILE, &change("a guess", "a new password")).await.assert_status(401);
    let refused = registry.ana().post(PROFILE, &change(PASSWORD, "ab")).await.assert_status(400);
    assert_eq!(refused.error(), "a password has at least 8 characters; choose a longer one");
    assert_eq!(registry.stored().await, before);
}

#[tokio::test]
async fn the_next_user_of_a_name_gets_neither_tokens_nor_second_factor_of_the_one_before() {
    let registry = TestRegistry::new().await;
    let robot = with_token(&registry.ana(), json!({})).await;
    super::enable(&registry, &registry.ana(), "auth-only").await;
    registry.remove("_accounts/ana.json").await;
    let _ = robot.get("/-/whoami").await.assert_status(401);
    // Without its account, the name is still hers; an operator frees it.
    let _ = registry.anonymous().put(ANA, &login("another password")).await.assert_status(401);
    registry.remove("_names/ana.json").await;
    let answer = registry.anonymous().put(ANA, &login("another password")).await.assert_status(201);
    let other = registry.anonymous().with_token(answer.json()["token"].as_str().unwrap());
    assert_eq!(other.get(PROFILE).await.assert_status(200).json()["tfa"], false);
    let _ = robot.get("/-/whoami").await.assert_status(401);
    let _ = registry.ana().get("/-/whoami").await.assert_status(401);
}
