//! Tokens that people make, what they are limited to, profiles, passwords and second factors: what each request
//! answers, what it leaves in the store and what it tells the sink of events.

mod create;
mod expiring;
mod limits;
mod list_and_revoke;
mod one_time_passwords;
mod passwords;
mod profile;
mod secrets;
mod two_factor;
mod warm;
mod warm_providers;

use std::time::Duration;

use registry_core::clock::Clock as _;
use registry_testkit::test_registry::{PASSWORD, TestClient};
use registry_testkit::{Authenticator, TestRegistry};
use serde_json::{Value, json};

const TOKENS: &str = "/-/npm/v1/tokens";
const PROFILE: &str = "/-/npm/v1/user";

/// Longer than the digits of one moment are good for.
const A_WHILE: Duration = Duration::from_mins(2);

async fn forget_events(registry: &TestRegistry) {
    registry.registry().flush_events().await;
    registry.events().take();
}

/// What npm 11 sends for a token, with the password and what is said beside it.
fn request(rest: &Value) -> Value {
    let mut request = json!({ "password": PASSWORD });
    for (key, value) in rest.as_object().unwrap() {
        request[key] = value.clone();
    }
    request
}

/// A token of the client's, as it is answered.
async fn create(client: &TestClient, rest: Value) -> Value {
    client.post(TOKENS, &request(&rest)).await.assert_status(201).json()
}

/// The client with a new token that is limited so.
pub(crate) async fn with_token(client: &TestClient, rest: Value) -> TestClient {
    client.with_token(create(client, rest).await["token"].as_str().unwrap())
}

/// Sets up a second factor, and lets its first digits pass.
pub(crate) async fn enable(
    registry: &TestRegistry,
    client: &TestClient,
    mode: &str,
) -> (Authenticator, Vec<String>) {
    let begun = json!({ "tfa": { "password": PASSWORD, "mode": mode } });
    let answer = client.post(PROFILE, &begun).await.assert_status(200).json();
    let app = Authenticator::scan(answer["tfa"].as_str().unwrap());
    let digits = app.digits_at(registry.clock().now());
    let answer = client.post(PROFILE, &json!({ "tfa": [digits] })).await.assert_status(200).json();
    let codes = answer["tfa"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned());
    registry.clock().advance(A_WHILE);
    (app, codes.collect())
}

/// What the app shows now.
pub(crate) fn digits(registry: &TestRegistry, app: &Authenticator) -> String {
    app.digits_at(registry.clock().now())
}
