//! Logins in the browser, one-time passwords there, and what keeps guessers out: what each request answers, what it
//! leaves in the store and what it tells the sink of events.

mod abuse;
mod crowds;
mod device;
mod guesses;
mod known_networks;
mod login;
mod provider;
mod refusals;
mod second_factor;
mod sign_up;

use std::time::Duration;

use registry_testkit::http_client::TestResponse;
use registry_testkit::test_registry::{PASSWORD, TestClient};
use registry_testkit::{Browser, TestRegistry};
use serde_json::json;

/// What a client holds of a login that it has begun.
struct Begun {
    page: String,
    done: String,
}

impl Begun {
    async fn at(client: &TestClient) -> Self {
        Self::of(&client.post("/-/v1/login", &json!({})).await.assert_status(200), "loginUrl")
    }

    #[track_caller]
    fn of(response: &TestResponse, page: &str) -> Self {
        let answer = response.json();
        let url =
            |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned();
        Self { page: url(page), done: url("doneUrl") }
    }

    /// Asks whether the person has finished.
    async fn poll(&self, client: &TestClient) -> TestResponse {
        client.get(path_of(&self.done)).await
    }
}

fn path_of(url: &str) -> &str {
    url.strip_prefix("http://registry.example").unwrap()
}

fn browser(registry: &TestRegistry) -> Browser {
    Browser::in_process(registry.anonymous())
}

async fn forget_events(registry: &TestRegistry) {
    registry.registry().flush_events().await;
    registry.events().take();
}

/// What happened since the last time.
async fn events(registry: &TestRegistry) -> String {
    registry.registry().flush_events().await;
    let kinds = registry.events().kinds();
    registry.events().take();
    kinds
}

const ANA: [(&str, &str); 2] = [("name", "ana"), ("password", PASSWORD)];
const WRONG: [(&str, &str); 2] = [("name", "ana"), ("password", "not the password")];

/// Longer than a login in the browser lasts.
const TOO_LATE: Duration = Duration::from_mins(11);
