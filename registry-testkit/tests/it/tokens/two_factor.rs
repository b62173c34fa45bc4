use insta::assert_snapshot;
use registry_testkit::TestRegistry;
use registry_testkit::test_registry::PASSWORD;
use serde_json::json;

use super::{PROFILE, digits, enable, forget_events};

#[tokio::test]
async fn it_is_set_up_with_a_password_and_the_first_digits() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let begun = json!({ "tfa": { "password": PASSWORD, "mode": "auth-only" } });
    let answer = ana.post(PROFILE, &begun).await;
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
      "tfa": "otpauth://totp/npm%20registry:ana?secret=I2D6SZLIYTRBBHCEFJODZF6XCTGY6VGR&issuer=npm%20registry",
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
      _two_factor/ana.json

    events:
    "#);
    let app = registry_testkit::Authenticator::scan(answer.json()["tfa"].as_str().unwrap());
    assert_eq!(ana.get(PROFILE).await.json()["tfa"], json!({ "mode": "auth-only", "pending": true }));

    let refused = ana.post(PROFILE, &json!({ "tfa": ["000000"] })).await;
    assert_snapshot!(registry.snapshot_of(&refused).await, @r#"
    401 Unauthorized
    cache-control: no-cache
    content-type: application/json
    npm-notice: The one-time password was wrong, or was used already. Enter the digits that your authenticator app shows now, or a recovery code.
    www-authenticate: otp

    {
      "error": "the one-time password is wrong, or was used already: try again with the next digits that your authenticator app shows",
      "message": "the one-time password is wrong, or was used already: try again with the next digits that your authenticator app shows"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _two_factor/ana.json

    events:
      {"principal":"ana","kind":"two-factor-failed"}
    "#);
    let answer = ana.post(PROFILE, &json!({ "tfa": [digits(&registry, &app)] })).await;
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
      "tfa": [
        "ac06f33e6310841f9fb9aad1c5057349f7b677c17d40430c35714a86a71cf983",
        "abf72d0defaeb9b627cd5b444516330b8a770919e8676cff84d0c5120bd70c99",
        "ba8907c967192b966d2c075a68e2ac651ce0dc482f6f617017fcf32e4e82d640",
        "0cfffe56222e9e87f5e04b5e44022e8bc1533500bb598cbf189deb96b2a46ad1",
        "3c135bbe71a127ab862c7e6049c7a0dc07291e88403c4bb563811059bf1f823c"
      ],
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
      _two_factor/ana.json

    events:
      {"principal":"ana","kind":"two-factor-changed","mode":"auth-only"}
    "#);
    assert_eq!(ana.get(PROFILE).await.json()["tfa"], json!({ "mode": "auth-only", "pending": false }));
}

#[tokio::test]
async fn a_wrong_password_sets_up_nothing() {
    let registry = TestRegistry::new().await;
    let before = registry.keys().await;
    let begun = json!({ "tfa": { "password": "a guess", "mode": "auth-only" } });
    let _ = registry.ana().post(PROFILE, &begun).await.assert_status(401);
    assert_eq!(registry.keys().await, before);
}

#[tokio::test]
async fn what_is_pending_is_asked_for_nowhere_and_begun_again_or_dropped() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let before = registry.keys().await;
    let begin = json!({ "tfa": { "password": PASSWORD, "mode": "auth-and-writes" } });
    let first = ana.post(PROFILE, &begin).await.assert_status(200).json();
    let second = ana.post(PROFILE, &begin).await.assert_status(200).json();
    assert_ne!(first["tfa"], second["tfa"]);
    let _ = ana.post(PROFILE, &json!({ "fullname": "Ana" })).await.assert_status(200);
    let drop = json!({ "tfa": { "password": PASSWORD, "mode": "disable" } });
    assert_eq!(ana.post(PROFILE, &drop).await.assert_status(200).json()["tfa"], false);
    assert_eq!(registry.keys().await, before);
}

#[tokio::test]
async fn it_is_changed_and_taken_away_with_digits_only() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let before = registry.keys().await;
    let (app, _) = enable(&registry, &ana, "auth-only").await;
    forget_events(&registry).await;
    for mode in ["auth-and-writes", "disable"] {
        let wanted = json!({ "tfa": { "password": PASSWORD, "mode": mode } });
        let asked = ana.post(PROFILE, &wanted).await.assert_status(401);
        assert_eq!(asked.header("www-authenticate"), Some("otp"));
        let ana = ana.with_one_time_password(&digits(&registry, &app));
        let answer = ana.post(PROFILE, &wanted).await.assert_status(200).json();
        let expected =
            if mode == "disable" { json!(false) } else { json!({ "mode": mode, "pending": false }) };
        assert_eq!(answer["tfa"], expected);
        registry.clock().advance(super::A_WHILE);
    }
    assert_eq!(registry.keys().await, before);
    registry.registry().flush_events().await;
    assert_snapshot!(registry.events().kinds(), @r#"
    {"kind":"two-factor-missing"}
    {"kind":"two-factor-changed","mode":"auth-and-writes"}
    {"kind":"two-factor-missing"}
    {"kind":"two-factor-changed","mode":"disabled"}
    "#);
}
