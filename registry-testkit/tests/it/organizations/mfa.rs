use registry_core::clock::Clock as _;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::{PASSWORD, TestClient};
use registry_testkit::{Authenticator, TestRegistry};
use serde_json::{Value, json};

use super::{builder, forget_events, with_acme};

const ACCESS: &str = "/-/package/pear/access";

async fn with_pear() -> TestRegistry {
    let registry = TestRegistry::new().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    forget_events(&registry).await;
    registry
}

/// Sets up a second factor that is asked for at logins alone.
async fn enable(registry: &TestRegistry, client: &TestClient) -> Authenticator {
    let begun = json!({ "tfa": { "password": PASSWORD, "mode": "auth-only" } });
    let answer = client.post("/-/npm/v1/user", &begun).await.assert_status(200).json();
    let app = Authenticator::scan(answer["tfa"].as_str().unwrap());
    let digits = json!({ "tfa": [app.digits_at(registry.clock().now())] });
    let _ = client.post("/-/npm/v1/user", &digits).await.assert_status(200);
    later(registry);
    app
}

fn later(registry: &TestRegistry) {
    registry.clock().advance(std::time::Duration::from_mins(2));
}

/// A token that needs no one-time password.
async fn robot(registry: &TestRegistry, client: &TestClient, digits: Option<&str>) -> TestClient {
    let request = json!({ "password": PASSWORD, "bypass_2fa": true });
    let asking = digits.map_or_else(|| client.clone(), |digits| client.with_one_time_password(digits));
    let made = asking.post("/-/npm/v1/tokens", &request).await.assert_status(201).json();
    later(registry);
    client.with_token(made["token"].as_str().unwrap())
}

async fn set(client: &TestClient, body: Value) {
    let _ = client.post(ACCESS, &body).await.assert_status(200);
}

#[tokio::test]
async fn no_owner_locks_themselves_out_of_their_package() {
    let registry = with_pear().await;
    let ana = registry.ana();
    for overridden in [json!(true), json!(false), json!(null)] {
        let wanted = json!({ "publish_requires_tfa": true, "automation_token_overrides_tfa": overridden });
        let refused = ana.post(ACCESS, &wanted).await.assert_status(403);
        assert!(refused.error().contains("run `npm profile enable-2fa` first"), "{}", refused.error());
    }
    // One that is only begun cannot be shown yet.
    let begun = json!({ "tfa": { "password": PASSWORD, "mode": "auth-only" } });
    let _ = ana.post("/-/npm/v1/user", &begun).await.assert_status(200);
    let _ = ana.post(ACCESS, &json!({ "publish_requires_tfa": true })).await.assert_status(403);
    assert_eq!(ana.get(ACCESS).await.json()["publish_requires_tfa"], false);
    // What asks for none is no danger.
    set(&ana, json!({ "publish_requires_tfa": false })).await;
    let _ = ana.publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(201);
}

#[tokio::test]
async fn a_package_that_wants_a_second_factor_is_not_published_without() {
    let registry = with_pear().await;
    let (ana, ben) = (registry.ana(), registry.user("ben").await);
    let _ = ana.put("/-/package/pear/owners", &json!({ "user": "ben" })).await.assert_status(200);
    let app = enable(&registry, &ana).await;
    forget_events(&registry).await;
    set(&ana, json!({ "publish_requires_tfa": true, "automation_token_overrides_tfa": false })).await;
    registry.registry().flush_events().await;
    let told = r#"{"kind":"package-access-changed","restricted":false,"mfa":"publish"}"#;
    assert_eq!(registry.events().kinds(), told);
    let next = PublishDocument::new("pear", "1.1.0");
    let before = registry.stored().await;
    let refused = ben.publish(&next).await.assert_status(403);
    assert!(refused.error().contains("npm profile enable-2fa"), "{}", refused.error());
    let tagged = ben.put("/-/package/pear/dist-tags/beta", &json!("1.0.0")).await.assert_status(403);
    assert!(tagged.error().contains("npm profile enable-2fa"), "{}", tagged.error());
    // Nor can it be taken back so: a stolen token must not.
    let _ = ben.post(ACCESS, &json!({ "publish_requires_tfa": false })).await.assert_status(403);
    assert_eq!(registry.stored().await, before);
    // A star changes nothing that others rely on.
    let _ = ben.put("/-/user/v1/star", &json!({ "package": "pear" })).await.assert_status(200);

    let asked = ana.publish(&next).await.assert_status(401);
    assert_eq!(asked.header("www-authenticate"), Some("otp"));
    let digits = app.digits_at(registry.clock().now());
    let _ = ana.with_one_time_password(&digits).publish(&next).await.assert_status(201);
    later(&registry);
    let digits = app.digits_at(registry.clock().now());
    set(&ana.with_one_time_password(&digits), json!({ "publish_requires_tfa": false })).await;
    let _ = ben.publish(&PublishDocument::new("pear", "1.2.0")).await.assert_status(201);
}

/// A package that wants a second factor, which ana has and its other owner ben has not.
async fn guarded() -> (TestRegistry, TestClient, TestClient, Authenticator) {
    let registry = with_pear().await;
    let (ana, ben) = (registry.ana(), registry.user("ben").await);
    let _ = ana.put("/-/package/pear/owners", &json!({ "user": "ben" })).await.assert_status(200);
    let app = enable(&registry, &ana).await;
    set(&ana, json!({ "publish_requires_tfa": true, "automation_token_overrides_tfa": false })).await;
    (registry, ana, ben, app)
}

#[tokio::test]
async fn nothing_that_ends_in_a_publish_goes_around_it() {
    let (registry, ana, ben, app) = guarded().await;
    let staged = ben.stage(&PublishDocument::new("pear", "1.1.0")).await.assert_status(201).json();
    let id = staged["stageId"].as_str().unwrap();
    let before = registry.stored().await;
    let approved = ben.post(&format!("/-/stage/{id}/approve"), &json!({})).await.assert_status(403);
    assert!(approved.error().contains("npm profile enable-2fa"), "{}", approved.error());
    let _ = ben.delete(&format!("/-/stage/{id}")).await.assert_status(403);
    assert_eq!(registry.stored().await, before);

    let digits = app.digits_at(registry.clock().now());
    let owner = ana.with_one_time_password(&digits);
    let _ = owner.post(&format!("/-/stage/{id}/approve"), &json!({})).await.assert_status(201);
}

/// Every member of the team could publish from then on.
#[tokio::test]
async fn no_owner_without_a_second_factor_lets_a_team_in() {
    let registry = with_acme(builder()).await;
    let (ana, ben) = (registry.ana(), registry.user("ben").await);
    let _ = ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let _ = ana.put("/-/package/pear/owners", &json!({ "user": "ben" })).await.assert_status(200);
    let app = enable(&registry, &ana).await;
    set(&ana, json!({ "publish_requires_tfa": true, "automation_token_overrides_tfa": false })).await;
    let before = registry.stored().await;
    let grant = json!({ "package": "pear", "permissions": "read-write" });
    let refused = ben.put("/-/team/acme/platform/package", &grant).await.assert_status(403);
    assert!(refused.error().contains("npm profile enable-2fa"), "{}", refused.error());
    assert_eq!(registry.stored().await, before);
    let owner = ana.with_one_time_password(&app.digits_at(registry.clock().now()));
    let _ = owner.put("/-/team/acme/platform/package", &grant).await.assert_status(200);
}

#[tokio::test]
async fn a_recovery_code_is_taken_once_for_account_and_package() {
    let registry = with_pear().await;
    let ana = registry.ana();
    let begun = json!({ "tfa": { "password": PASSWORD, "mode": "auth-and-writes" } });
    let answer = ana.post("/-/npm/v1/user", &begun).await.assert_status(200).json();
    let app = Authenticator::scan(answer["tfa"].as_str().unwrap());
    let digits = json!({ "tfa": [app.digits_at(registry.clock().now())] });
    let codes = ana.post("/-/npm/v1/user", &digits).await.assert_status(200).json();
    later(&registry);
    let guarded = json!({ "publish_requires_tfa": true, "automation_token_overrides_tfa": false });
    set(&ana.with_one_time_password(&app.digits_at(registry.clock().now())), guarded).await;
    let code = codes["tfa"][0].as_str().unwrap();
    let next = PublishDocument::new("pear", "1.1.0");
    let _ = ana.with_one_time_password(code).publish(&next).await.assert_status(201);
    let again = PublishDocument::new("pear", "1.2.0");
    let _ = ana.with_one_time_password(code).publish(&again).await.assert_status(401);
}

#[tokio::test]
async fn tokens_for_automation_pass_where_the_owners_say_so() {
    let registry = with_pear().await;
    let ana = registry.ana();
    let app = enable(&registry, &ana).await;
    let digits = |registry: &TestRegistry| app.digits_at(registry.clock().now());
    let robot = robot(&registry, &ana, Some(&digits(&registry))).await;
    set(&ana, json!({ "publish_requires_tfa": true, "automation_token_overrides_tfa": true })).await;
    let _ = ana.publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(401);
    let _ = robot.publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(201);

    let owner = ana.with_one_time_password(&digits(&registry));
    set(&owner, json!({ "publish_requires_tfa": true, "automation_token_overrides_tfa": false })).await;
    let refused = robot.publish(&PublishDocument::new("pear", "1.2.0")).await.assert_status(403);
    assert!(refused.error().contains("npm access set mfa=automation pear"), "{}", refused.error());
    let described = ana.get(ACCESS).await.json();
    assert_eq!(described["publish_requires_tfa"], true);
    assert_eq!(described["automation_token_overrides_tfa"], false);
}

#[tokio::test]
async fn only_owners_change_it_and_nonsense_changes_nothing() {
    let registry = with_pear().await;
    let ben = registry.user("ben").await;
    let _ = ben.post(ACCESS, &json!({ "publish_requires_tfa": true })).await.assert_status(403);
    let _ = registry.anonymous().post(ACCESS, &json!({ "access": "public" })).await.assert_status(401);
    for body in
        [json!({}), json!({ "access": "secret" }), json!({ "publish_requires_tfa": "yes" }), json!([])]
    {
        let _ = registry.ana().post(ACCESS, &body).await.assert_status(400);
    }
    let absent = json!({ "access": "public" });
    let _ = registry.ana().post("/-/package/absent/access", &absent).await.assert_status(404);
    assert_eq!(registry.ana().get(ACCESS).await.json()["publish_requires_tfa"], false);
}
