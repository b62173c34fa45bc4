use registry_core::access::AccessRules;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{Ground, TRUST, exchange};

#[tokio::test]
async fn a_revoked_trust_ends_the_tokens_that_it_gave() {
    let ground = Ground::new().await;
    let id = ground.trusting().await;
    let build = ground.builder().await;
    let _ = ground.registry.ana().delete(&format!("{TRUST}/{id}")).await.assert_status(204);
    let _ = build.publish(&PublishDocument::new("@acme/pear", "1.1.0")).await.assert_status(401);
    let token = ground.issuer.sign(&ground.build_with("jti", json!("another")));
    let _ = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(401);
}

#[tokio::test]
async fn builds_lose_what_the_one_who_trusts_them_loses() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let build = ground.builder().await;
    ground.registry.user("ben").await;
    let ana = ground.registry.ana();
    let _ = ana.put("/-/package/@acme%2fpear/owners", &json!({ "user": "ben" })).await.assert_status(200);
    let _ = ana.delete("/-/package/@acme%2fpear/owners/ana").await.assert_status(200);
    // The token is there still, and its holder may no more than ana may.
    let _ = build.publish(&PublishDocument::new("@acme/pear", "1.1.0")).await.assert_status(403);
    let token = ground.issuer.sign(&ground.build_with("jti", json!("another")));
    let _ = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(401);
    assert_eq!(ground.reason().await, "ana may no longer publish the package");
}

#[tokio::test]
async fn rules_decide_for_builds_too() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let build = ground.builder().await;
    let rules = serde_json::from_value::<Vec<_>>(json!([
        { "match": "@acme/*", "read": ["@all"], "publish": ["user:ben"] },
    ]));
    ground.registry.registry().set_access(AccessRules::compile(&rules.unwrap()).unwrap());
    let _ = build.publish(&PublishDocument::new("@acme/pear", "1.1.0")).await.assert_status(403);
    let token = ground.issuer.sign(&ground.build_with("jti", json!("another")));
    let _ = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(401);
}

#[tokio::test]
async fn a_group_may_pass_its_right_on_and_a_hidden_package_stays_hidden() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let rules = serde_json::from_value::<Vec<_>>(json!([
        { "match": "@acme/*", "read": ["user:ana"], "publish": ["user:ana"] },
    ]));
    ground.registry.registry().set_access(AccessRules::compile(&rules.unwrap()).unwrap());
    let build = ground.builder().await;
    let _ = build.get("/@acme%2fpear").await.assert_status(200);
    let _ = build.publish(&PublishDocument::new("@acme/pear", "1.1.0")).await.assert_status(201);
    let _ = build.get("/@acme%2fplum").await.assert_status(404);
    let ben = ground.registry.user("ben").await;
    for path in [TRUST.to_owned(), "/-/package/@acme%2fplum/trust".to_owned()] {
        let _ = ben.get(&path).await.assert_status(404);
        let _ = ben.post(&path, &super::trust()).await.assert_status(404);
        let _ = ben.delete(&format!("{path}/1")).await.assert_status(404);
    }
}

#[tokio::test]
async fn an_unpublished_package_trusts_no_build() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let packument = ground.registry.ana().get("/@acme%2fpear?write=true").await.json();
    let path = format!("/@acme%2fpear/-rev/{}", packument["_rev"].as_str().unwrap());
    let _ = ground.registry.ana().delete(&path).await.assert_status(200);
    let token = ground.issuer.sign(&ground.build());
    let _ = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(401);
}
