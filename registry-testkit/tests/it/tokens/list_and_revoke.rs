use insta::assert_snapshot;
use registry_testkit::TestRegistry;
use serde_json::{Value, json};
use std::time::Duration;

use super::{TOKENS, create, forget_events};

fn names(list: &Value) -> Vec<&str> {
    list["objects"].as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_list_shows_how_each_token_begins_and_no_more() {
    let registry = TestRegistry::new().await;
    let made = create(&registry.ana(), json!({ "name": "ci", "readonly": true })).await;
    forget_events(&registry).await;
    let answer = registry.ana().get(TOKENS).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "objects": [
        {
          "key": "780676518d8229c00f596afe84e4ff9f80d2bb2dd147f375314c8c37a841bf62",
          "token": "npm_8Bld",
          "name": "ci",
          "description": null,
          "created": "2026-01-02T03:04:05.000Z",
          "updated": "2026-01-02T03:04:05.000Z",
          "readonly": true,
          "cidr_whitelist": null,
          "cidr": null,
          "expires": "2026-04-02T03:04:05.000Z",
          "expiry": "2026-04-02T03:04:05.000Z",
          "bypass_2fa": false,
          "permissions": [
            {
              "name": "package",
              "action": "read"
            },
            {
              "name": "account",
              "action": "read"
            }
          ],
          "scopes": [
            {
              "type": "package",
              "name": "*"
            }
          ]
        }
      ],
      "total": 1,
      "urls": {}
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/780676518d8229c00f596afe84e4ff9f80d2bb2dd147f375314c8c37a841bf62.json
      _tokens_of/ana/780676518d8229c00f596afe84e4ff9f80d2bb2dd147f375314c8c37a841bf62

    events:
    "#);
    let shown = answer.json()["objects"][0]["token"].as_str().unwrap().to_owned();
    // npm finds the token by this, when it is told the whole of it.
    assert!(made["token"].as_str().unwrap().starts_with(&shown));
    let ben = registry.user("ben").await;
    assert_eq!(ben.get(TOKENS).await.json(), json!({ "objects": [], "total": 0, "urls": {} }));
    let _ = registry.anonymous().get(TOKENS).await.assert_status(401);
}

#[tokio::test]
async fn a_list_tells_what_stands_for_its_holder_from_what_is_for_all_packages() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let all = json!({ "packages_all": true, "packages_and_scopes_permission": "read-write" });
    let mut shown = Vec::new();
    for limits in [json!({}), json!({ "readonly": true }), json!({ "bypass_2fa": true }), all] {
        let made = create(&ana, limits).await;
        let list = ana.get(TOKENS).await.json();
        let listed =
            list["objects"].as_array().unwrap().iter().find(|one| one["key"] == made["key"]).unwrap();
        assert_eq!((&listed["permissions"], &listed["scopes"]), (&made["permissions"], &made["scopes"]));
        shown.push(format!("{} {}", listed["permissions"], listed["scopes"]));
    }
    assert_snapshot!(shown.join("\n"), @r#"
    [{"name":"package","action":"write"},{"name":"account","action":"write"}] [{"type":"package","name":"*"}]
    [{"name":"package","action":"read"},{"name":"account","action":"read"}] [{"type":"package","name":"*"}]
    [{"name":"package","action":"write"},{"name":"account","action":"read"}] [{"type":"package","name":"*"}]
    [{"name":"package","action":"write"}] [{"type":"package","name":"*"}]
    "#);
}

#[tokio::test]
async fn a_list_has_pages_the_newest_first() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    for number in 0..5 {
        create(&ana, json!({ "name": number.to_string() })).await;
        registry.clock().advance(Duration::from_secs(1));
    }
    let first = ana.get("/-/npm/v1/tokens?perPage=2").await.json();
    assert_eq!((names(&first), &first["total"]), (vec!["4", "3"], &json!(5)));
    let second = ana.get(first["urls"]["next"].as_str().unwrap()).await.json();
    let third = ana.get(second["urls"]["next"].as_str().unwrap()).await.json();
    assert_eq!((names(&second), names(&third)), (vec!["2", "1"], vec!["0"]));
    assert_eq!(third["urls"], json!({}));
}

#[tokio::test]
async fn an_expired_token_is_not_listed_and_leaves_nothing() {
    let registry = TestRegistry::new().await;
    let before = registry.keys().await;
    create(&registry.ana(), json!({ "expires": 1 })).await;
    registry.clock().advance(Duration::from_hours(25));
    assert_eq!(registry.ana().get(TOKENS).await.json()["total"], 0);
    assert_eq!(registry.keys().await, before);
}

#[tokio::test]
async fn a_token_is_revoked_by_its_key_or_as_a_whole() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let before = registry.keys().await;
    // pnpm escapes more than it must.
    for escaped in [false, true] {
        for field in ["key", "token"] {
            let made = create(&ana, json!({})).await;
            let client = ana.with_token(made["token"].as_str().unwrap());
            let _ = client.get("/-/whoami").await.assert_status(200);
            let mut wanted = made[field].as_str().unwrap().to_owned();
            if escaped {
                wanted = wanted.replace('_', "%5F").replace('a', "%61");
            }
            let _ = ana.delete(&format!("{TOKENS}/token/{wanted}")).await.assert_status(200);
            let _ = client.get("/-/whoami").await.assert_status(401);
            assert_eq!(registry.keys().await, before);
        }
    }
    registry.registry().flush_events().await;
    let events = registry.events().kinds();
    assert_eq!(events.matches("token-revoked").count(), 4, "{events}");
    let refused = ana.delete(&format!("{TOKENS}/token/{}", "0".repeat(64))).await.assert_status(404);
    assert_eq!(
        refused.error(),
        "the token does not exist, or is not yours: `npm token list` shows your tokens"
    );
    let _ = ana.delete(&format!("{TOKENS}/token/nonsense")).await.assert_status(404);
}

#[tokio::test]
async fn a_key_of_another_user_revokes_nothing() {
    let registry = TestRegistry::new().await;
    let made = create(&registry.ana(), json!({})).await;
    let path = format!("{TOKENS}/token/{}", made["key"].as_str().unwrap());
    let _ = registry.user("ben").await.delete(&path).await.assert_status(404);
    let limited = super::with_token(&registry.ana(), json!({ "bypass_2fa": true })).await;
    let _ = limited.delete(&path).await.assert_status(403);
    let _ =
        registry.ana().with_token(made["token"].as_str().unwrap()).get("/-/whoami").await.assert_status(200);
}

#[tokio::test]
async fn a_revoked_token_is_dead_on_another_replica() {
    let registry = TestRegistry::new().await;
    let replica = registry.replica().await;
    let made = create(&registry.ana(), json!({})).await;
    let elsewhere = replica.anonymous().with_token(made["token"].as_str().unwrap());
    let _ = elsewhere.get("/-/whoami").await.assert_status(200);
    let _ = registry.ana().delete(&format!("{TOKENS}/token/{}", made["key"].as_str().unwrap())).await;
    let _ = elsewhere.get("/-/whoami").await.assert_status(401);
}
