use registry_testkit::TestRegistry;
use registry_testkit::fake_receiver::FakeReceiver;
use serde_json::{Value, json};

use super::{SECRET, builder, hook, keys};

/// Without what differs from run to run.
fn redacted(mut hook: Value, receiver: &FakeReceiver) -> Value {
    hook["id"] = "ID".into();
    hook["endpoint"] = hook["endpoint"].as_str().unwrap().replace(&receiver.url(), "http://receiver").into();
    hook
}

#[tokio::test]
async fn a_hook_is_made_read_changed_and_deleted() {
    let (registry, receiver) = (builder().start().await, FakeReceiver::start().await);
    let ana = registry.ana();
    let made = hook(&ana, "package", "@acme/pear", &receiver).await;
    insta::assert_json_snapshot!(redacted(made.clone(), &receiver), @r#"
    {
      "id": "ID",
      "username": "ana",
      "name": "@acme/pear",
      "endpoint": "http://receiver/hook",
      "type": "package",
      "created": "2026-01-02T03:04:05.000Z",
      "updated": "2026-01-02T03:04:05.000Z",
      "deleted": false,
      "delivered": false,
      "last_delivery": null,
      "response_code": 0,
      "status": "active"
    }
    "#);
    let id = made["id"].as_str().unwrap();
    let stored: Vec<_> = keys(&registry).await.iter().map(|key| key.replace(id, "ID")).collect();
    assert_eq!(stored, ["_hooks/ID.json", "_hooks_at/package/=40acme=2fpear/ID", "_hooks_of/ana/ID"]);

    let path = format!("/-/npm/v1/hooks/hook/{id}");
    assert_eq!(ana.get(&path).await.assert_status(200).json(), made);
    let list = ana.get("/-/npm/v1/hooks").await.assert_status(200).json();
    assert_eq!(list, json!({ "objects": [made], "total": 1, "urls": {} }));

    registry.clock().advance(std::time::Duration::from_mins(1));
    let endpoint = format!("{}/other", receiver.url());
    let changed = ana.put(&path, &json!({ "endpoint": endpoint, "secret": "other" })).await;
    let changed = changed.assert_status(200).json();
    assert_eq!((&changed["endpoint"], &changed["id"]), (&json!(endpoint), &json!(id)));
    assert_eq!(changed["updated"], "2026-01-02T03:05:05.000Z");
    assert_eq!(changed["created"], made["created"]);

    let deleted = ana.delete(&path).await.assert_status(200).json();
    assert_eq!((&deleted["deleted"], &deleted["status"]), (&json!(true), &json!("deleted")));
    assert_eq!(keys(&registry).await, [""; 0]);
    let gone = ana.get(&path).await.assert_status(404);
    assert_eq!(gone.error(), "there is no such hook, or it is not yours: `npm hook ls` shows your hooks");
    let _ = ana.delete(&path).await.assert_status(404);
}

#[tokio::test]
async fn hooks_are_listed_by_package_and_in_pages() {
    let (registry, receiver) = (builder().start().await, FakeReceiver::start().await);
    let ana = registry.ana();
    for name in ["pear", "fig", "pear"] {
        let _ = hook(&ana, "package", name, &receiver).await;
        registry.clock().advance(std::time::Duration::from_secs(1));
    }
    let names = |list: &Value| -> Vec<String> {
        let hooks = list["objects"].as_array().unwrap().iter();
        hooks.map(|hook| hook["name"].as_str().unwrap().to_owned()).collect()
    };
    let pears = ana.get("/-/npm/v1/hooks?package=pear").await.assert_status(200).json();
    assert_eq!((names(&pears), &pears["total"]), (vec!["pear".to_owned(), "pear".to_owned()], &json!(2)));
    let first = ana.get("/-/npm/v1/hooks?limit=2").await.assert_status(200).json();
    assert_eq!(names(&first), ["pear", "fig"]);
    let next = first["urls"]["next"].as_str().unwrap();
    let second = ana.get(next).await.assert_status(200).json();
    assert_eq!((names(&second), &second["urls"]), (vec!["pear".to_owned()], &json!({})));
}

#[tokio::test]
async fn bad_hooks_are_refused_and_leave_nothing() {
    let (registry, receiver) = (builder().start().await, FakeReceiver::start().await);
    let ana = registry.ana();
    let good = json!({ "type": "package", "name": "pear", "endpoint": receiver.url(), "secret": SECRET });
    let mut told = Vec::new();
    for (field, value) in [
        ("type", json!("team")),
        ("name", json!("Not A Name")),
        ("name", json!("../etc")),
        ("endpoint", json!("ftp://hooks.example/")),
        ("endpoint", json!("https://ana:pass@hooks.example/")),
        ("endpoint", json!(format!("https://hooks.example/{}", "x".repeat(2048)))),
        ("secret", json!("")),
        ("secret", json!("x".repeat(1025))),
        ("secret", Value::Null),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let refused = ana.post("/-/npm/v1/hooks/hook", &body).await.assert_status(400);
        told.push(format!("{field}: {}", refused.error().split(" at line").next().unwrap()));
    }
    let mut scope = good.clone();
    (scope["type"], scope["name"]) = (json!("scope"), json!("acme"));
    let _ = ana.post("/-/npm/v1/hooks/hook", &scope).await.assert_status(400);
    insta::assert_snapshot!(told.join("\n"), @"
    type: the request's body does not have the format that this route expects: unknown variant `team`, expected one of `package`, `scope`, `owner`
    name: a hook is for a package, a scope such as @acme, or an owner such as ~ana: name one of them
    name: a hook is for a package, a scope such as @acme, or an owner such as ~ana: name one of them
    endpoint: the endpoint is not one that changes can be posted to: write https://HOST/PATH, without a password, in at most 2048 bytes
    endpoint: the endpoint is not one that changes can be posted to: write https://HOST/PATH, without a password, in at most 2048 bytes
    endpoint: the endpoint is not one that changes can be posted to: write https://HOST/PATH, without a password, in at most 2048 bytes
    secret: a hook needs a secret of at most 1024 bytes: its deliveries are signed with it
    secret: a hook needs a secret of at most 1024 bytes: its deliveries are signed with it
    secret: the request's body does not have the format that this route expects: invalid type: null, expected a string
    ");
    assert_eq!(keys(&registry).await, [""; 0]);
}

#[tokio::test]
async fn an_account_has_a_limited_number_of_hooks() {
    let receiver = FakeReceiver::start().await;
    let registry = builder().hooks(true, 2).start().await;
    for name in ["pear", "fig"] {
        let _ = hook(&registry.ana(), "package", name, &receiver).await;
    }
    let body = json!({ "type": "package", "name": "plum", "endpoint": receiver.url(), "secret": SECRET });
    let refused = registry.ana().post("/-/npm/v1/hooks/hook", &body).await.assert_status(403);
    assert_eq!(refused.error(), "you have 2 hooks, which is the most: remove one with `npm hook rm ID`");
    let ben = registry.user("ben").await;
    let _ = hook(&ben, "package", "plum", &receiver).await;
}

#[tokio::test]
async fn a_registry_without_hooks_says_so() {
    let registry = TestRegistry::new().await;
    let refused = registry.ana().get("/-/npm/v1/hooks").await.assert_status(404);
    assert!(refused.error().starts_with("this registry has no hooks"), "{}", refused.error());
}
