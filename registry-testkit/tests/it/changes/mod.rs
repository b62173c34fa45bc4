//! The change feed: what is in it and who sees it, what a crash leaves behind, and how sinks get it.

mod crashes;
mod delivery;
mod feed;
mod replicas;
mod sns;
mod webhooks;

use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::Value;

/// The feed as `ana` reads it, each change as number, package and kind.
async fn lines(registry: &TestRegistry) -> Vec<String> {
    let page = registry.ana().get("/-/changes?limit=1000").await.assert_status(200).json();
    let line = |change: &Value| {
        let package = change["id"].as_str().unwrap_or_default();
        format!("{} {package} {}", change["seq"], change["event"]["kind"].as_str().unwrap())
    };
    page["results"].as_array().unwrap().iter().map(line).collect()
}

async fn publish(registry: &TestRegistry, name: &str, version: &str) {
    let _ = registry.ana().publish(&PublishDocument::new(name, version)).await.assert_status(201);
}

/// The keys of markers of outboxes.
async fn markers(registry: &TestRegistry) -> Vec<String> {
    registry.keys().await.into_iter().filter(|key| key.starts_with("_outbox/")).collect()
}
