//! Organizations, teams, grants, and what packages are open to: what each request answers, what it leaves in the store
//! and what it tells the sink of events.

mod faults;
mod grants;
mod members;
mod mfa;
mod shapes;
mod teams;
mod tokens;
mod visibility;
mod warm;

use http::Method;
use registry_core::access::AccessRules;
use registry_core::organizations::{OrganizationCreation, OrganizationSettings};
use registry_testkit::TestRegistry;
use registry_testkit::http_client::TestResponse;
use registry_testkit::test_registry::{TestClient, TestRegistryBuilder};
use serde_json::{Value, json};

/// All callers read, signed-in users publish, and ana administers the scope `@acme`, where members of the
/// organization alone read.
fn rules() -> Value {
    json!([
        {
            "match": "@acme/*",
            "read": ["group:local:acme"],
            "publish": ["group:local:acme/platform"],
            "administer": ["user:ana"],
        },
        { "match": "@closed/*", "read": ["user:nobody"], "publish": ["@authenticated"] },
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"] },
    ])
}

fn builder() -> TestRegistryBuilder {
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(rules()).unwrap()).unwrap();
    TestRegistry::builder().downloads().access(rules)
}

/// With the organization `acme`, of ana, and in it ben, an admin, and carol, a developer and alone in the team
/// `platform`. dora is a stranger. Nothing of this is among the events.
async fn with_acme(builder: TestRegistryBuilder) -> TestRegistry {
    let registry = builder.start().await;
    for name in ["ben", "carol", "dora"] {
        registry.user(name).await;
    }
    let ana = registry.ana();
    for (user, role) in [("ben", "admin"), ("carol", "developer")] {
        let _ = ana.put("/-/org/acme/user", &json!({ "user": user, "role": role })).await.assert_status(200);
    }
    let _ = ana.put("/-/org/acme/team", &json!({ "name": "platform" })).await.assert_status(200);
    let _ = ana.put("/-/team/acme/platform/user", &json!({ "user": "carol" })).await.assert_status(200);
    forget_events(&registry).await;
    registry
}

fn created_by(create: OrganizationCreation) -> OrganizationSettings {
    let mut settings = OrganizationSettings::default();
    settings.create = create;
    settings
}

async fn forget_events(registry: &TestRegistry) {
    registry.registry().flush_events().await;
    registry.events().take();
}

/// `DELETE` with a body, as npm sends it.
async fn delete(client: &TestClient, path: &str, body: Value) -> TestResponse {
    client.ask(Method::DELETE, path, body.to_string()).await
}

/// All keys of organizations.
async fn keys(registry: &TestRegistry) -> Vec<String> {
    registry.keys().await.into_iter().filter(|key| key.starts_with("_orgs")).collect()
}
