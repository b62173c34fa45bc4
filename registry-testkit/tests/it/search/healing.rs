//! An index that was never made, or that missed something.

use std::time::Duration;

use registry_core::storage::{BlobPath, BlobStore as _, When};
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Gate, Operation};
use serde_json::json;
use tokio::runtime::Handle;

use super::{found, publish, settle};

async fn put(registry: &TestRegistry, path: &str, json: &serde_json::Value) {
    let path = BlobPath::parse(path).unwrap();
    let _ = registry.store().put(&path, json.to_string().into(), When::Always).await.unwrap();
}

async fn forget_index(registry: &TestRegistry) {
    for shard in 0..16 {
        let path = BlobPath::parse(&format!("_search/{shard:02x}.json")).unwrap();
        registry.store().delete(&path).await.unwrap();
    }
}

#[tokio::test]
async fn a_store_that_codebox_npm_wrote_is_searched_from_the_start() {
    let registry = TestRegistry::new().await;
    for (path, name) in [
        ("pear", "pear"),
        ("JSONStream", "JSONStream"),
        ("@acme/pear", "@acme/pear"),
        ("@Acme/Pear", "@Acme/Pear"),
    ] {
        let packument = json!({
            "name": name, "dist-tags": { "latest": "1.0.0" },
            "versions": { "1.0.0": { "name": name, "version": "1.0.0", "keywords": ["codebox"] } },
        });
        put(&registry, &format!("{path}/index.json"), &packument).await;
    }
    publish(&registry, "NewOne", "1.0.0").await;
    put(&registry, "damaged/index.json", &json!([])).await;
    let path = BlobPath::parse("no-package/readme.txt").unwrap();
    let _ = registry.store().put(&path, "text".into(), When::Always).await.unwrap();

    let anonymous = registry.anonymous();
    assert_eq!(
        found(&anonymous, "text=keywords:codebox").await,
        ["@Acme/Pear", "@acme/pear", "JSONStream", "pear"]
    );
    assert_eq!(found(&anonymous, "text=newone").await, ["NewOne"]);
    let before = registry.store().calls().len();
    let _ = found(&registry.replica().await.anonymous(), "text=pear").await;
    let _ = found(&anonymous, "text=pear").await;
    let listed = registry.store().calls()[before..]
        .iter()
        .any(|(operation, _)| matches!(operation, Operation::List | Operation::ListFolders));
    assert!(!listed, "the store was listed once and for all");
}

#[tokio::test]
async fn an_index_that_is_gone_or_damaged_is_made_again() {
    let registry = TestRegistry::new().await;
    for name in ["pear", "@acme/pear"] {
        publish(&registry, name, "1.0.0").await;
    }
    let anonymous = registry.anonymous();
    assert_eq!(found(&anonymous, "text=pear").await.len(), 2);
    forget_index(&registry).await;
    assert_eq!(found(&anonymous, "text=pear").await.len(), 2);
    for shard in 0..16 {
        put(&registry, &format!("_search/{shard:02x}.json"), &json!("damaged")).await;
    }
    assert_eq!(found(&anonymous, "text=pear").await.len(), 2);
    assert_eq!(found(&registry.replica().await.anonymous(), "text=pear").await.len(), 2);
}

/// The process that published died between the commit and the index.
#[tokio::test]
async fn what_a_crash_kept_out_of_the_index_is_in_it_a_day_later() {
    let registry = TestRegistry::new().await;
    let anonymous = registry.anonymous();
    publish(&registry, "plum", "1.0.0").await;
    assert_eq!(found(&anonymous, "text=plum").await, ["plum"]);
    let packument = json!({
        "name": "pear", "_rev": "1-07070707070707070707070707070707", "dist-tags": { "latest": "1.0.0" },
        "versions": { "1.0.0": { "name": "pear", "version": "1.0.0" } },
    });
    put(&registry, "pear/index.json", &packument).await;
    registry.store().delete(&BlobPath::parse("plum/index.json").unwrap()).await.unwrap();

    registry.clock().advance(Duration::from_secs(24 * 3600 - 1));
    let tasks = Handle::current().metrics().num_alive_tasks();
    assert_eq!(found(&anonymous, "text=maintainer:ana").await, ["plum"]);
    settle(tasks).await;
    assert_eq!(found(&anonymous, "text=pear").await, [""; 0]);

    registry.clock().advance(Duration::from_secs(1));
    // No search waits for it: this search begins it, a later one profits.
    let gate = Gate::new();
    registry.store().fail_next_at(Operation::ListFolders, |_| true, Fault::Hold(gate.clone()));
    assert_eq!(found(&anonymous, "text=pear").await, [""; 0]);
    gate.reached().await;
    gate.open();
    settle(tasks).await;
    assert_eq!(found(&anonymous, "text=pear").await, ["pear"]);
    assert_eq!(found(&anonymous, "text=plum").await, [""; 0], "what is gone from the store is gone");
    let before = registry.store().calls().len();
    let _ = found(&anonymous, "text=pear").await;
    assert_eq!(registry.store().calls().len() - before, 16, "it is not compared again until a day later");
}

#[tokio::test]
async fn a_publish_during_the_comparison_is_neither_lost_nor_undone() {
    let registry = TestRegistry::new().await;
    publish(&registry, "pear", "1.0.0").await;
    let other = registry.replica().await;
    let gate = Gate::new();
    // The old packument is read, and the index is about to be written, when a new version arrives.
    registry.store().fail_next_at(
        Operation::Put,
        |path| path.starts_with("_search/"),
        Fault::Hold(gate.clone()),
    );
    let anonymous = registry.anonymous();
    let (names, ()) = tokio::join!(found(&anonymous, "text=pear"), async {
        gate.reached().await;
        for name in ["pear", "plum", "pear-tree", "a", "b", "c", "d"] {
            publish(&other, name, "2.0.0").await;
        }
        gate.open();
    });
    assert_eq!(names, ["pear", "pear-tree"]);
    for registry in [&registry, &other] {
        let answer = super::search(&registry.anonymous(), "text=maintainer:ana").await;
        assert_eq!(answer["total"], 7);
        for hit in answer["objects"].as_array().unwrap() {
            assert_eq!(hit["package"]["version"], "2.0.0", "{hit}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_search_while_the_first_index_is_built_says_so() {
    let registry = TestRegistry::new().await;
    publish(&registry, "pear", "1.0.0").await;
    forget_index(&registry).await;
    let gate = Gate::new();
    registry.store().fail_next_at(Operation::ListFolders, |_| true, Fault::Hold(gate.clone()));
    let anonymous = registry.anonymous();
    let partial = anonymous.get("/-/v1/search?text=pear").await.assert_status(200);
    let said =
        "the registry is still indexing its packages, so this search may miss some: search again in a minute";
    assert_eq!((partial.json()["total"].as_u64(), partial.header("npm-notice")), (Some(0), Some(said)));
    gate.open();
    while found(&anonymous, "text=pear").await.is_empty() {
        tokio::task::yield_now().await;
    }
    let complete = anonymous.get("/-/v1/search?text=pear").await.assert_status(200);
    assert_eq!(complete.header("npm-notice"), None);
}

#[tokio::test(start_paused = true)]
async fn a_comparison_that_fails_is_tried_again_later() {
    let registry = TestRegistry::new().await;
    publish(&registry, "pear", "1.0.0").await;
    forget_index(&registry).await;
    let anonymous = registry.anonymous();
    registry.store().fail_next(Operation::ListFolders, Fault::Refused);
    assert_eq!(found(&anonymous, "text=pear").await, [""; 0]);
    assert_eq!(found(&anonymous, "text=pear").await, [""; 0], "not at once");
    registry.clock().advance(Duration::from_secs(30));
    assert_eq!(found(&anonymous, "text=pear").await, ["pear"]);
}
