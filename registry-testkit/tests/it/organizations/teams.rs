use insta::assert_snapshot;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{builder, delete, forget_events, with_acme};

#[tokio::test]
async fn a_team_is_made_and_filled() {
    let registry = with_acme(builder()).await;
    let ben = registry.user("ben").await;
    let made = json!({ "name": "web", "description": "the site" });
    let answer = ben.put("/-/org/acme/team", &made).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "name": "web",
      "ok": true,
      "success": true
    }

    store:
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
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json
      _tokens/fc9857f09f8561bb19ad4b971dd3b06eabac89acd9e439a1ed81ed7e648ae9b1.json
      _tokens/fe127f6e9b53e241d421062e88fcef167a3726a803e39a7b14385f26c9df3639.json

    events:
      {"principal":"ben","kind":"team-created","organization":"acme","team":"web"}
    "#);
    let answer = ben.put("/-/team/acme/web/user", &json!({ "user": "carol" })).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "user": "carol",
      "ok": true,
      "success": true
    }

    store:
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
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json
      _tokens/fc9857f09f8561bb19ad4b971dd3b06eabac89acd9e439a1ed81ed7e648ae9b1.json
      _tokens/fe127f6e9b53e241d421062e88fcef167a3726a803e39a7b14385f26c9df3639.json

    events:
      {"principal":"ben","kind":"team-member-added","organization":"acme","team":"web","member":"carol"}
    "#);
}

#[tokio::test]
async fn a_team_is_emptied_and_destroyed() {
    let registry = with_acme(builder()).await;
    let ben = registry.user("ben").await;
    let _ = ben.put("/-/org/acme/team", &json!({ "name": "web" })).await.assert_status(200);
    let _ = ben.put("/-/team/acme/web/user", &json!({ "user": "carol" })).await.assert_status(200);
    forget_events(&registry).await;
    let answer = delete(&ben, "/-/team/acme/web/user", json!({ "user": "carol" })).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "user": "carol",
      "ok": true,
      "success": true
    }

    store:
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
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json
      _tokens/fc9857f09f8561bb19ad4b971dd3b06eabac89acd9e439a1ed81ed7e648ae9b1.json
      _tokens/fe127f6e9b53e241d421062e88fcef167a3726a803e39a7b14385f26c9df3639.json

    events:
      {"principal":"ben","kind":"team-member-removed","organization":"acme","team":"web","member":"carol"}
    "#);
    let answer = delete(&ben, "/-/team/acme/web", json!({})).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true
    }

    store:
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
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json
      _tokens/fc9857f09f8561bb19ad4b971dd3b06eabac89acd9e439a1ed81ed7e648ae9b1.json
      _tokens/fe127f6e9b53e241d421062e88fcef167a3726a803e39a7b14385f26c9df3639.json

    events:
      {"principal":"ben","kind":"team-destroyed","organization":"acme","team":"web"}
    "#);
    // What is so already is no change, and no event.
    let _ = ben.put("/-/org/acme/team", &json!({ "name": "platform" })).await.assert_status(200);
    let _ = ben.put("/-/team/acme/platform/user", &json!({ "user": "carol" })).await.assert_status(200);
    let _ = delete(&ben, "/-/team/acme/platform/user", json!({ "user": "ben" })).await.assert_status(404);
    registry.registry().flush_events().await;
    assert_eq!(registry.events().kinds(), "");
}

/// A caller who mistypes a name is not told that the right one is removed.
#[tokio::test]
async fn who_is_not_in_a_team_is_not_taken_out_of_it() {
    let registry = with_acme(builder()).await;
    let members = "/-/team/acme/platform/user";
    let before = registry.stored().await;
    for account in ["ben", "dora", "carrol"] {
        let answer = delete(&registry.ana(), members, json!({ "user": account })).await.assert_status(404);
        let expected =
            format!("{account} is not in the team acme:platform: `npm team ls acme:platform` shows who is");
        assert_eq!(answer.error(), expected);
    }
    assert!(registry.stored().await == before);
    let _ = delete(&registry.user("carol").await, members, json!({ "user": "ben" })).await.assert_status(403);
    for status in [200, 404] {
        let answer = delete(&registry.ana(), members, json!({ "user": "carol" })).await;
        let _ = answer.assert_status(status);
    }
    for status in [200, 404] {
        let _ = registry.ana().delete("/-/team/acme/platform").await.assert_status(status);
    }
}

#[tokio::test]
async fn all_members_and_no_others_are_in_the_team_developers() {
    let registry = with_acme(builder()).await;
    let ana = registry.ana();
    let members = ana.get("/-/team/acme/developers/user?format=cli").await.json();
    assert_eq!(members, json!(["ana", "ben", "carol"]));
    let _ = ana.put("/-/team/acme/developers/user", &json!({ "user": "ben" })).await.assert_status(200);
    let stranger =
        ana.put("/-/team/acme/developers/user", &json!({ "user": "dora" })).await.assert_status(404);
    assert!(stranger.error().contains("npm org set acme dora"), "{}", stranger.error());
    for answer in [
        delete(&ana, "/-/team/acme/developers/user", json!({ "user": "ben" })).await,
        delete(&ana, "/-/team/acme/developers", json!({})).await,
    ] {
        let error = answer.assert_status(400).error();
        assert!(error.contains("its team developers"), "{error}");
    }
}

#[tokio::test]
async fn access_rules_know_organizations_and_teams_as_groups() {
    let registry = with_acme(builder()).await;
    let (ana, ben, carol) = (registry.ana(), registry.user("ben").await, registry.user("carol").await);
    let dora = registry.user("dora").await;
    let _ = carol.publish(&PublishDocument::new("@acme/web", "1.0.0")).await.assert_status(201);
    let _ = ben.publish(&PublishDocument::new("@acme/web", "1.1.0")).await.assert_status(403);
    let _ = ben.get("/@acme%2fweb").await.assert_status(200);
    let _ = dora.get("/@acme%2fweb").await.assert_status(404);

    let _ = ana.put("/-/team/acme/platform/user", &json!({ "user": "ben" })).await.assert_status(200);
    let _ = ben.publish(&PublishDocument::new("@acme/web", "1.1.0")).await.assert_status(201);
    let _ = ana.put("/-/org/acme/user", &json!({ "user": "dora" })).await.assert_status(200);
    let _ = dora.get("/@acme%2fweb").await.assert_status(200);

    // Out of the organization is out of its teams.
    let _ = delete(&ana, "/-/org/acme/user", json!({ "user": "carol" })).await.assert_status(200);
    let _ = carol.get("/@acme%2fweb").await.assert_status(404);
    let _ = carol.publish(&PublishDocument::new("@acme/web", "1.2.0")).await.assert_status(404);
    // And back again.
    let _ = ana.put("/-/org/acme/user", &json!({ "user": "carol" })).await.assert_status(200);
    let _ = carol.get("/@acme%2fweb").await.assert_status(200);
    let _ = carol.publish(&PublishDocument::new("@acme/web", "1.2.0")).await.assert_status(403);
}

#[tokio::test]
async fn a_password_with_each_request_brings_the_same_groups_as_a_token() {
    use base64::Engine as _;
    let registry = with_acme(builder()).await;
    let carol = registry.user("carol").await;
    let _ = carol.publish(&PublishDocument::new("@acme/web", "1.0.0")).await.assert_status(201);
    for (name, status) in [("ben", 200), ("dora", 404)] {
        let shown = format!("{name}:{}", registry_testkit::test_registry::PASSWORD);
        let basic = base64::engine::general_purpose::STANDARD.encode(shown);
        let request = http::Request::get("/@acme%2fweb")
            .header("host", "registry.example")
            .header("authorization", format!("Basic {basic}"))
            .body(registry_core::Body::empty())
            .unwrap();
        assert_eq!(registry.registry().handle(request).await.status(), status, "{name}");
    }
}
