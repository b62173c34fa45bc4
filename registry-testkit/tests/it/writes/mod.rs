//! What each write answers, what it leaves in the store and what it tells the sink of events.

mod accounts;
mod deprecate;
mod dist_tags;
mod documents;
mod owners;
mod publish;
mod stars;
mod unpublish;

use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::Value;

/// A registry in which ana has published these versions of the package `pear`, and what happened so far forgotten.
async fn with_pear(versions: &[&str]) -> TestRegistry {
    let registry = TestRegistry::new().await;
    for version in versions {
        let _ = registry.ana().publish(&PublishDocument::new("pear", version)).await.assert_status(201);
    }
    forget_events(&registry).await;
    registry
}

async fn forget_events(registry: &TestRegistry) {
    registry.registry().flush_events().await;
    registry.events().take();
}

/// The packument of `pear` as npm reads it before it changes something.
async fn pear(registry: &TestRegistry) -> Value {
    registry.ana().get("/pear?write=true").await.assert_status(200).json()
}

/// The text of a field.
#[track_caller]
fn text<'json>(json: &'json Value, field: &str) -> &'json str {
    json[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {json}"))
}
