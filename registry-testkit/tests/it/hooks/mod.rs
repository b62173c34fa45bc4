//! npm's hooks: who has which, what they get, and what they must not get or reach.

mod deliveries;
mod manage;
mod security;

use registry_testkit::fake_receiver::FakeReceiver;
use registry_testkit::install_tls_provider;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::{TestClient, TestRegistry, TestRegistryBuilder};
use serde_json::{Value, json};

const SECRET: &str = "swordfish-of-the-hook";

/// A registry whose hooks may lead to this machine.
fn builder() -> TestRegistryBuilder {
    install_tls_provider();
    TestRegistry::builder().public_url("https://npm.registry.example").hooks(true, 100)
}

/// Makes a hook, and returns it.
async fn hook(client: &TestClient, sort: &str, name: &str, receiver: &FakeReceiver) -> Value {
    let endpoint = format!("{}/hook", receiver.url());
    let body = json!({ "type": sort, "name": name, "endpoint": endpoint, "secret": SECRET });
    client.post("/-/npm/v1/hooks/hook", &body).await.assert_status(201).json()
}

async fn publish(client: &TestClient, name: &str, version: &str) {
    let _ = client.publish(&PublishDocument::new(name, version)).await.assert_status(201);
}

async fn deliver(registry: &TestRegistry) {
    registry.registry().flush_events().await;
    // The first gives the changes to the hooks, the second ends what began in the background.
    registry.registry().deliver_changes().await;
    registry.registry().deliver_changes().await;
}

/// What a receiver got, each as event, package and change.
fn lines(receiver: &FakeReceiver) -> Vec<String> {
    let line = |body: Value| {
        format!("{} {} {}", body["event"].as_str().unwrap(), body["name"].as_str().unwrap(), body["change"])
    };
    receiver.received().iter().map(|received| line(received.json())).collect()
}

/// The keys of hooks and of what waits for them.
async fn keys(registry: &TestRegistry) -> Vec<String> {
    registry.keys().await.into_iter().filter(|key| key.starts_with("_hook")).collect()
}
