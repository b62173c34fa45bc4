use std::time::Duration;

use registry_core::accounts::TrustedPublishing;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{Ground, exchange};

#[tokio::test]
async fn the_trusted_build_publishes_its_package_and_nothing_else() {
    let ground = Ground::new().await;
    let id = ground.trusting().await;
    let token = ground.issuer.sign(&ground.build());
    let made = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(201).json();
    assert_eq!(made["token_type"], "oidc");
    assert_eq!(made["created"], "2026-01-02T03:04:05.000Z");
    assert_eq!(made["expires"], "2026-01-02T03:14:05.000Z");
    let events = ground.events().await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["kind"], "id-token-exchanged");
    assert_eq!(events[0]["trust"], id.as_str());
    assert_eq!(events[0]["on-behalf-of"], "ana");
    assert_eq!(events[0]["claims"]["repository"], "acme/pear");

    let build = ground.registry.anonymous().with_token(made["token"].as_str().unwrap());
    let _ = build.publish(&PublishDocument::new("@acme/pear", "1.1.0")).await.assert_status(201);
    let tag = "/-/package/@acme%2fpear/dist-tags/next";
    let _ = build.put(tag, &json!("1.1.0")).await.assert_status(200);
    let _ = build.delete(tag).await.assert_status(200);

    let events = ground.events().await;
    assert_eq!(events[0]["kind"], "published");
    assert_eq!((&events[0]["principal"], &events[0]["trust"]), (&json!("ana"), &json!(id)));

    // Nothing else: no other package, no account, no owners, no tokens, nothing unpublished, no other trust.
    let _ = build.publish(&PublishDocument::new("@acme/plum", "1.0.0")).await.assert_status(403);
    let _ = build.get("/-/npm/v1/tokens").await.assert_status(403);
    let _ = build.post("/-/npm/v1/tokens", &json!({ "password": "x" })).await.assert_status(403);
    let _ = build.put("/-/package/@acme%2fpear/owners", &json!({ "user": "ana" })).await.assert_status(403);
    let _ = build.delete(&format!("{}/{id}", super::TRUST)).await.assert_status(403);
    let packument = build.get("/@acme%2fpear?write=true").await.assert_status(200).json();
    let revision = packument["_rev"].as_str().unwrap();
    let _ = build.delete(&format!("/@acme%2fpear/-rev/{revision}")).await.assert_status(403);
    let all = ground.registry.ana().get("/-/npm/v1/tokens").await.assert_status(200).json();
    assert_eq!(all["total"], 0, "it is in no user's list");
}

#[tokio::test]
async fn a_version_says_which_build_published_it() {
    let ground = Ground::new().await;
    let id = ground.trusting().await;
    let build = ground.builder().await;
    let _ = build.publish(&PublishDocument::new("@acme/pear", "1.1.0")).await.assert_status(201);
    let packument = ground.registry.anonymous().get("/@acme%2fpear").await.assert_status(200).json();
    let publisher = &packument["versions"]["1.1.0"]["_npmUser"];
    assert_eq!(
        publisher,
        &json!({
            "name": "GitHub Actions",
            "email": "",
            "trustedPublisher": { "id": "github", "oidcConfigId": format!("oidc:{id}") },
        })
    );
    assert_eq!(packument["versions"]["1.0.0"]["_npmUser"]["name"], "ana");
    assert_eq!(packument["maintainers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_token_lives_for_minutes() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let build = ground.builder().await;
    ground.registry.clock().advance(Duration::from_secs(599));
    let _ = build.get("/-/whoami").await.assert_status(200);
    ground.registry.clock().advance(Duration::from_secs(1));
    let _ = build.publish(&PublishDocument::new("@acme/pear", "1.1.0")).await.assert_status(401);
}

#[tokio::test]
async fn no_setting_lets_it_live_longer_than_an_hour() {
    let long = TrustedPublishing { token_lifetime: Duration::from_hours(7), ..TrustedPublishing::default() };
    let ground = Ground::with(|builder| builder.trusted_publishing(long)).await;
    ground.trusting().await;
    let token = ground.issuer.sign(&ground.build());
    let made = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(201).json();
    assert_eq!(made["expires"], "2026-01-02T04:04:05.000Z");
}

#[tokio::test]
async fn other_builds_are_refused() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let file = "acme/pear/.github/workflows/test.yml@refs/heads/main";
    for (claim, value) in [("repository", "eve/pear"), ("workflow_ref", file)] {
        let token = ground.issuer.sign(&ground.build_with(claim, json!(value)));
        let refused = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(401);
        assert!(refused.error().contains(value), "it tells the build what it is: {}", refused.error());
        assert!(ground.reason().await.contains(&format!("the claim {claim} ")));
    }
}

#[tokio::test]
async fn an_environment_and_a_branch_are_checked_where_they_are_named() {
    let ground = Ground::new().await;
    let mut asked = super::trust();
    asked[0]["claims"]["environment"] = "prod".into();
    asked[0]["claims"]["ref"] = "refs/heads/main".into();
    let _ = ground.registry.ana().post(super::TRUST, &asked).await.assert_status(201);
    for (claim, value) in [("environment", "test"), ("ref", "refs/heads/dev")] {
        let token = ground.issuer.sign(&ground.build_with(claim, json!(value)));
        let _ = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(401);
        assert!(ground.reason().await.contains(&format!("the claim {claim} ")));
    }
    let _ = ground.token().await;
}

#[tokio::test]
async fn a_refusal_does_not_tell_whether_a_package_is_there() {
    let ground = Ground::new().await;
    let token = ground.issuer.sign(&ground.build());
    let mut told = Vec::new();
    for name in ["@acme/pear", "@acme/none"] {
        let refused = exchange(&ground.registry, name, &token).await.assert_status(401);
        told.push((refused.error().replace(name, "NAME"), refused.headers));
    }
    assert_eq!(told[0], told[1]);
    ground.trusting().await;
    let eve = ground.issuer.sign(&ground.build_with("repository", json!("eve/pear")));
    for name in ["@acme/pear", "@acme/none"] {
        let refused = exchange(&ground.registry, name, &eve).await.assert_status(401);
        told.push((refused.error().replace(name, "NAME"), refused.headers));
    }
    assert_eq!(told[2], told[3]);
}

#[tokio::test]
async fn the_identity_of_a_build_is_good_for_the_exchange_and_nothing_else() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let token = ground.issuer.sign(&ground.build());
    let client = ground.registry.anonymous().with_token(&token);
    let _ = client.get("/-/whoami").await.assert_status(401);
    let _ = client.publish(&PublishDocument::new("@acme/pear", "1.1.0")).await.assert_status(401);
    // It reads what anonymous callers may, as any unknown token does.
    let read = client.get("/@acme%2fpear").await.assert_status(200);
    assert!(read.header("npm-notice").unwrap().contains("your token is not valid"));
    let nothing = ground.registry.anonymous();
    let path = "/-/npm/v1/oidc/token/exchange/package/@acme%2fpear";
    let _ = nothing.post(path, &json!({})).await.assert_status(401);
    // And a token of the registry is not an identity.
    let _ = ground.registry.ana().post(path, &json!({})).await.assert_status(401);
}

#[tokio::test]
async fn no_secret_is_left_behind() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let token = ground.issuer.sign(&ground.build());
    let made = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(201).json();
    let _ = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(401);
    let events = serde_json::to_string(&ground.events().await).unwrap();
    let signature = token.rsplit('.').next().unwrap();
    let mut all = events;
    for (key, bytes) in ground.registry.stored().await {
        all.push_str(&key);
        all.push_str(&String::from_utf8_lossy(&bytes));
    }
    for secret in [token.as_str(), signature, made["token"].as_str().unwrap()] {
        assert!(!all.contains(secret));
    }
}
