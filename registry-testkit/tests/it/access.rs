//! A package that a caller may not read does not exist for that caller.

use http::Method;
use registry_core::access::{AccessRules, Action};
use registry_core::events::{DeniedBy, Event, EventKind};
use registry_testkit::faulty::{Fault, Gate, Operation};
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::{TestClient, TestRegistry};
use serde_json::json;

/// `@acme/*` is for ana to write and for carol to read; other callers may not know of it.
async fn private_registry() -> TestRegistry {
    let rules = json!([
        { "match": "@acme/*", "read": ["user:carol"], "publish": ["user:ana"] },
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"] },
    ]);
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(rules).unwrap()).unwrap();
    let registry = TestRegistry::builder().access(rules).downloads().start().await;
    let document = PublishDocument::new("@acme/secret", "1.0.0")
        .field("description", json!("hush hush"))
        .file("logo.png", b"x");
    let _ = registry.ana().publish(&document).await.assert_status(201);
    registry
}

/// Every route on one package, with a body that would do something if it were let through.
async fn ask_everything(client: &TestClient, name: &str) -> Vec<(String, TestResponse)> {
    let escaped = name.replace('/', "%2f");
    let base = name.rsplit('/').next().unwrap();
    let revision = format!("1-{}", "0".repeat(32));
    let version = json!("1.0.0").to_string();
    let document = |fields: serde_json::Value| fields.to_string();
    let publish = PublishDocument::new(name, "1.0.1").build().to_string();
    let staged = publish.clone();
    let deprecate = document(json!({ "versions": { "1.0.0": { "deprecated": "x" } } }));
    let owners = document(json!({ "maintainers": [{ "name": "ben", "email": "" }] }));
    let requests = [
        (Method::GET, format!("/{escaped}"), String::new()),
        (Method::HEAD, format!("/{escaped}"), String::new()),
        (Method::GET, format!("/{escaped}/1.0.0"), String::new()),
        (Method::GET, format!("/{escaped}/latest"), String::new()),
        (Method::GET, format!("/{name}/-/{base}-1.0.0.tgz"), String::new()),
        (Method::HEAD, format!("/{name}/-/{base}-1.0.0.tgz"), String::new()),
        (Method::GET, format!("/-/package/{escaped}/dist-tags"), String::new()),
        (Method::GET, format!("/-/package/{escaped}/owners"), String::new()),
        (Method::GET, format!("/-/sbom/{escaped}/1.0.0"), String::new()),
        (Method::GET, format!("/downloads/point/last-week/{escaped}"), String::new()),
        (Method::GET, format!("/downloads/range/last-week/{escaped}"), String::new()),
        (Method::GET, format!("/versions/{escaped}/last-week"), String::new()),
        (Method::GET, format!("/package/{name}/v/1.0.0"), String::new()),
        (Method::GET, format!("/package/{name}/versions"), String::new()),
        (Method::GET, format!("/package/{name}/access"), String::new()),
        (Method::GET, format!("/package/{name}/dependencies"), String::new()),
        (Method::GET, format!("/package/{name}/files/package.json"), String::new()),
        (Method::GET, format!("/package/{name}/raw/logo.png"), String::new()),
        (Method::GET, format!("/package/{name}/diff/1.0.0...1.0.0"), String::new()),
        (Method::GET, format!("/package/{name}/badge.svg"), String::new()),
        (Method::PUT, format!("/{escaped}"), publish),
        (Method::PUT, format!("/{escaped}"), deprecate),
        (Method::PUT, format!("/{escaped}"), document(json!({ "users": { "ben": true } }))),
        (Method::PUT, format!("/{escaped}/-rev/{revision}"), owners),
        (Method::PUT, format!("/{escaped}/-rev/{revision}"), document(json!({ "versions": {} }))),
        (Method::DELETE, format!("/{escaped}/-rev/{revision}"), String::new()),
        (Method::DELETE, format!("/{name}/-/{base}-1.0.0.tgz/-rev/{revision}"), String::new()),
        (Method::PUT, format!("/-/package/{escaped}/dist-tags/beta"), version),
        (Method::DELETE, format!("/-/package/{escaped}/dist-tags/beta"), String::new()),
        (Method::POST, format!("/-/stage/package/{escaped}"), staged),
        (Method::PUT, format!("/-/package/{escaped}/owners"), document(json!({ "user": "ben" }))),
        (Method::DELETE, format!("/-/package/{escaped}/owners/ana"), String::new()),
        (Method::PUT, format!("/-/user/package/{escaped}/star"), String::new()),
        (Method::DELETE, format!("/-/user/package/{escaped}/star"), String::new()),
        (Method::PUT, "/-/user/v1/star".to_owned(), document(json!({ "package": name }))),
        (Method::DELETE, "/-/user/v1/star".to_owned(), document(json!({ "package": name }))),
    ];
    let mut answers = Vec::new();
    for (method, path, body) in requests {
        let what = format!("{method} {path}");
        answers.push((what, client.ask(method, &path, body).await));
    }
    answers
}

#[tokio::test]
async fn a_private_package_does_not_exist_for_strangers_who_are_signed_in() {
    let registry = private_registry().await;
    let ben = registry.user("ben").await;
    let before = registry.stored().await;
    let secret = ask_everything(&ben, "@acme/secret").await;
    let absent = ask_everything(&ben, "@acme/absent").await;
    for ((what, secret), (_, absent)) in secret.iter().zip(&absent) {
        assert_eq!(secret.status, 404, "{what}: {}", secret.text());
        assert_eq!(bytes_of(secret).replace("secret", "absent"), bytes_of(absent), "{what} tells them apart");
    }
    assert_eq!(registry.stored().await, before);
    // Reading what really is not there, where everybody may read: the very same words.
    let missing = ask_everything(&ben, "@open/secret").await;
    for ((what, secret), (_, missing)) in secret.iter().zip(&missing) {
        if what.starts_with("GET") || what.starts_with("HEAD") {
            assert_eq!(bytes_of(secret).replace("@acme", "@open"), bytes_of(missing), "{what}");
        }
    }
}

/// All that a client gets to see.
fn bytes_of(answer: &TestResponse) -> String {
    format!("{} {:?}\n{}", answer.status, answer.headers, answer.text())
}

#[tokio::test]
async fn no_answer_takes_longer_because_the_package_is_there() {
    let registry = private_registry().await;
    let ben = registry.user("ben").await;
    let mut asked = Vec::new();
    for name in ["@acme/secret", "@acme/absent"] {
        for client in [&ben, &registry.anonymous()] {
            let before = registry.store().calls().len();
            ask_everything(client, name).await;
            let calls = registry.store().calls().split_off(before);
            // Who ben is must be looked up; nothing may be asked of the package.
            assert!(calls.iter().all(|(_, path)| !path.contains("acme")), "{name}: {calls:?}");
            asked.push(calls);
        }
    }
    assert_eq!(asked[..2], asked[2..]);
}

#[tokio::test]
async fn every_refusal_is_told_to_the_sink() {
    let registry = private_registry().await;
    for client in [registry.anonymous(), registry.user("ben").await] {
        registry.registry().flush_events().await;
        registry.events().take();
        let asked = ask_everything(&client, "@acme/secret").await;
        // Those that are alike are summed up.
        registry.registry().sum_up_events();
        registry.registry().flush_events().await;
        let events = registry.events().take();
        assert!(events.iter().all(|event| matches!(event.kind, EventKind::Denied { .. })), "{events:?}");
        let times = |is_counted: fn(&Event) -> bool| {
            events.iter().filter(|event| is_counted(event)).map(|event| event.count.unwrap_or(1)).sum::<u64>()
        };
        assert_eq!(times(|_| true), asked.len() as u64);
        let by_body = asked.iter().filter(|(what, _)| what.ends_with("/-/user/v1/star")).count();
        let is_anonymous = events.iter().all(|event| event.principal.is_none());
        let without_package = if is_anonymous { by_body as u64 } else { 0 };
        assert_eq!(times(|event| event.package.is_none()), without_package, "{events:?}");
    }
}

#[tokio::test]
async fn rules_change_with_the_next_request_and_not_within_one() {
    let registry = private_registry().await;
    let everybody = json!([{ "match": "**", "read": ["@all"] }]);
    let everybody = AccessRules::compile(&serde_json::from_value::<Vec<_>>(everybody).unwrap()).unwrap();
    let anonymous = registry.anonymous();
    let _ = anonymous.get("/@acme%2fsecret").await.assert_status(401);

    let gate = Gate::new();
    let at_the_packument = |path: &str| path == "@acme/secret/index.json";
    registry.store().fail_next_at(Operation::GetIfChanged, at_the_packument, Fault::Hold(gate.clone()));
    let carol = registry.user("carol").await;
    let _ = carol.get("/@acme%2fsecret").await.assert_status(200);
    let in_flight = tokio::spawn(async move { carol.get("/@acme%2fsecret").await });
    gate.reached().await;
    registry.registry().set_access(everybody);
    let _ = anonymous.get("/@acme%2fsecret").await.assert_status(200);
    gate.open();
    // Read under rules that call it private, it is not marked as public half-way.
    let begun_before = in_flight.await.unwrap().assert_status(200);
    assert_eq!(begun_before.header("cache-control"), Some("private, no-cache"));
    let begun_after = anonymous.get("/@acme%2fsecret").await.assert_status(200);
    assert_eq!(begun_after.header("cache-control"), Some("no-cache"));
    let publish = PublishDocument::new("@acme/secret", "1.0.1");
    let _ = registry.ana().publish(&publish).await.assert_status(403);
}

#[tokio::test]
async fn an_anonymous_caller_is_told_to_sign_in_and_nothing_else() {
    let registry = private_registry().await;
    let before = registry.stored().await;
    let secret = ask_everything(&registry.anonymous(), "@acme/secret").await;
    let absent = ask_everything(&registry.anonymous(), "@acme/absent").await;
    for ((what, secret), (_, absent)) in secret.iter().zip(&absent) {
        assert_eq!(secret.status, 401, "{what}: {}", secret.text());
        assert_eq!(secret.header("www-authenticate"), Some("Bearer"), "{what}");
        assert_eq!(bytes_of(secret), bytes_of(absent), "{what} tells them apart");
        if !what.starts_with("HEAD") {
            assert!(secret.text().contains("npm login"), "{what}: {}", secret.text());
        }
    }
    assert_eq!(registry.stored().await, before);
}

#[tokio::test]
async fn a_reader_reads_and_changes_nothing() {
    let registry = private_registry().await;
    let carol = registry.user("carol").await;
    let before = registry.keys().await;
    for (what, answer) in ask_everything(&carol, "@acme/secret").await {
        let is_star = what.contains("star") || what == "PUT /@acme%2fsecret";
        let reads = what.starts_with("GET") || what.starts_with("HEAD");
        match answer.status.as_u16() {
            200 => assert!(reads || is_star, "{what}"),
            // A revision that is not the present one is found out before the right to change.
            403 | 409 => assert!(!reads, "{what}"),
            other => panic!("{what}: {other} {}", answer.text()),
        }
    }
    assert_eq!(registry.keys().await, before);
    let tarball = carol.get("/@acme/secret/-/secret-1.0.0.tgz").await.assert_status(200);
    assert_eq!(tarball.header("cache-control"), Some("private, immutable, max-age=31536000"));
    let packument = carol.get("/@acme%2fsecret").await.assert_status(200);
    assert_eq!(packument.header("cache-control"), Some("private, no-cache"));
}

#[tokio::test]
async fn stars_do_not_give_a_private_package_away() {
    let registry = private_registry().await;
    let _ =
        registry.ana().put("/-/user/v1/star", &json!({ "package": "@acme/secret" })).await.assert_status(200);
    assert_eq!(registry.ana().get("/-/user/v1/star").await.json(), json!(["@acme/secret"]));
    for client in [registry.anonymous(), registry.user("ben").await] {
        assert_eq!(client.get("/-/user/ana/stars").await.json(), json!([]));
        assert_eq!(client.get("/-/_view/starredByUser?key=%22ana%22").await.json(), json!({ "rows": [] }));
    }
}

#[tokio::test]
async fn who_may_publish_to_others_packages_may_not_take_them_away() {
    let rules = json!([{ "match": "**", "read": ["@all"], "publish": ["user:ana", "user:ben"] }]);
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(rules).unwrap()).unwrap();
    let registry = TestRegistry::builder().access(rules).start().await;
    let (ana, ben) = (registry.ana(), registry.user("ben").await);
    let _ = ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let _ = ben.publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(201);

    let mut packument = ben.get("/pear").await.json();
    let revision = packument["_rev"].as_str().unwrap().to_owned();
    packument["versions"].as_object_mut().unwrap().shift_remove("1.0.0");
    let owners = json!({ "maintainers": [{ "name": "ben", "email": "" }] });
    let before = registry.stored().await;
    for answer in [
        ben.put(&format!("/pear/-rev/{revision}"), &packument).await,
        ben.put(&format!("/pear/-rev/{revision}"), &owners).await,
        ben.delete(&format!("/pear/-rev/{revision}")).await,
        ben.delete(&format!("/pear/-/pear-1.0.0.tgz/-rev/{revision}")).await,
        ben.put("/-/package/pear/owners", &json!({ "user": "ben" })).await,
        ben.delete("/-/package/pear/owners/ana").await,
    ] {
        let error = answer.assert_status(403).error();
        assert!(error.starts_with("you do not have permission to administer pear"), "{error}");
    }
    assert_eq!(registry.stored().await, before);
}

/// No other owner could help an owner whom a rule denies.
#[tokio::test]
async fn an_owner_whom_a_rule_denies_is_told_the_rule() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let _ = ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let next = PublishDocument::new("pear", "1.1.0");
    let rules = json!([{ "match": "@acme/*" }, { "match": "**", "read": ["@all"], "publish": ["user:ben"] }]);
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(rules).unwrap()).unwrap();
    registry.registry().set_access(rules);
    registry.registry().flush_events().await;
    registry.events().take();
    assert_eq!(
        ana.publish(&next).await.assert_status(403).error(),
        "you do not have permission to publish pear: access rule 2 (match = \"**\") does not let you, and owners cannot \
         change that; an administrator of this registry decides on its rules"
    );
    registry.registry().flush_events().await;
    let denied = EventKind::Denied { action: Action::Publish.into(), by: DeniedBy::Rules };
    assert_eq!(registry.events().take().into_iter().map(|event| event.kind).collect::<Vec<_>>(), [denied]);
}
