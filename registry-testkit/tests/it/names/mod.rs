//! One name, one owner, over all providers: whatever way a user comes in, a name that another provider owns is not to be
//! had.

mod before_claims;
mod people;
mod property;
mod races;
mod ways_in;

use people::People;
use registry_testkit::TestRegistry;
use registry_testkit::http_client::TestResponse;
use registry_testkit::test_registry::TestClient;
use serde_json::json;

/// Logs in as npm does in a terminal.
pub(crate) async fn log_in(registry: &TestRegistry, name: &str, password: &str) -> TestResponse {
    let document = json!({ "name": name, "password": password });
    registry.anonymous().put(&format!("/-/user/org.couchdb.user:{name}"), &document).await
}

pub(crate) fn client_of(registry: &TestRegistry, answer: &TestResponse) -> TestClient {
    registry.anonymous().with_token(answer.json()["token"].as_str().unwrap())
}

/// What the store says of who owns a name.
async fn owner(registry: &TestRegistry, name: &str) -> Option<String> {
    let stored = registry.stored().await;
    let claim = stored.get(&format!("_names/{name}.json"))?;
    let claim: serde_json::Value = serde_json::from_slice(claim).unwrap();
    Some(claim["provider"].as_str().unwrap().to_owned())
}
