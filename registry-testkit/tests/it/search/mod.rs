//! Searching: what is found, what stays hidden, how the index follows the packages, and what an upstream hears.

mod faults;
mod healing;
mod hits;
mod replicas;
mod upstream;

use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::yield_now;

/// The answer to a search.
async fn search(client: &TestClient, query: &str) -> Value {
    client.get(&format!("/-/v1/search?{query}")).await.assert_status(200).json()
}

/// The names that a search finds, in order.
async fn found(client: &TestClient, query: &str) -> Vec<String> {
    names(&search(client, query).await)
}

fn names(answer: &Value) -> Vec<String> {
    let objects = answer["objects"].as_array().unwrap();
    objects.iter().map(|hit| hit["package"]["name"].as_str().unwrap().to_owned()).collect()
}

async fn publish(registry: &TestRegistry, name: &str, version: &str) {
    let _ = registry.ana().publish(&PublishDocument::new(name, version)).await.assert_status(201);
}

/// Waits until what was begun in the background has come to its end.
async fn settle(tasks_before: usize) {
    while Handle::current().metrics().num_alive_tasks() > tasks_before {
        yield_now().await;
    }
}
