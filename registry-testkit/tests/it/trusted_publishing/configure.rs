use std::sync::Arc;

use futures::future::join;
use registry_core::access::{AccessRules, RuleSettings};
use registry_core::clock::Clock as _;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::PASSWORD;
use registry_testkit::{Authenticator, ScriptedUpstream};
use serde_json::json;

use super::{Ground, TRUST, trust};

#[tokio::test]
async fn an_owner_makes_lists_and_revokes_a_trust() {
    let ground = Ground::new().await;
    let ana = ground.registry.ana();
    assert_eq!(ana.get(TRUST).await.assert_status(200).json(), json!([]));
    ground.forget().await;
    let made = ana.post(TRUST, &trust()).await.assert_status(201).json();
    let id = made[0]["id"].as_str().unwrap();
    let mut expected = trust();
    expected[0]["id"] = id.into();
    assert_eq!(made, expected);
    assert!(id.len() == 36 && id.as_bytes()[14] == b'4', "a UUID: {id}");
    assert_eq!(ana.get(TRUST).await.assert_status(200).json(), expected);
    assert!(ground.registry.keys().await.contains(&"_trust/=40acme=2fpear.json".to_owned()));

    let _ = ana.post(TRUST, &trust()).await.assert_status(409);
    let _ = ana.delete(&format!("{TRUST}/00000000-0000-4000-8000-000000000000")).await.assert_status(404);
    let _ = ana.delete(&format!("{TRUST}/{id}")).await.assert_status(204);
    let _ = ana.delete(&format!("{TRUST}/{id}")).await.assert_status(404);
    assert_eq!(ana.get(TRUST).await.assert_status(200).json(), json!([]));
    let kinds: Vec<_> = ground.events().await.iter().map(|event| event["kind"].clone()).collect();
    assert_eq!(kinds, ["trust-created", "trust-revoked"]);
    let _ = ana.post(TRUST, &trust()).await.assert_status(201);
}

/// Builds need no second factor, so who lets them publish shows the one that the package wants.
#[tokio::test]
async fn an_owner_without_the_second_factor_that_the_package_requires_trusts_no_build() {
    let ground = Ground::new().await;
    let registry = &ground.registry;
    let (ana, ben) = (registry.ana(), registry.user("ben").await);
    let owner = json!({ "user": "ben" });
    let _ = ana.put("/-/package/@acme%2fpear/owners", &owner).await.assert_status(200);
    let begun = json!({ "tfa": { "password": PASSWORD, "mode": "auth-only" } });
    let begun = ana.post("/-/npm/v1/user", &begun).await.assert_status(200).json();
    let app = Authenticator::scan(begun["tfa"].as_str().unwrap());
    let digits = json!({ "tfa": [app.digits_at(registry.clock().now())] });
    let _ = ana.post("/-/npm/v1/user", &digits).await.assert_status(200);
    registry.clock().advance(std::time::Duration::from_mins(2));
    let wanted = json!({ "publish_requires_tfa": true, "automation_token_overrides_tfa": false });
    let _ = ana.post("/-/package/@acme%2fpear/access", &wanted).await.assert_status(200);
    let refused = ben.post(TRUST, &trust()).await.assert_status(403);
    assert!(refused.error().contains("npm profile enable-2fa"), "{}", refused.error());
    let ana = ana.with_one_time_password(&app.digits_at(registry.clock().now()));
    let _ = ana.post(TRUST, &trust()).await.assert_status(201);
}

#[tokio::test]
async fn of_two_at_once_one_wins() {
    let ground = Ground::new().await;
    let replica = ground.registry.replica().await;
    let (ana, there) = (ground.registry.ana(), replica.ana());
    let document = trust();
    let (one, other) = join(ana.post(TRUST, &document), there.post(TRUST, &document)).await;
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn only_those_who_administer_the_package_may() {
    let ground = Ground::new().await;
    let ben = ground.registry.user("ben").await;
    for client in [ben, ground.registry.anonymous()] {
        let status = if client.token().is_some() { 403 } else { 401 };
        let _ = client.get(TRUST).await.assert_status(status);
        let _ = client.post(TRUST, &trust()).await.assert_status(status);
        let _ = client.delete(&format!("{TRUST}/7")).await.assert_status(status);
    }
    // Nor may the holder of a token that is for builds.
    let ana = ground.registry.ana();
    let request = json!({
        "password": PASSWORD, "name": "ci", "bypass_2fa": true,
        "packages_all": true, "packages_and_scopes_permission": "read-write",
    });
    let token = ana.post("/-/npm/v1/tokens", &request).await.assert_status(201).json();
    let robot = ana.with_token(token["token"].as_str().unwrap());
    let _ = robot.post(TRUST, &trust()).await.assert_status(403);
}

#[tokio::test]
async fn a_package_must_exist_to_trust_a_build() {
    let ground = Ground::new().await;
    let _ = ground.registry.ana().post("/-/package/@acme%2fnew/trust", &trust()).await.assert_status(404);
    assert!(!ground.registry.keys().await.iter().any(|key| key.starts_with("_trust")));
}

#[tokio::test]
async fn a_package_of_an_upstream_is_refused_by_its_name() {
    let upstream = ScriptedUpstream::default();
    upstream.publish("plum", "1.0.0", b"plum");
    let rule = json!([{ "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["hosted", "npm"] }]);
    let rules: Vec<RuleSettings> = serde_json::from_value(rule).unwrap();
    let rules = AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap();
    let ground = Ground::with(|builder| builder.access(rules).upstream("npm", Arc::new(upstream))).await;
    let refused = ground.registry.ana().post("/-/package/plum/trust", &trust()).await.assert_status(403);
    assert!(refused.error().contains("npm"), "{}", refused.error());
}

#[tokio::test]
async fn what_is_no_trust_is_refused() {
    let ground = Ground::new().await;
    let ana = ground.registry.ana();
    let mut gitlab = trust();
    gitlab[0]["type"] = "gitlab".into();
    let mut unknown = trust();
    unknown[0]["claims"]["branch"] = "main".into();
    let mut permission = trust();
    permission[0]["permissions"] = json!(["everything"]);
    let two = json!([trust()[0], trust()[0]]);
    for document in [gitlab, unknown, permission, two, json!([]), json!({}), json!([{ "type": "github" }])] {
        let refused = ana.post(TRUST, &document).await.assert_status(400);
        assert!(!refused.error().is_empty());
    }
    assert!(!ground.registry.keys().await.iter().any(|key| key.starts_with("_trust")));
}

#[tokio::test]
async fn a_second_factor_is_asked_for() {
    let ground = Ground::new().await;
    let ana = ground.registry.ana();
    let profile = "/-/npm/v1/user";
    let password = PASSWORD;
    let begun = json!({ "tfa": { "password": password, "mode": "auth-only" } });
    let answer = ana.post(profile, &begun).await.assert_status(200).json();
    let app = Authenticator::scan(answer["tfa"].as_str().unwrap());
    let clock = ground.registry.clock();
    let digits = || app.digits_at(registry_core::clock::Clock::now(clock));
    let _ = ana.post(profile, &json!({ "tfa": [digits()] })).await.assert_status(200);
    clock.advance(std::time::Duration::from_mins(2));

    let refused = ana.post(TRUST, &trust()).await.assert_status(401);
    assert_eq!(refused.headers["www-authenticate"], "otp");
    let with = ana.with_one_time_password(&digits());
    let made = with.post(TRUST, &trust()).await.assert_status(201).json();
    let path = format!("{TRUST}/{}", made[0]["id"].as_str().unwrap());
    let _ = ana.delete(&path).await.assert_status(401);
    // The build shows none.
    let build = ground.builder().await;
    let _ = build.publish(&PublishDocument::new("@acme/pear", "1.1.0")).await.assert_status(201);
    let _ = with.delete(&path).await.assert_status(204);
}
