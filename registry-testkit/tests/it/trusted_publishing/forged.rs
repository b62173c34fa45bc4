use std::time::Duration;

use registry_testkit::fake_issuer::{FakeIssuer, Signing};
use serde_json::json;

use super::{Ground, exchange};

/// That the registry refuses the token, and says why with these words.
async fn assert_refused(ground: &Ground, token: &str, words: &str) {
    let refused = exchange(&ground.registry, "@acme/pear", token).await.assert_status(401);
    assert!(refused.error().contains(words), "no {words:?} in {:?}", refused.error());
    assert_eq!(refused.headers["www-authenticate"], "Bearer");
    let keys = ground.registry.keys().await;
    assert!(!keys.iter().any(|key| key.starts_with("_used_id_tokens")), "{keys:?}");
}

#[tokio::test]
async fn every_way_of_signing_that_is_safe_is_taken() {
    let ground = Ground::new().await;
    ground.trusting().await;
    for signing in [Signing::Es256, Signing::EdDsa, Signing::Rs256, Signing::Ps256] {
        let token = ground.issuer.sign_by(signing, &ground.build_with("jti", json!(signing.name())));
        let _ = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(201);
    }
}

#[tokio::test]
async fn an_unsigned_token_is_rejected() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let build = ground.build();
    let issuer = &ground.issuer;
    assert_refused(&ground, &issuer.unsigned(&build), "algorithm").await;
    assert_refused(&ground, &issuer.signed_with_public_key(&build), "algorithm").await;
    let good = issuer.sign(&build);
    let (signed, _) = good.rsplit_once('.').unwrap();
    assert_refused(&ground, &format!("{signed}."), "signature").await;
    assert_refused(&ground, signed, "does not trust its issuer").await;
    assert_refused(&ground, &format!("{good}.{good}"), "does not trust its issuer").await;
    // The claims of one token under the signature of another.
    let other = issuer.sign(&ground.build_with("repository", json!("eve/pear")));
    let (_, signature) = other.rsplit_once('.').unwrap();
    assert_refused(&ground, &format!("{signed}.{signature}"), "signature is wrong").await;
    // Another issuer that calls itself by this one's name.
    let eve = FakeIssuer::start().await;
    assert_refused(&ground, &eve.sign(&build), "signature is wrong").await;
}

#[tokio::test]
async fn the_kind_of_the_key_says_how_it_signs() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let build = ground.build();
    for header in [
        json!({ "alg": "ES256", "kid": "rsa-1" }),
        json!({ "alg": "RS256", "kid": "ec-1" }),
        json!({ "alg": "ES384", "kid": "ec-1" }),
        json!({ "alg": "none", "kid": "ec-1" }),
        json!({ "alg": "HS256", "kid": "ec-1" }),
        json!({ "kid": "ec-1" }),
    ] {
        assert_refused(&ground, &ground.issuer.sign_under(&header, &build), "algorithm").await;
    }
    for header in [
        json!({ "alg": "ES256", "kid": "ec-1", "crit": ["b64"] }),
        json!({ "alg": "ES256", "kid": "ec-1", "typ": "at+jwt" }),
    ] {
        assert_refused(&ground, &ground.issuer.sign_under(&header, &build), "not a signed token").await;
    }
}

#[tokio::test]
async fn what_is_not_good_now_or_not_for_this_registry_is_refused() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let now = ground.build()["iat"].as_i64().unwrap();
    for (claim, value, words) in [
        ("aud", json!("npm:other.example"), "request one for the audience npm:registry.example"),
        ("aud", json!(["npm:other.example"]), "audience"),
        ("aud", json!(null), "audience"),
        ("aud", json!("npm:registry.example:443"), "audience"),
        ("iss", json!("https://eve.example"), "does not trust its issuer"),
        ("iss", json!(format!("{}/", ground.issuer.url())), "does not trust its issuer"),
        ("exp", json!(now - 31), "expired"),
        ("exp", json!(null), "claim exp"),
        ("exp", json!(1e300), "claim exp"),
        ("exp", json!("tomorrow"), "claim exp"),
        ("nbf", json!(now + 31), "not valid yet"),
        ("iat", json!(now + 31), "not valid yet"),
        ("iat", json!(null), "claim iat"),
    ] {
        let token = ground.issuer.sign(&ground.build_with(claim, value.clone()));
        assert_refused(&ground, &token, words).await;
    }
    // Clocks differ a little.
    let token = ground.issuer.sign(&ground.build_with("iat", json!(now + 29)));
    let _ = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(201);
}

#[tokio::test]
async fn one_that_was_good_is_not_good_for_ever() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let token = ground.issuer.sign(&ground.build());
    ground.registry.clock().advance(Duration::from_secs(330));
    assert_refused(&ground, &token, "expired").await;
}

#[tokio::test]
async fn the_host_header_is_no_proof_of_who_we_are() {
    // A token for another registry, shown by the operator of that one, with that one's name as the host.
    let ground = Ground::new().await;
    ground.trusting().await;
    let registry = registry_testkit::TestRegistry::builder()
        .trusted_issuer(
            "github",
            registry_core::domain::trust::TrustKind::Github,
            super::settings(&ground.issuer),
        )
        .start_on(&ground.registry)
        .await;
    let token = ground.issuer.sign(&ground.build());
    let refused = exchange(&registry, "@acme/pear", &token).await.assert_status(401);
    assert!(refused.error().contains("public_url"), "{}", refused.error());
}

#[tokio::test]
async fn nonsense_is_refused() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let huge = "a".repeat(100_000);
    for token in ["", "x", "..", "a.b.c", "e30.e30.", &huge, &format!("{huge}.{huge}.{huge}")] {
        let _ = exchange(&ground.registry, "@acme/pear", token).await.assert_status(401);
    }
    assert!(ground.issuer.take_asked().is_empty(), "no issuer was asked for that");
}

#[tokio::test]
async fn every_refusal_is_told_of_and_fills_no_log() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let (issuer, build) = (&ground.issuer, ground.build());
    let now = build["iat"].as_i64().unwrap();
    let with = |claim: &str, value| issuer.sign(&ground.build_with(claim, value));
    let eve = FakeIssuer::start().await;
    let used = with("jti", json!("used"));
    let _ = exchange(&ground.registry, "@acme/pear", &used).await.assert_status(201);
    ground.forget().await;
    let unknown_key = json!({ "alg": "ES256", "kid": "ec-99" });
    for (token, words) in [
        ("npm_nonsense".to_owned(), "does not trust its issuer"),
        (issuer.unsigned(&build), "signature algorithm is not supported"),
        (eve.sign(&build), "signature is wrong"),
        (issuer.sign_under(&unknown_key, &build), "a key that its issuer does not have"),
        (
            issuer.sign_under(&json!({ "alg": "ES256", "kid": "ec-1", "crit": [] }), &build),
            "not a signed token",
        ),
        (with("aud", json!("npm:other.example")), "meant for another audience"),
        (with("exp", json!(now - 31)), "has expired"),
        (with("nbf", json!(now + 31)), "not valid yet"),
        (with("iat", json!(null)), "claim iat is missing"),
        (with("repository", json!("eve/pear")), "the claim repository"),
        (used, "already exchanged for this package"),
    ] {
        for told_of in [1, 0] {
            let _ = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(401);
            let events = ground.events().await;
            assert_eq!(events.len(), told_of, "{words}: {events:?}");
            for event in events {
                assert_eq!(event["kind"], "id-token-refused");
                assert_eq!(event["package"], "@acme/pear");
                assert!(event["reason"].as_str().unwrap().contains(words), "{words}: {event}");
                assert!(!event.to_string().contains(&token), "{words}");
            }
        }
    }
}
