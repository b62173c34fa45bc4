use insta::assert_snapshot;
use registry_core::access::AccessRules;
use registry_testkit::TestRegistry;
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::json;

use super::{builder, forget_events, with_acme};

const SECRET: &str = "/-/package/@open%2fsecret";

/// A package of ana's that all may read, until it is made private.
async fn with_secret() -> TestRegistry {
    let registry = with_acme(builder()).await;
    let document = PublishDocument::new("@open/secret", "1.0.0").field("description", json!("hush hush"));
    let _ = registry.ana().publish(&document).await.assert_status(201);
    let _ = registry.ana().get("/-/v1/search?text=nothing").await.assert_status(200);
    forget_events(&registry).await;
    registry
}

async fn set(client: &TestClient, access: &str) -> TestResponse {
    client.post(&format!("{SECRET}/access"), &json!({ "access": access })).await
}

/// Every route that shows something of a package.
async fn ask_everything(client: &TestClient, name: &str) -> Vec<(String, TestResponse)> {
    let (escaped, base) = (name.replace('/', "%2f"), name.rsplit('/').next().unwrap());
    let mut answers = Vec::new();
    for path in [
        format!("/{escaped}"),
        format!("/{escaped}/latest"),
        format!("/{escaped}/1.0.0"),
        format!("/{name}/-/{base}-1.0.0.tgz"),
        format!("/-/package/{escaped}/dist-tags"),
        format!("/-/package/{escaped}/owners"),
        format!("/-/package/{escaped}/visibility"),
        format!("/-/package/{escaped}/access"),
        format!("/downloads/point/last-week/{escaped}"),
        format!("/versions/{escaped}/last-week"),
    ] {
        answers.push((path.clone(), client.get(&path).await));
    }
    answers
}

/// Every route that changes something of a package that is there.
async fn change_everything(client: &TestClient, name: &str) -> Vec<(String, TestResponse)> {
    let (escaped, base) = (name.replace('/', "%2f"), name.rsplit('/').next().unwrap());
    let revision = format!("1-{}", "0".repeat(32));
    let star = json!({ "package": name });
    let owners = json!({ "maintainers": [{ "name": "dora", "email": "" }] });
    vec![
        ("star".to_owned(), client.put("/-/user/v1/star", &star).await),
        (
            "star document".into(),
            client.put(&format!("/{escaped}"), &json!({ "users": { "dora": true } })).await,
        ),
        ("owners document".into(), client.put(&format!("/{escaped}/-rev/{revision}"), &owners).await),
        ("unpublish".into(), client.delete(&format!("/{escaped}/-rev/{revision}")).await),
        ("tarball".into(), client.delete(&format!("/{name}/-/{base}-1.0.0.tgz/-rev/{revision}")).await),
        ("tag".into(), client.put(&format!("/-/package/{escaped}/dist-tags/beta"), &json!("1.0.0")).await),
        ("untag".into(), client.delete(&format!("/-/package/{escaped}/dist-tags/beta")).await),
        (
            "owner".into(),
            client.put(&format!("/-/package/{escaped}/owners"), &json!({ "user": "dora" })).await,
        ),
        ("no owner".into(), client.delete(&format!("/-/package/{escaped}/owners/ana")).await),
        (
            "access".into(),
            client.post(&format!("/-/package/{escaped}/access"), &json!({ "access": "public" })).await,
        ),
    ]
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "two answers, each with all that is stored then")]
async fn owners_make_a_package_private_and_public_again() {
    let registry = with_secret().await;
    let ana = registry.ana();
    let answer = set(&ana, "restricted").await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "access": "restricted",
      "publish_requires_tfa": false,
      "automation_token_overrides_tfa": false,
      "ok": true,
      "success": true
    }

    store:
      @open/secret/-/b41ad61964c42a6d0cebba75f569b40e/secret-1.0.0.tgz
      @open/secret/index.json
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
      _search/00.json
      _search/01.json
      _search/02.json
      _search/03.json
      _search/04.json
      _search/05.json
      _search/06.json
      _search/07.json
      _search/08.json
      _search/09.json
      _search/0a.json
      _search/0b.json
      _search/0c.json
      _search/0d.json
      _search/0e.json
      _search/0f.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json
      _tokens/fc9857f09f8561bb19ad4b971dd3b06eabac89acd9e439a1ed81ed7e648ae9b1.json
      _tokens/fe127f6e9b53e241d421062e88fcef167a3726a803e39a7b14385f26c9df3639.json

    events:
      {"principal":"ana","package":"@open/secret","kind":"package-access-changed","restricted":true,"mfa":"none"}
    "#);
    let _ = registry.anonymous().get("/@open%2fsecret").await.assert_status(404);
    assert_eq!(ana.get(&format!("{SECRET}/visibility")).await.json(), json!({ "public": false }));
    let answer = set(&ana, "public").await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "access": "public",
      "publish_requires_tfa": false,
      "automation_token_overrides_tfa": false,
      "ok": true,
      "success": true
    }

    store:
      @open/secret/-/b41ad61964c42a6d0cebba75f569b40e/secret-1.0.0.tgz
      @open/secret/index.json
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
      _search/00.json
      _search/01.json
      _search/02.json
      _search/03.json
      _search/04.json
      _search/05.json
      _search/06.json
      _search/07.json
      _search/08.json
      _search/09.json
      _search/0a.json
      _search/0b.json
      _search/0c.json
      _search/0d.json
      _search/0e.json
      _search/0f.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json
      _tokens/fc9857f09f8561bb19ad4b971dd3b06eabac89acd9e439a1ed81ed7e648ae9b1.json
      _tokens/fe127f6e9b53e241d421062e88fcef167a3726a803e39a7b14385f26c9df3639.json

    events:
      {"package":"@open/secret","kind":"denied","action":"read","by":"private-package"}
      {"principal":"ana","package":"@open/secret","kind":"package-access-changed","restricted":false,"mfa":"none"}
    "#);
    let _ = registry.anonymous().get("/@open%2fsecret").await.assert_status(200);
}

#[tokio::test]
async fn what_is_so_already_is_no_change_and_no_event() {
    let registry = with_secret().await;
    let before = registry.stored().await;
    let _ = set(&registry.ana(), "public").await.assert_status(200);
    registry.registry().flush_events().await;
    assert_eq!(registry.events().kinds(), "");
    assert_eq!(registry.stored().await, before);
}

#[tokio::test]
async fn to_others_a_private_package_does_not_exist() {
    let registry = with_secret().await;
    let _ = set(&registry.ana(), "restricted").await.assert_status(200);
    let dora = registry.user("dora").await;
    let before = registry.stored().await;
    let bytes = |answer: &TestResponse| format!("{} {:?} {}", answer.status, answer.headers, answer.text());
    for client in [&registry.anonymous(), &dora] {
        let secret = ask_everything(client, "@open/secret").await;
        let absent = ask_everything(client, "@open/absent").await;
        for ((what, secret), (_, absent)) in secret.iter().zip(&absent) {
            assert_eq!(secret.status, 404, "{what}: {}", secret.text());
            assert_eq!(bytes(secret).replace("secret", "absent"), bytes(absent), "{what} tells them apart");
        }
        let found = client.get("/-/v1/search?text=hush").await.json();
        assert_eq!(found["total"], 0, "{found}");
    }
    let secret = change_everything(&dora, "@open/secret").await;
    let absent = change_everything(&dora, "@open/absent").await;
    for ((what, secret), (_, absent)) in secret.iter().zip(&absent) {
        assert_eq!(secret.status, 404, "{what}: {}", secret.text());
        assert_eq!(bytes(secret).replace("secret", "absent"), bytes(absent), "{what} tells them apart");
    }
    // That a name is taken cannot be hidden from a caller who publishes under it.
    let _ = dora.publish(&PublishDocument::new("@open/secret", "2.0.0")).await.assert_status(403);
    assert_eq!(registry.stored().await, before);
    assert_eq!(dora.get("/-/user/ana/package").await.json(), json!({}));
}

#[tokio::test]
async fn owners_named_entries_and_teams_see_a_private_package() {
    let rules = json!([
        { "match": "@acme/*", "administer": ["user:ana"] },
        { "match": "**", "read": ["@all", "user:carol"], "publish": ["@authenticated"], "administer": ["user:ben"] },
    ]);
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(rules).unwrap()).unwrap();
    let registry = with_acme(builder().access(rules)).await;
    let (ana, dora) = (registry.ana(), registry.user("dora").await);
    let document = PublishDocument::new("@open/secret", "1.0.0").field("description", json!("hush hush"));
    let _ = ana.publish(&document).await.assert_status(201);
    let _ = set(&ana, "restricted").await.assert_status(200);
    for name in ["ana", "ben", "carol"] {
        let client = registry.user(name).await;
        for (what, answer) in ask_everything(&client, "@open/secret").await {
            assert_eq!(answer.status, 200, "{name}: {what}: {}", answer.text());
        }
        let found = client.get("/-/v1/search?text=hush").await.json();
        assert_eq!(found["total"], 1, "{name}: {found}");
        let packument = client.get("/@open%2fsecret").await;
        assert_eq!(packument.header("cache-control"), Some("private, no-cache"));
        assert!(!packument.text().contains("_access"), "{}", packument.text());
        let tarball = client.get("/@open/secret/-/secret-1.0.0.tgz").await;
        assert!(tarball.header("cache-control").unwrap().starts_with("private"));
    }
    let _ = dora.get("/@open%2fsecret").await.assert_status(404);
    let _ = ana.put("/-/org/acme/user", &json!({ "user": "dora" })).await.assert_status(200);
    let granted = json!({ "package": "@open/secret", "permissions": "read-only" });
    let _ = ana.put("/-/team/acme/developers/package", &granted).await.assert_status(200);
    let _ = dora.get("/@open%2fsecret").await.assert_status(200);
    // A token that is not for the package sees what strangers see.
    let narrow = json!({ "password": registry_testkit::test_registry::PASSWORD, "packages": ["pear"] });
    let made = ana.post("/-/npm/v1/tokens", &narrow).await.assert_status(201).json();
    let robot = ana.with_token(made["token"].as_str().unwrap());
    let _ = robot.get("/@open%2fsecret").await.assert_status(404);
}

#[tokio::test]
async fn a_private_package_that_was_unpublished_leaves_no_trace() {
    let registry = with_secret().await;
    let ana = registry.ana();
    let _ = set(&ana, "restricted").await.assert_status(200);
    let revision = ana.get("/@open%2fsecret").await.json()["_rev"].as_str().unwrap().to_owned();
    let _ = ana.delete(&format!("/@open%2fsecret/-rev/{revision}")).await.assert_status(200);
    let gone = registry.anonymous().get("/@open%2fsecret").await.assert_status(404);
    let absent = registry.anonymous().get("/@open%2fabsent").await.assert_status(404);
    assert_eq!(gone.error().replace("secret", "absent"), absent.error());
}

#[tokio::test]
async fn publishing_with_restricted_access_makes_a_new_package_private_where_strangers_could_read_it() {
    let registry = with_acme(builder()).await;
    let (ana, carol, ben) = (registry.ana(), registry.user("carol").await, registry.user("ben").await);
    let restricted = |name: &str, version: &str| PublishDocument::new(name, version).access("restricted");
    let _ = ana.publish(&restricted("@open/lib", "1.0.0")).await.assert_status(201);
    let _ = ben.get("/@open%2flib").await.assert_status(404);
    // Where the rules keep strangers out, colleagues go on reading: yarn 4 asks for this without being told to.
    let _ = carol.publish(&restricted("@acme/lib", "1.0.0")).await.assert_status(201);
    let _ = ben.get("/@acme%2flib").await.assert_status(200);
    // Later versions change nothing.
    let _ =
        ana.publish(&PublishDocument::new("@open/lib", "1.1.0").access("public")).await.assert_status(201);
    let _ = ben.get("/@open%2flib").await.assert_status(404);
    let _ = ana.publish(&PublishDocument::new("@open/other", "1.0.0")).await.assert_status(201);
    let _ = ana.publish(&restricted("@open/other", "1.1.0")).await.assert_status(201);
    let _ = ben.get("/@open%2fother").await.assert_status(200);
}

#[tokio::test]
async fn another_replica_sees_it_with_the_next_read() {
    let registry = with_secret().await;
    let other = registry.replica().await;
    for path in ["/@open%2fsecret", "/@open/secret/-/secret-1.0.0.tgz"] {
        let _ = other.anonymous().get(path).await.assert_status(200);
    }
    let _ = set(&registry.ana(), "restricted").await.assert_status(200);
    for path in ["/@open%2fsecret", "/@open/secret/-/secret-1.0.0.tgz"] {
        let _ = other.anonymous().get(path).await.assert_status(404);
    }
}
