use std::fmt::Write as _;
use std::time::Duration;

use http::Method;
use insta::assert_snapshot;
use registry_testkit::TestRegistry;
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::{Value, json};

use super::{builder, delete, forget_events, with_acme};
use crate::tokens::with_token;

/// What is asked of the organization, and of what else a token may be for.
fn requests() -> [(&'static str, Method, &'static str, Value); 12] {
    let (get, put, post, delete) = (Method::GET, Method::PUT, Method::POST, Method::DELETE);
    let grant = json!({ "package": "pear", "permissions": "read-only" });
    [
        ("members", get.clone(), "/-/org/acme/user", json!({})),
        ("teams", get.clone(), "/-/org/acme/team", json!({})),
        ("in a team", get.clone(), "/-/team/acme/platform/user", json!({})),
        ("granted", get.clone(), "/-/org/acme/package", json!({})),
        ("take in", put.clone(), "/-/org/acme/user", json!({ "user": "dora", "role": "developer" })),
        ("throw out", delete.clone(), "/-/org/acme/user", json!({ "user": "dora" })),
        ("make team", put.clone(), "/-/org/acme/team", json!({ "name": "new" })),
        ("fill team", put.clone(), "/-/team/acme/new/user", json!({ "user": "carol" })),
        ("end team", delete, "/-/team/acme/new", json!({})),
        ("grant", put, "/-/team/acme/platform/package", grant),
        ("tokens", get, "/-/npm/v1/tokens", json!({})),
        ("profile", post, "/-/npm/v1/user", json!({ "fullname": "Ana Pear" })),
    ]
}

async fn ask(client: &TestClient, method: &Method, path: &str, body: &Value) -> TestResponse {
    let body = if *method == Method::GET { String::new() } else { body.to_string() };
    client.ask(method.clone(), path, body).await
}

/// With ana's `pear`, to grant.
async fn registry() -> TestRegistry {
    let registry = with_acme(builder()).await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    forget_events(&registry).await;
    registry
}

#[tokio::test]
async fn a_token_sees_and_changes_the_organizations_that_it_is_for() {
    let registry = registry().await;
    let ana = registry.ana();
    let of = |permission: &str| json!({ "orgs": ["acme"], "orgs_permission": permission });
    let with = |mut limits: Value, more: Value| {
        limits.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        limits
    };
    let pears = json!({ "packages": ["pear"], "packages_and_scopes_permission": "read-write" });
    let all = json!({ "packages_all": true, "packages_and_scopes_permission": "read-write" });
    let kinds = [
        ("no limits named", json!({})),
        ("all packages, and no organizations named", all.clone()),
        ("read-write", of("read-write")),
        ("read-write, and of pear", with(of("read-write"), pears.clone())),
        ("read-write, and of all packages", with(of("read-write"), all)),
        ("read-write, sparing the second factor", with(of("read-write"), json!({ "bypass_2fa": true }))),
        ("read-write, and read-only by the older flag", with(of("read-write"), json!({ "readonly": true }))),
        ("read-only", of("read-only")),
        ("no permission named", json!({ "orgs": ["@acme"] })),
        ("no-access", of("no-access")),
        ("another organization", json!({ "orgs": ["other"], "orgs_permission": "read-write" })),
        ("pear, and no organizations named", pears),
    ];
    let mut table = String::new();
    for (request, ..) in requests() {
        write!(table, "{request:>10}").unwrap();
    }
    for (kind, limits) in kinds {
        let client = with_token(&ana, limits).await;
        table.push('\n');
        for (_, method, path, body) in requests() {
            let answer = ask(&client, &method, path, &body).await;
            write!(table, "{:>10}", answer.status.as_u16()).unwrap();
        }
        write!(table, "  {kind}").unwrap();
        // As it was.
        let _ = delete(&ana, "/-/org/acme/user", json!({ "user": "dora" })).await;
        let _ = delete(&ana, "/-/team/acme/new", json!({})).await;
        let _ = delete(&ana, "/-/team/acme/platform/package", json!({ "package": "pear" })).await;
    }
    assert_snapshot!(table, @"
    members     teams in a team   granted   take in throw out make team fill team  end team     grant    tokens   profile
        200       200       200       200       200       200       200       200       200       200       200       200  no limits named
        403       403       403       403       403       403       403       403       403       403       403       403  all packages, and no organizations named
        200       200       200       200       200       200       200       200       200       403       403       403  read-write
        200       200       200       200       200       200       200       200       200       200       403       403  read-write, and of pear
        200       200       200       200       200       200       200       200       200       200       403       403  read-write, and of all packages
        200       200       200       200       403       403       403       403       403       403       403       403  read-write, sparing the second factor
        200       200       200       200       403       403       403       403       403       403       200       403  read-write, and read-only by the older flag
        200       200       200       200       403       403       403       403       403       403       403       403  read-only
        200       200       200       200       403       403       403       403       403       403       403       403  no permission named
        403       403       403       403       403       403       403       403       403       403       403       403  no-access
        403       403       403       403       403       403       403       403       403       403       403       403  another organization
        403       403       403       403       403       403       403       403       403       403       403       403  pear, and no organizations named
    ");
}

#[tokio::test]
async fn a_list_says_which_organizations_a_token_is_for() {
    let registry = registry().await;
    let ana = registry.ana();
    for limits in [
        json!({ "orgs": ["acme", "other"], "orgs_permission": "read-write" }),
        json!({ "orgs": ["acme"], "packages": ["pear"] }),
        json!({ "orgs": ["acme"], "orgs_permission": "no-access" }),
    ] {
        with_token(&ana, limits).await;
        registry.clock().advance(Duration::from_secs(1));
    }
    let listed = ana.get("/-/npm/v1/tokens").await.assert_status(200).json();
    let shown: Vec<_> = listed["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| json!([token["readonly"], token["permissions"], token["scopes"]]).to_string())
        .collect();
    assert_snapshot!(shown.join("\n"), @r#"
    [true,[],[{"type":"org","name":"acme"}]]
    [true,[{"name":"package","action":"read"},{"name":"org","action":"read"}],[{"type":"package","name":"pear"},{"type":"org","name":"acme"}]]
    [false,[{"name":"org","action":"write"}],[{"type":"org","name":"acme"},{"type":"org","name":"other"}]]
    "#);
}

#[tokio::test]
async fn a_refusal_tells_nothing_of_the_organization() {
    let registry = registry().await;
    let limits = json!({ "orgs": ["other"], "orgs_permission": "read-write" });
    let token = with_token(&registry.ana(), limits).await;
    let before = registry.stored().await;
    forget_events(&registry).await;
    let refused = token.get("/-/org/acme/user").await.assert_status(403).error();
    assert_snapshot!(refused, @"your token does not permit you to see the organization acme: run `npm login`, or make a token with `npm token create --orgs=acme --orgs-permission=read-write`");
    let missing = token.get("/-/org/nowhere/user").await.assert_status(403).error();
    assert_eq!(missing.replace("nowhere", "acme"), refused);
    let refused = token.put("/-/org/acme/user", &json!({ "user": "dora" })).await.assert_status(403).error();
    assert!(refused.contains("does not permit you to change the organization acme"), "{refused}");
    assert_eq!(registry.stored().await, before);
    registry.registry().flush_events().await;
    assert_eq!(registry.events().kinds().matches("denied").count(), 3);
}

#[tokio::test]
async fn a_token_may_no_more_than_its_holder() {
    let registry = registry().await;
    let limits = json!({ "orgs": ["acme"], "orgs_permission": "read-write" });
    let carol = with_token(&registry.user("carol").await, limits.clone()).await;
    let _ = carol.get("/-/org/acme/user").await.assert_status(200);
    let refused = carol.put("/-/org/acme/team", &json!({ "name": "mine" })).await.assert_status(403);
    assert!(refused.error().contains("developer of acme"), "{}", refused.error());
    // dora is not in it, so to her it is not there.
    let dora = with_token(&registry.user("dora").await, limits).await;
    let _ = dora.get("/-/org/acme/user").await.assert_status(404);
}

#[tokio::test]
async fn what_a_token_cannot_be_for_is_refused_with_what_to_do() {
    let registry = registry().await;
    let mut refusals = String::new();
    for mut wanted in [
        json!({ "orgs_permission": "read-write" }),
        json!({ "orgs": ["acme"], "orgs_permission": "root" }),
        json!({ "orgs": ["../acme"] }),
        json!({ "orgs": vec!["acme"; 101] }),
        json!({ "orgs": "acme" }),
    ] {
        wanted["password"] = registry_testkit::test_registry::PASSWORD.into();
        let refused = registry.ana().post("/-/npm/v1/tokens", &wanted).await.assert_status(400);
        writeln!(refusals, "{}", refused.error()).unwrap();
    }
    assert_snapshot!(refusals, @r#"
    a permission for organizations needs organizations: add --orgs
    there is no permission "root" for organizations: use read-only, read-write or no-access
    the name of an organization or a team has 1 to 64 lowercase letters, digits, `-`, `_` or `.`, and begins with a letter or a digit: choose another one
    a token lists at most 100 packages and scopes, and as many organizations and networks: use a scope, or make several tokens
    the request's body does not have the format that this route expects: invalid type: string "acme", expected a sequence at line 1 column 14
    "#);
}
