//! npm and pnpm want the same lists in different shapes.

use http::Request;
use http_body_util::BodyExt as _;
use registry_core::Body;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};

use super::{builder, with_acme};

async fn get_as(registry: &TestRegistry, agent: &str, path: &str) -> Value {
    let request = Request::get(path)
        .header("host", "registry.example")
        .header("user-agent", agent)
        .header("authorization", format!("Bearer {}", registry.ana().token().unwrap()))
        .body(Body::empty())
        .unwrap();
    let answer = registry.registry().handle(request).await;
    assert_eq!(answer.status(), 200, "{path}");
    serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn each_client_gets_its_own() {
    let registry = with_acme(builder()).await;
    let ana = registry.ana();
    let _ = ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let granted = json!({ "package": "pear", "permissions": "read-only" });
    let _ = ana.put("/-/team/acme/platform/package", &granted).await.assert_status(200);
    let person = |name: &str, permissions: &str| {
        let email = format!("{name}@registry.example");
        json!({ "user": name, "username": name, "email": email, "permissions": permissions })
    };
    let (npm, pnpm) = ("npm/11.21.2 node/v24.21.0 linux x64", "pnpm/12.21.0 npm/? node/? linux x64");
    for (agent, path, expected) in [
        (npm, "/-/org/acme/team?format=cli", json!(["acme:developers", "acme:platform"])),
        (npm, "/-/org/@acme/team?format=cli", json!(["acme:developers", "acme:platform"])),
        (pnpm, "/-/org/acme/team", json!([{ "name": "developers" }, { "name": "platform" }])),
        (npm, "/-/team/acme/platform/user?format=cli", json!(["carol"])),
        (pnpm, "/-/team/acme/platform/user", json!([{ "name": "carol" }])),
        (
            npm,
            "/-/package/pear/collaborators?format=cli",
            json!({ "ana": "read-write", "carol": "read-only" }),
        ),
        (npm, "/-/package/pear/collaborators?format=cli&user=carol", json!({ "carol": "read-only" })),
        (
            pnpm,
            "/-/package/pear/collaborators?format=cli",
            json!([person("ana", "read-write"), person("carol", "read-only")]),
        ),
    ] {
        assert_eq!(get_as(&registry, agent, path).await, expected, "{agent} {path}");
    }
}

#[tokio::test]
async fn who_is_in_which_team_is_told_to_those_who_administer_the_package() {
    let registry = with_acme(builder()).await;
    let ana = registry.ana();
    let _ = ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let granted = json!({ "package": "pear", "permissions": "read-write" });
    let _ = ana.put("/-/team/acme/platform/package", &granted).await.assert_status(200);
    let path = "/-/package/pear/collaborators";
    assert_eq!(registry.user("dora").await.get(path).await.json(), json!({ "ana": "read-write" }));
    let all = json!({ "ana": "read-write", "carol": "read-write" });
    assert_eq!(ana.get(path).await.json(), all);
    let _ = registry.anonymous().get(path).await.assert_status(401);
}
