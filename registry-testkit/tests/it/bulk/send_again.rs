use std::sync::Arc;

use registry_core::Registry;
use registry_core::bulk::{BulkMode, SentPackage};
use registry_core::changes::DeliverySettings;
use registry_core::changes::sinks::{CodeboxLog, CodeboxLogSettings};
use registry_core::storage::{BlobPath, BlobStore as _, ObjectStoreBlobs};
use registry_testkit::codebox_npm::CodeboxNpm;
use registry_testkit::fake_receiver::{FakeReceiver, Received};
use registry_testkit::faulty::{Fault, Operation};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{RecordedChanges, TestRegistry, install_tls_provider};
use serde_json::json;

use super::{calls_of, fail_at, outcome, records};

async fn registry_with(changes: &RecordedChanges) -> TestRegistry {
    let sink = Arc::new(changes.clone());
    let builder = TestRegistry::builder().change_sink("sink", sink, DeliverySettings::default());
    let registry = builder.start().await;
    for (name, version) in [("pear", "1.0.0"), ("pear", "1.1.0"), ("@acme/fig", "2.0.0"), ("gone", "1.0.0")] {
        let _ = registry.ana().publish(&PublishDocument::new(name, version)).await.assert_status(201);
    }
    let seen = registry.ana().get("/gone").await.json();
    let revision = seen["_rev"].as_str().unwrap();
    let _ = registry.ana().delete(&format!("/gone/-rev/{revision}")).await.assert_status(200);
    registry.registry().flush_events().await;
    registry.registry().deliver_changes().await;
    registry
}

async fn send(registry: &TestRegistry) -> Vec<SentPackage> {
    records(registry.registry().send_packages_again(BulkMode::Apply)).await
}

fn sent(packages: &[SentPackage]) -> Vec<String> {
    packages.iter().map(|sent| format!("{} {:?}", sent.package, sent.version.as_deref())).collect()
}

#[tokio::test]
async fn each_package_is_sent_once_with_its_latest_version_and_not_to_the_feed() {
    let changes = RecordedChanges::default();
    let registry = registry_with(&changes).await;
    let (before, known) = (registry.stored().await, changes.changes().len());
    let packages = send(&registry).await;
    assert_eq!(sent(&packages), [r#"@acme/fig Some("2.0.0")"#, "gone None", r#"pear Some("1.1.0")"#]);
    assert_eq!(changes.lines()[known..], ["0 @acme/fig indexed", "0 pear indexed"]);
    let event: serde_json::Value = serde_json::from_str(changes.changes()[known + 1].event.get()).unwrap();
    assert_eq!(event["event-id"], changes.changes()[known + 1].id);
    assert_eq!((&event["version"], &event["tag"]), (&json!("1.1.0"), &json!("latest")));
    assert_eq!(event["time"], "2026-01-02T03:04:05Z", "the time of the publish");
    assert!(event["integrity"].as_str().unwrap().starts_with("sha512-"));
    assert_eq!(registry.stored().await, before, "the feed and the state of the delivery stay as they are");
}

#[tokio::test]
async fn a_run_that_is_repeated_sends_the_same_ids() {
    let changes = RecordedChanges::default();
    let registry = registry_with(&changes).await;
    let known = changes.changes().len();
    let ids =
        || -> Vec<String> { changes.changes()[known..].iter().map(|change| change.id.clone()).collect() };
    fail_at(&registry, Operation::Get, 0, Fault::BeforeEffect);
    let (_, failures) = outcome(registry.registry().send_packages_again(BulkMode::Apply)).await;
    assert_eq!(failures.len(), 1, "{failures:?}");
    let first = ids();
    assert_eq!(first.len(), 1, "the other package is sent");
    send(&registry).await;
    assert_eq!(ids().len(), 3);
    assert!(ids()[1..].contains(&first[0]));
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.2.0")).await.assert_status(201);
    let pear = ids()[2].clone();
    registry.registry().flush_events().await;
    registry.registry().deliver_changes().await;
    send(&registry).await;
    assert_ne!(*ids().last().unwrap(), pear, "another state of a package is no repetition");
}

#[tokio::test]
async fn what_a_sink_does_not_accept_is_told_and_the_rest_is_sent() {
    let changes = RecordedChanges::default();
    let registry = registry_with(&changes).await;
    let known = changes.changes().len();
    // The batch, and then the first package alone.
    changes.fail(2);
    let (packages, failures) = outcome(registry.registry().send_packages_again(BulkMode::Apply)).await;
    assert_eq!(
        failures,
        ["@acme/fig was not accepted by sink: recorded changes did not accept the events: out of order"]
    );
    assert_eq!(sent(&packages), ["gone None", r#"pear Some("1.1.0")"#]);
    assert_eq!(changes.lines()[known..], ["0 pear indexed"]);
}

#[tokio::test]
async fn a_dry_run_sends_and_writes_nothing() {
    let changes = RecordedChanges::default();
    let registry = registry_with(&changes).await;
    let known = changes.changes().len();
    let _ = registry.store().take_calls();
    let packages = records(registry.registry().send_packages_again(BulkMode::DryRun)).await;
    assert_eq!(packages.len(), 3);
    assert_eq!(changes.changes().len(), known);
    assert_eq!(calls_of(&registry, Operation::Put), [""; 0]);
}

/// The first look at a storage without a marker makes one.
#[tokio::test]
async fn a_dry_run_on_a_bucket_of_codebox_npm_makes_no_marker() {
    let memory = ObjectStoreBlobs::in_memory();
    CodeboxNpm::sample().copy_to(&memory).await.unwrap();
    let registry = Registry::builder(Arc::new(memory.clone())).build();
    assert_eq!(records(registry.send_packages_again(BulkMode::DryRun)).await.len(), 4);
    assert_eq!(memory.get(&BlobPath::parse("_registry.json").unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn the_log_of_codebox_gets_packages_of_its_own_bucket_as_it_was_used_to() {
    install_tls_provider();
    let receiver = FakeReceiver::start().await;
    let url = format!("{}/v1/send", receiver.url()).parse().unwrap();
    let settings = CodeboxLogSettings::new(url, "client".to_owned(), "insights-secret".to_owned().into());
    let first = TestRegistry::builder().change_feed().start().await;
    CodeboxNpm::sample().copy_to(&first.memory()).await.unwrap();
    let sink = CodeboxLog::new(settings, Arc::new(first.memory())).unwrap();
    let builder = TestRegistry::builder();
    let builder = builder.change_sink("codebox", Arc::new(sink), DeliverySettings::default());
    let registry = builder.start_on(&first).await;
    assert_eq!(send(&registry).await.len(), 4);
    let mut told: Vec<_> = receiver.received().iter().map(Received::json).collect();
    told.sort_by_key(|told| told["body"]["name"].to_string());
    assert_eq!(told.len(), 4);
    assert_eq!(told[0]["namespace"], "info:package:put");
    assert_eq!(told[0]["command"], json!({ "name": "index", "args": [] }));
    assert_eq!(told[0]["body"]["name"], "@acme/tools");
    assert_eq!(told[0]["body"]["version"], "1.1.0");
    assert_eq!(told[1]["body"]["name"], "OldPear");
    assert_eq!(
        told[1]["body"]["dist-tags"],
        json!({ "latest": "0.1.0" }),
        "it is stored under plain capitals"
    );
    assert_eq!(told[0]["body"]["dist-tags"], json!({ "latest": "1.1.0" }));
}

#[tokio::test]
async fn the_search_index_is_rebuilt_however_recent_it_is() {
    let registry = TestRegistry::new().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let found = async || {
        let answer = registry.anonymous().get("/-/v1/search?text=pear").await.assert_status(200).json();
        answer["total"].as_u64().unwrap()
    };
    assert_eq!(found().await, 1);
    let packument = registry.stored().await["pear/index.json"].clone();
    let copy = String::from_utf8(packument.to_vec()).unwrap().replace("\"pear\"", "\"pear-tree\"");
    registry.put("pear-tree/index.json", copy).await;
    registry.remove("pear/index.json").await;
    registry.remove("_spellings/pear").await;
    assert_eq!(found().await, 1, "the index knows nothing of that yet");
    registry.registry().rebuild_search_index().await.unwrap();
    let answer = registry.anonymous().get("/-/v1/search?text=pear").await.json();
    assert_eq!(answer["objects"][0]["package"]["name"], "pear-tree", "{answer}");
    assert_eq!(answer["total"], 1, "{answer}");
}

#[tokio::test]
async fn a_rebuild_that_fails_at_any_write_is_finished_by_the_next() {
    let clean = TestRegistry::new().await;
    let _ = clean.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let other = clean.replica().await;
    clean.store().take_calls();
    clean.registry().rebuild_search_index().await.unwrap();
    let writes = calls_of(&clean, Operation::Put).len();
    let expected = clean.stored().await;
    for number in 0..writes {
        fail_at(&other, Operation::Put, number, Fault::Refused);
        other.registry().rebuild_search_index().await.unwrap_err();
        other.registry().rebuild_search_index().await.unwrap();
        assert_eq!(other.stored().await, expected);
    }
}
