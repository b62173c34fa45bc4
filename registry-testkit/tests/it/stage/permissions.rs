use http::Method;
use registry_core::access::{AccessRules, PackagePattern};
use registry_core::accounts::TokenOptions;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::{PASSWORD, TestClient};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{approve, forget_events, listed, one, stage};
use crate::tokens::{digits, enable, with_token};

/// `@secret` is for ana alone to see; all callers may read everything else, and ben may publish nothing.
async fn registry() -> TestRegistry {
    let settings = json!([
        { "match": "@secret/*", "read": ["user:ana"], "publish": ["user:ana"] },
        { "match": "**", "read": ["@all"], "publish": ["user:ana", "user:carol"] },
    ]);
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(settings).unwrap()).unwrap();
    TestRegistry::builder().access(rules).start().await
}

/// The requests that concern one staged version.
fn requests_of(id: &str) -> [(Method, String); 4] {
    [
        (Method::GET, one(id)),
        (Method::GET, format!("{}/tarball", one(id))),
        (Method::POST, approve(id)),
        (Method::DELETE, one(id)),
    ]
}

async fn assert_refused(client: &TestClient, id: &str, status: u16) {
    for (method, path) in requests_of(id) {
        let answer = client.ask(method.clone(), &path, "").await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_caller_who_may_not_publish_a_package_sees_nothing_that_is_staged_of_it() {
    let registry = registry().await;
    let nothing = "00000000-0000-4000-8000-000000000000";
    for name in ["pear", "@secret/pear"] {
        let id = stage(&registry.ana(), name, "1.0.0").await;
        let ben = registry.user("ben").await;
        assert_refused(&ben, &id, 404).await;
        assert_refused(&registry.anonymous(), &id, 401).await;
        assert_eq!(listed(&ben).await, Vec::<String>::new());
        let query = format!("/-/stage?package={}", name.replace('/', "%2f"));
        assert_eq!(ben.get(&query).await.assert_status(200).json()["total"], 0);
        for (method, path) in requests_of(&id) {
            let hidden = ben.ask(method.clone(), &path, "").await.text();
            let unknown = ben.ask(method, &path.replace(&id, nothing), "").await.text();
            assert_eq!(hidden.replace(&id, nothing), unknown);
        }
        let ana = registry.ana();
        assert_eq!(ana.get(&query).await.assert_status(200).json()["items"][0]["id"], id);
    }
    let _ = registry.anonymous().get("/-/stage").await.assert_status(401);
    let _ = registry.anonymous().stage(&PublishDocument::new("pear", "2.0.0")).await.assert_status(401);
    let ben = registry.user("ben").await;
    let _ = ben.stage(&PublishDocument::new("pear", "2.0.0")).await.assert_status(403);
    let _ = ben.stage(&PublishDocument::new("@secret/pear", "2.0.0")).await.assert_status(404);
    // Of two who may publish it, either may decide.
    let carol = registry.user("carol").await;
    assert_eq!(listed(&carol).await, ["pear@1.0.0"]);
}

/// What a token of these limits is answered when it stages, looks, approves and rejects.
async fn statuses(registry: &TestRegistry, limits: Value) -> [u16; 4] {
    let ana = registry.ana();
    let client = with_token(&ana, limits).await;
    let version = format!("{}.0.0", registry.keys().await.len());
    let staged = client.stage(&PublishDocument::new("pear", &version)).await;
    let id = if staged.status == 201 {
        super::staged_id(&staged.json())
    } else {
        stage(&ana, "pear", &version).await
    };
    let viewed = client.get(&one(&id)).await;
    let approved = client.post(&approve(&id), &json!({})).await;
    let rejected = client.delete(&one(&id)).await;
    [staged, viewed, approved, rejected].map(|answer| answer.status.as_u16())
}

#[tokio::test]
async fn tokens_for_builds_stage_and_decide_nothing() {
    let registry = registry().await;
    let of = |permission: &str| json!({ "packages_all": true, "packages_and_scopes_permission": permission });
    assert_eq!(statuses(&registry, json!({})).await, [201, 200, 201, 409]);
    assert_eq!(statuses(&registry, of("read-write")).await, [201, 200, 403, 403]);
    assert_eq!(statuses(&registry, of("read-write-stage-only")).await, [201, 200, 403, 403]);
    assert_eq!(statuses(&registry, of("read-only")).await, [403, 403, 403, 403]);
    assert_eq!(statuses(&registry, of("no-access")).await, [403, 403, 403, 403]);
    assert_eq!(statuses(&registry, json!({ "bypass_2fa": true })).await, [201, 200, 403, 403]);
}

/// A token for some packages is what a build gets. What it is not for, it is not even told of.
#[tokio::test]
async fn tokens_for_some_packages_stage_and_decide_nothing() {
    let registry = registry().await;
    let of =
        |limit: &str, what: &str| json!({ limit: [what], "packages_and_scopes_permission": "read-write" });
    assert_eq!(statuses(&registry, of("packages", "pear")).await, [201, 200, 403, 403]);
    assert_eq!(statuses(&registry, of("packages", "plum")).await, [403, 404, 404, 404]);
    assert_eq!(statuses(&registry, of("scopes", "@secret")).await, [403, 404, 404, 404]);
    let organization = json!({ "orgs": ["acme"], "orgs_permission": "read-write" });
    assert_eq!(statuses(&registry, organization).await, [403, 404, 404, 404]);

    let ana = registry.ana();
    let id = stage(&ana, "@secret/pear", "1.0.0").await;
    let build = with_token(&ana, of("packages", "plum")).await;
    stage(&build, "plum", "1.0.0").await;
    assert_eq!(listed(&build).await, ["plum@1.0.0"]);
    let query = "/-/stage?package=@secret%2fpear";
    assert_eq!(build.get(query).await.assert_status(200).json()["total"], 0);
    for (method, path) in requests_of(&id) {
        let hidden = build.ask(method, &path, "").await.assert_status(404).error();
        assert_eq!(hidden, format!("there is no staged version {id}: `npm stage list` shows the ids"));
    }
    let _ = ana.post(&approve(&id), &json!({})).await.assert_status(201);
}

/// `registry-server token create ana --package '@secret/*'`
#[tokio::test]
async fn so_do_tokens_of_the_operator_for_some_packages() {
    let registry = registry().await;
    let id = stage(&registry.ana(), "@secret/pear", "1.0.0").await;
    for (pattern, status) in [(Some("@secret/*"), 403), (Some("plum"), 404), (None, 201)] {
        let packages = pattern.map(|pattern| vec![PackagePattern::parse(pattern).unwrap()]);
        let options = TokenOptions { packages, ..TokenOptions::default() };
        let made = registry.registry().create_operator_token("ana", options).await.unwrap();
        let robot = registry.anonymous().with_token(made.secret.expose_secret());
        let _ = robot.post(&approve(&id), &json!({})).await.assert_status(status);
    }
}

#[tokio::test]
async fn a_token_that_only_stages_is_told_what_to_use() {
    let registry = registry().await;
    let limits = json!({ "packages_all": true, "packages_and_scopes_permission": "read-write-stage-only" });
    let build = with_token(&registry.ana(), limits).await;
    let id = stage(&build, "pear", "1.0.0").await;
    assert_eq!(listed(&build).await, ["pear@1.0.0"]);
    let _ = build.publish(&PublishDocument::new("pear", "2.0.0")).await.assert_status(403);
    forget_events(&registry).await;
    let refused = build.post(&approve(&id), &json!({})).await.assert_status(403);
    assert!(
        refused
            .error()
            .starts_with("your token does not permit you to publish pear, although your account may")
    );
    let robot = with_token(&registry.ana(), json!({ "bypass_2fa": true })).await;
    let refused = robot.delete(&one(&id)).await.assert_status(403);
    assert!(
        refused
            .error()
            .starts_with("your token is for builds, and only a user may decide on a staged version")
    );
    registry.registry().flush_events().await;
    assert_eq!(registry.events().kinds().matches("denied").count(), 2);
}

#[tokio::test]
async fn an_account_with_a_second_factor_shows_it_to_decide_and_not_to_stage() {
    for mode in ["auth-only", "auth-and-writes"] {
        let registry = registry().await;
        let ana = registry.ana();
        let (app, codes) = enable(&registry, &ana, mode).await;
        let (first, second) = (stage(&ana, "pear", "1.0.0").await, stage(&ana, "pear", "1.1.0").await);
        for request in [Method::POST, Method::DELETE] {
            let path = if request == Method::POST { approve(&first) } else { one(&first) };
            let asked = ana.ask(request.clone(), &path, "").await.assert_status(401);
            assert_eq!(asked.header("www-authenticate"), Some("otp"), "{mode}");
            let wrong = ana.with_one_time_password("000000").ask(request, &path, "").await;
            assert_eq!(wrong.assert_status(401).header("www-authenticate"), Some("otp"), "{mode}");
        }
        let _ = registry.anonymous().get("/pear").await.assert_status(404);
        let shown = ana.with_one_time_password(&digits(&registry, &app));
        let _ = shown.post(&approve(&first), &json!({})).await.assert_status(201);
        // A recovery code is good once, and one is enough.
        let _ = ana.with_one_time_password(&codes[0]).delete(&one(&second)).await.assert_status(204);
        assert_eq!(registry.anonymous().get("/pear").await.json()["dist-tags"], json!({ "latest": "1.0.0" }));
    }
}

#[tokio::test]
async fn the_password_of_a_log_in_decides_nothing_by_itself() {
    let registry = registry().await;
    let id = stage(&registry.ana(), "pear", "1.0.0").await;
    let _ = registry.ana().with_token(PASSWORD).post(&approve(&id), &json!({})).await.assert_status(401);
}
