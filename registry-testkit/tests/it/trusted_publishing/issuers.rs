use std::time::Duration;

use registry_core::clock::Clock as _;
use registry_core::domain::trust::TrustKind;
use registry_testkit::fake_issuer::{FakeIssuer, gitlab_claims};
use registry_testkit::fake_upstream::FakeAnswer;
use serde_json::json;

use super::{AUDIENCE, Ground, TRUST, exchange, settings};

const ABOUT: &str = "GET /.well-known/openid-configuration";
const KEYS: &str = "GET /keys";

/// What comes of a token that was never shown before.
async fn status(ground: &Ground, id: &str) -> u16 {
    let token = ground.issuer.sign(&ground.build_with("jti", json!(id)));
    exchange(&ground.registry, "@acme/pear", &token).await.status.as_u16()
}

#[tokio::test]
async fn keys_are_asked_for_once_and_again_when_they_are_old() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let many = (0..8).map(|at| async move { at.to_string() });
    for id in futures::future::join_all(many).await {
        assert_eq!(status(&ground, &id).await, 201);
    }
    assert_eq!(ground.issuer.take_asked(), [ABOUT, KEYS]);
    ground.registry.clock().advance(Duration::from_hours(1));
    assert_eq!(status(&ground, "late").await, 201);
    assert_eq!(ground.issuer.take_asked(), [ABOUT, KEYS]);
}

#[tokio::test]
async fn many_who_wait_for_keys_ask_once() {
    let ground = Ground::new().await;
    ground.trusting().await;
    ground.issuer.answer(KEYS, FakeAnswer::usual().delay(Duration::from_millis(100)));
    let ids: Vec<_> = (0..8).map(|at| at.to_string()).collect();
    let statuses = futures::future::join_all(ids.iter().map(|id| status(&ground, id))).await;
    assert_eq!(statuses, [201; 8]);
    assert_eq!(ground.issuer.take_asked(), [ABOUT, KEYS]);
}

#[tokio::test]
async fn new_keys_are_found_and_old_ones_forgotten() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let old = ground.issuer.sign(&ground.build_with("jti", json!("old")));
    assert_eq!(status(&ground, "first").await, 201);
    ground.issuer.rotate(false);
    // It was asked a moment ago.
    assert_eq!(status(&ground, "second").await, 401);
    ground.registry.clock().advance(Duration::from_secs(30));
    assert_eq!(status(&ground, "third").await, 201);
    let _ = exchange(&ground.registry, "@acme/pear", &old).await.assert_status(401);
}

#[tokio::test]
async fn forged_keys_make_no_storm() {
    let ground = Ground::new().await;
    ground.trusting().await;
    assert_eq!(status(&ground, "first").await, 201);
    ground.registry.clock().advance(Duration::from_secs(30));
    ground.issuer.take_asked();
    for at in 0..10 {
        let header = json!({ "alg": "ES256", "kid": format!("forged-{at}") });
        let token = ground.issuer.sign_under(&header, &ground.build());
        let refused = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(401);
        assert!(refused.error().contains("a key that its issuer does not have"), "{}", refused.error());
    }
    assert_eq!(ground.issuer.take_asked(), [ABOUT, KEYS]);
    assert_eq!(status(&ground, "second").await, 201);
}

#[tokio::test]
async fn known_keys_outlast_an_issuer_that_is_down_for_a_while() {
    let ground = Ground::new().await;
    ground.trusting().await;
    assert_eq!(status(&ground, "first").await, 201);
    ground.issuer.answer(ABOUT, FakeAnswer::status(503));
    ground.registry.clock().advance(Duration::from_hours(24));
    assert_eq!(status(&ground, "second").await, 201);
    ground.registry.clock().advance(Duration::from_hours(1));
    assert_eq!(status(&ground, "third").await, 503);
    ground.issuer.answer_as_usual();
    ground.registry.clock().advance(Duration::from_secs(30));
    assert_eq!(status(&ground, "fourth").await, 201);
}

#[tokio::test]
async fn an_issuer_that_misbehaves_vouches_for_no_build() {
    let huge = format!(r#"{{"keys":[],"more":"{}"}}"#, "x".repeat(2 << 20));
    let elsewhere = r#"{"issuer":"https://eve.example","jwks_uri":"https://eve.example/keys"}"#;
    for (what, answer) in [
        (ABOUT, FakeAnswer::status(500)),
        (ABOUT, FakeAnswer::hang_up()),
        (ABOUT, FakeAnswer::usual().body("not JSON")),
        (ABOUT, FakeAnswer::usual().body(elsewhere)),
        (ABOUT, FakeAnswer::redirect(302, "http://127.0.0.1:1/")),
        (KEYS, FakeAnswer::status(404)),
        (KEYS, FakeAnswer::usual().body(huge)),
        (KEYS, FakeAnswer::usual().cut_after(10)),
        (KEYS, FakeAnswer::usual().stall_after(10)),
    ] {
        let ground = Ground::new().await;
        ground.trusting().await;
        ground.issuer.answer(what, answer);
        let token = ground.issuer.sign(&ground.build());
        let answer = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(503);
        assert!(!answer.error().contains("127.0.0.1"), "{}", answer.error());
    }
}

#[tokio::test]
async fn builds_of_gitlab_and_of_any_issuer_are_trusted_too() {
    let gitlab = FakeIssuer::start().await;
    let other = FakeIssuer::start().await;
    let ground = Ground::with(|builder| {
        builder.trusted_issuer("gitlab", TrustKind::Gitlab, settings(&gitlab)).trusted_issuer(
            "forge",
            TrustKind::Claims,
            settings(&other),
        )
    })
    .await;
    let ana = ground.registry.ana();
    let now = ground.registry.clock().now();
    let asked = json!([{
        "type": "gitlab",
        "claims": { "project_path": "acme/pear", "ci_config_ref_uri": { "file": ".gitlab-ci.yml" } },
        "permissions": ["createPackage"],
    }]);
    let made = ana.post(TRUST, &asked).await.assert_status(201).json();
    let claims = gitlab_claims(gitlab.url(), "acme/pear", ".gitlab-ci.yml", AUDIENCE, now);
    let _ = exchange(&ground.registry, "@acme/pear", &gitlab.sign(&claims)).await.assert_status(201);
    // The same words of another issuer are another build.
    let github = ground.issuer.sign(&ground.build());
    let _ = exchange(&ground.registry, "@acme/pear", &github).await.assert_status(401);

    let _ = ana.delete(&format!("{TRUST}/{}", made[0]["id"].as_str().unwrap())).await.assert_status(204);
    let asked = json!([{ "type": "forge", "claims": { "sub": "job:pear", "tier": "release" } }]);
    let _ = ana.post(TRUST, &asked).await.assert_status(201);
    let job = |tier: &str| {
        let now = now.timestamp();
        json!({
            "iss": other.url(), "aud": [AUDIENCE, "more"], "iat": now, "exp": now + 60,
            "sub": "job:pear", "tier": tier,
        })
    };
    let _ = exchange(&ground.registry, "@acme/pear", &other.sign(&job("test"))).await.assert_status(401);
    let _ = exchange(&ground.registry, "@acme/pear", &other.sign(&job("release"))).await.assert_status(201);
}
