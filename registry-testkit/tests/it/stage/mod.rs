//! Versions that wait to be approved: what each request answers, what it leaves in the store and what it tells the sink of
//! events, and that no caller sees them before.

mod answers;
mod bad_input;
mod concurrent;
mod invisible;
mod new_packages;
mod permissions;
mod repeated;
mod unpublished;

use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::Value;

/// A registry in which ana has published `pear` 1.0.0, and what happened so far forgotten.
async fn with_pear() -> TestRegistry {
    let registry = TestRegistry::new().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    forget_events(&registry).await;
    registry
}

async fn forget_events(registry: &TestRegistry) {
    registry.registry().flush_events().await;
    registry.events().take();
}

/// Stages a version; its id.
async fn stage(client: &TestClient, name: &str, version: &str) -> String {
    staged_id(&client.stage(&PublishDocument::new(name, version)).await.assert_status(201).json())
}

fn staged_id(answer: &Value) -> String {
    answer["stageId"].as_str().unwrap().to_owned()
}

/// What `npm stage list` shows: the versions.
async fn listed(client: &TestClient) -> Vec<String> {
    let answer = client.get("/-/stage?page=0&perPage=100").await.assert_status(200).json();
    let items = answer["items"].as_array().unwrap();
    assert_eq!(answer["total"], items.len());
    items.iter().map(|item| format!("{}@{}", text(item, "packageName"), text(item, "version"))).collect()
}

fn text<'json>(json: &'json Value, field: &str) -> &'json str {
    json[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {json}"))
}

fn approve(id: &str) -> String {
    format!("/-/stage/{id}/approve")
}

fn one(id: &str) -> String {
    format!("/-/stage/{id}")
}

/// What is stored of staged versions.
async fn stage_keys(registry: &TestRegistry) -> Vec<String> {
    let keys = registry.keys().await;
    keys.into_iter().filter(|key| key.starts_with("_stage")).collect()
}
