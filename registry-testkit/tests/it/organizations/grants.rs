use insta::assert_snapshot;
use registry_core::organizations::OrganizationSettings;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};

use super::{builder, delete, forget_events, with_acme};

const PLATFORM: &str = "/-/team/acme/platform/package";

fn grant(package: &str, permissions: &str) -> Value {
    json!({ "package": package, "permissions": permissions })
}

#[tokio::test]
async fn owners_of_a_package_let_a_team_in() {
    let registry = with_acme(builder()).await;
    let (ana, carol) = (registry.ana(), registry.user("carol").await);
    let _ = ana.publish(&PublishDocument::new("@closed/lib", "1.0.0")).await.assert_status(201);
    let _ = carol.get("/@closed%2flib").await.assert_status(200);
    forget_events(&registry).await;
    let answer = ana.put(PLATFORM, &grant("@closed/lib", "read-write")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "package": "@closed/lib",
      "permissions": "read-write",
      "ok": true,
      "success": true
    }

    store:
      @closed/lib/-/fe50b153c457722c4ffdb8a254f3e71c/lib-1.0.0.tgz
      @closed/lib/index.json
      _accounts/ana.json
      _accounts/ben.json
      _accounts/carol.json
      _accounts/dora.json
      _names/ana.json
      _names/ben.json
      _names/carol.json
      _names/dora.json
      _orgs/acme.json
      _orgs_of/ana/acme
      _orgs_of/ben/acme
      _orgs_of/carol/acme
      _search/0e.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json
      _tokens/fc9857f09f8561bb19ad4b971dd3b06eabac89acd9e439a1ed81ed7e648ae9b1.json
      _tokens/fe127f6e9b53e241d421062e88fcef167a3726a803e39a7b14385f26c9df3639.json

    events:
      {"principal":"ana","package":"@closed/lib","kind":"access-granted","organization":"acme","team":"platform","permission":"read-write"}
    "#);
    let answer = delete(&ana, PLATFORM, json!({ "package": "@closed/lib" })).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "package": "@closed/lib",
      "ok": true,
      "success": true
    }

    store:
      @closed/lib/-/fe50b153c457722c4ffdb8a254f3e71c/lib-1.0.0.tgz
      @closed/lib/index.json
      _accounts/ana.json
      _accounts/ben.json
      _accounts/carol.json
      _accounts/dora.json
      _names/ana.json
      _names/ben.json
      _names/carol.json
      _names/dora.json
      _orgs/acme.json
      _orgs_of/ana/acme
      _orgs_of/ben/acme
      _orgs_of/carol/acme
      _search/0e.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json
      _tokens/fc9857f09f8561bb19ad4b971dd3b06eabac89acd9e439a1ed81ed7e648ae9b1.json
      _tokens/fe127f6e9b53e241d421062e88fcef167a3726a803e39a7b14385f26c9df3639.json

    events:
      {"principal":"ana","package":"@closed/lib","kind":"access-revoked","organization":"acme","team":"platform"}
    "#);
}

#[tokio::test]
async fn what_was_not_granted_is_not_taken_back() {
    let registry = with_acme(builder()).await;
    let ana = registry.ana();
    for name in ["@closed/lib", "@closed/libs"] {
        let _ = ana.publish(&PublishDocument::new(name, "1.0.0")).await.assert_status(201);
    }
    let _ = ana.put(PLATFORM, &grant("@closed/libs", "read-only")).await.assert_status(200);
    let before = registry.stored().await;
    let answer = delete(&ana, PLATFORM, json!({ "package": "@closed/lib" })).await.assert_status(404);
    let expected = "the team acme:platform has no grant for @closed/lib: `npm access list packages \
                    acme:platform` shows its grants";
    assert_eq!(answer.error(), expected);
    assert!(registry.stored().await == before);
    for status in [200, 404] {
        let answer = delete(&ana, PLATFORM, json!({ "package": "@closed/libs" })).await;
        let _ = answer.assert_status(status);
    }
}

#[tokio::test]
async fn a_grant_gives_what_it_says_and_takes_nothing_away() {
    let registry = with_acme(builder()).await;
    let (ana, carol) = (registry.ana(), registry.user("carol").await);
    let _ = ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let next = PublishDocument::new("pear", "1.1.0");
    let _ = carol.publish(&next).await.assert_status(403);
    let _ = ana.put(PLATFORM, &grant("pear", "read-only")).await.assert_status(200);
    let _ = carol.publish(&next).await.assert_status(403);
    let _ = ana.put(PLATFORM, &grant("pear", "read-write")).await.assert_status(200);
    let _ = carol.publish(&next).await.assert_status(201);
    let _ = carol.put("/-/package/pear/dist-tags/next", &json!("1.0.0")).await.assert_status(200);
    // Those that are not in the team, though in the organization, may not.
    let ben = registry.user("ben").await;
    let _ = ben.publish(&PublishDocument::new("pear", "1.2.0")).await.assert_status(403);
    // What owners do stays with them.
    let revision = carol.get("/pear").await.json()["_rev"].as_str().unwrap().to_owned();
    for answer in [
        carol.delete(&format!("/pear/-rev/{revision}")).await,
        carol.put("/-/package/pear/owners", &json!({ "user": "carol" })).await,
        carol.post("/-/package/pear/access", &json!({ "access": "restricted" })).await,
        carol.put("/-/team/acme/developers/package", &grant("pear", "read-write")).await,
    ] {
        let error = answer.assert_status(403).error();
        assert!(error.contains("administer pear"), "{error}");
    }
    let _ = delete(&ana, PLATFORM, json!({ "package": "pear" })).await.assert_status(200);
    let _ = carol.publish(&PublishDocument::new("pear", "1.2.0")).await.assert_status(403);
}

#[tokio::test]
async fn a_token_gives_no_more_of_a_grant_than_it_is_for() {
    let registry = with_acme(builder()).await;
    let (ana, carol) = (registry.ana(), registry.user("carol").await);
    let _ = ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let _ = ana.put(PLATFORM, &grant("pear", "read-write")).await.assert_status(200);
    let rights = json!({ "password": registry_testkit::test_registry::PASSWORD, "readonly": true });
    let made = carol.post("/-/npm/v1/tokens", &rights).await.assert_status(201).json();
    let reader = carol.with_token(made["token"].as_str().unwrap());
    let refused = reader.publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(403);
    assert!(refused.error().starts_with("your token does not permit"), "{}", refused.error());
}

#[tokio::test]
async fn a_grant_opens_what_the_rules_hide_unless_the_settings_say_no() {
    for widens in [true, false] {
        let mut settings = OrganizationSettings::default();
        settings.grants_beyond_rules = widens;
        let registry = with_acme(builder().organizations(settings)).await;
        let (ana, dora) = (registry.ana(), registry.user("dora").await);
        // ana administers @acme, and dora, a stranger to it, is in an organization of ana's own.
        let _ = ana.publish(&PublishDocument::new("@acme/web", "1.0.0")).await.assert_status(201);
        let _ = ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
        let _ = ana.put("/-/org/acme/user", &json!({ "user": "dora" })).await.assert_status(200);
        let _ = ana.put("/-/org/acme/team", &json!({ "name": "guests" })).await.assert_status(200);
        let _ = ana.put("/-/team/acme/guests/user", &json!({ "user": "dora" })).await.assert_status(200);
        let guests = "/-/team/acme/guests/package";
        for name in ["@acme/web", "pear"] {
            let _ = ana.put(guests, &grant(name, "read-write")).await.assert_status(200);
        }
        // The rules deny dora to publish in @acme at all, and let her publish what she owns elsewhere.
        let expected = if widens { 201 } else { 403 };
        let _ = dora.publish(&PublishDocument::new("@acme/web", "1.1.0")).await.assert_status(expected);
        let _ = dora.publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(201);
    }
}

#[tokio::test]
async fn only_administrators_of_a_package_grant_it() {
    let registry = with_acme(builder()).await;
    let (ana, ben, carol) = (registry.ana(), registry.user("ben").await, registry.user("carol").await);
    let dora = registry.user("dora").await;
    let _ = dora.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    forget_events(&registry).await;
    let before = registry.stored().await;
    // Not owners of the organization, as long as they do not own the package, nor its owner as a stranger to the team.
    for client in [&ana, &ben, &carol] {
        let _ = client.put(PLATFORM, &grant("pear", "read-only")).await.assert_status(403);
    }
    let _ = dora.put(PLATFORM, &grant("pear", "read-only")).await.assert_status(404);
    assert_eq!(registry.stored().await, before);
    registry.registry().flush_events().await;
    assert_eq!(registry.events().kinds().lines().filter(|line| line.contains("denied")).count(), 3);

    let _ = ana.put("/-/org/acme/user", &json!({ "user": "dora" })).await.assert_status(200);
    let _ = dora.put(PLATFORM, &grant("pear", "read-write")).await.assert_status(200);
    let _ = carol.publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(201);
    // A developer who does not own the package cannot revoke its grant; an admin of the organization can.
    let _ = delete(&carol, PLATFORM, json!({ "package": "pear" })).await.assert_status(403);
    let _ = delete(&ben, PLATFORM, json!({ "package": "pear" })).await.assert_status(200);
    let _ = carol.publish(&PublishDocument::new("pear", "1.2.0")).await.assert_status(403);
}

#[tokio::test]
async fn packages_of_teams_are_listed_for_those_in_them() {
    let registry = with_acme(builder()).await;
    let (ana, ben, carol) = (registry.ana(), registry.user("ben").await, registry.user("carol").await);
    for (name, team, permissions) in [
        ("pear", "platform", "read-write"),
        ("fig", "developers", "read-only"),
        ("plum", "platform", "read-only"),
        ("plum", "developers", "read-write"),
    ] {
        let _ = ana.publish(&PublishDocument::new(name, "1.0.0")).await;
        let path = format!("/-/team/acme/{team}/package");
        let _ = ana.put(&path, &grant(name, permissions)).await.assert_status(200);
    }
    let all = json!({ "fig": "read-only", "pear": "read-write", "plum": "read-write" });
    assert_eq!(ben.get("/-/org/acme/package").await.json(), all);
    assert_eq!(carol.get("/-/org/acme/package").await.json(), all);
    let expected = json!({ "pear": "read-write", "plum": "read-only" });
    assert_eq!(carol.get(PLATFORM).await.json(), expected);
    let _ = ana.put("/-/org/acme/user", &json!({ "user": "dora" })).await.assert_status(200);
    let dora = registry.user("dora").await;
    let _ = dora.get(PLATFORM).await.assert_status(403);
    let expected = json!({ "fig": "read-only", "plum": "read-write" });
    assert_eq!(dora.get("/-/org/acme/package").await.json(), expected);

    // Of people: what they own, and for themselves what they were granted.
    let owned = json!({ "fig": "read-write", "pear": "read-write", "plum": "read-write" });
    assert_eq!(dora.get("/-/user/ana/package").await.json(), owned);
    assert_eq!(dora.get("/-/user/dora/package").await.json(), expected);
    assert_eq!(dora.get("/-/-/package?format=cli").await.json(), expected);
    assert_eq!(carol.get("/-/user/dora/package").await.json(), json!({}));
    let _ = carol.get("/-/user/nobody/package").await.assert_status(404);
    let _ = registry.anonymous().get("/-/user/ana/package").await.assert_status(401);
}

#[tokio::test]
async fn a_team_that_is_destroyed_takes_its_grants_with_it() {
    let registry = with_acme(builder()).await;
    let (ana, carol) = (registry.ana(), registry.user("carol").await);
    let _ = ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let _ = ana.put(PLATFORM, &grant("pear", "read-write")).await.assert_status(200);
    let _ = carol.publish(&PublishDocument::new("pear", "1.0.1")).await.assert_status(201);
    let _ = delete(&ana, "/-/team/acme/platform", json!({})).await.assert_status(200);
    let _ = ana.put("/-/org/acme/team", &json!({ "name": "platform" })).await.assert_status(200);
    let _ = ana.put("/-/team/acme/platform/user", &json!({ "user": "carol" })).await.assert_status(200);
    let _ = carol.publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(403);
}
