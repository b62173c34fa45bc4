mod damage;
mod meanwhile;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use registry_core::Registry;
use registry_core::bulk::{BulkMode, BulkStream, CopiedObject, CopyOptions, CopyOutcome, copy_storage};
use registry_core::care::{VerifiedPackage, VerifyOptions};
use registry_core::clock::{Clock as _, SystemClock};
use registry_core::storage::{BlobPath, BlobPrefix, BlobStore, ObjectStoreBlobs, When};
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, FaultPlan, Faulty, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use crate::bulk::{outcome, records};

const MARKER: &str = "_registry.json";

/// A registry with much of what there is, and an empty storage.
struct Copying {
    registry: TestRegistry,
    target: Arc<Faulty<ObjectStoreBlobs>>,
}

fn options(change: impl FnOnce(&mut CopyOptions)) -> CopyOptions {
    let mut options = CopyOptions::default();
    change(&mut options);
    options
}

fn path(key: &str) -> BlobPath {
    BlobPath::parse(key).unwrap()
}

/// All of a store, but for what says something about the store alone.
async fn content(store: &dyn BlobStore) -> BTreeMap<String, Bytes> {
    let listed: Vec<_> = store.list(&BlobPrefix::ROOT).try_collect().await.unwrap();
    let mut content = BTreeMap::new();
    for blob in listed {
        let found = store.get(&blob.path).await.unwrap().unwrap();
        content.insert(blob.path.to_string(), found.bytes);
    }
    content.remove("_copy.json");
    content
}

/// All packages, of which `verify` finds nothing wrong.
async fn sound_packages(registry: &Registry) -> Vec<VerifiedPackage> {
    let names = registry.hosted_packages().await.unwrap();
    let verified = registry.verify_packages(names, VerifyOptions::default());
    let verified: Vec<_> = verified.try_collect().await.unwrap();
    assert!(verified.iter().all(|package| package.findings.is_empty()), "{verified:?}");
    verified
}

fn counted(objects: &[CopiedObject], outcome: CopyOutcome) -> usize {
    objects.iter().filter(|object| object.outcome == outcome).count()
}

impl Copying {
    async fn new() -> Self {
        let registry = TestRegistry::new().await;
        let ana = registry.ana();
        for (name, version) in [("pear", "1.0.0"), ("pear", "1.1.0"), ("@acme/JSONStream", "1.0.0")] {
            let _ = ana.publish(&PublishDocument::new(name, version)).await.assert_status(201);
        }
        let _ = ana.stage(&PublishDocument::new("pear", "2.0.0")).await.assert_status(201);
        registry.registry().flush_events().await;
        Self { registry, target: Arc::new(Faulty::new(ObjectStoreBlobs::in_memory(), FaultPlan::NONE)) }
    }

    fn source(&self) -> Arc<dyn BlobStore> {
        Arc::new(self.registry.memory())
    }

    fn copy(&self, options: CopyOptions) -> BulkStream<CopiedObject> {
        copy_storage(self.source(), Arc::clone(&self.target) as _, options)
    }

    async fn copied(&self) -> Vec<CopiedObject> {
        records(self.copy(CopyOptions::default())).await
    }

    async fn failures(&self, options: CopyOptions) -> Vec<String> {
        outcome(self.copy(options)).await.1
    }

    async fn put(&self, key: &str, bytes: &'static str) {
        let _ = self.target.put(&path(key), bytes.into(), When::Always).await.unwrap();
    }

    async fn is_equal(&self) -> bool {
        self.differences().await.is_empty()
    }

    /// The paths of which source and target have different bytes, or one has none.
    async fn differences(&self) -> Vec<String> {
        let (source, target) = (content(self.source().as_ref()).await, content(self.target.as_ref()).await);
        let paths = source.keys().chain(target.keys()).collect::<BTreeSet<_>>();
        paths.into_iter().filter(|path| source.get(*path) != target.get(*path)).cloned().collect()
    }

    async fn has_marker(&self) -> bool {
        self.target.get(&path(MARKER)).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn a_copy_has_everything_and_the_next_one_only_what_changed() {
    let copying = Copying::new().await;
    let before = content(copying.source().as_ref()).await;
    let first = copying.copied().await;
    assert_eq!(counted(&first, CopyOutcome::Copied), first.len());
    assert_eq!(first.len(), before.len() - 1, "all but the marker");
    assert!(copying.is_equal().await);
    assert_eq!(content(copying.source().as_ref()).await, before, "the source is only read");

    let _ = copying.registry.ana().publish(&PublishDocument::new("fig", "1.0.0")).await.assert_status(201);
    let next = copying.copied().await;
    assert!(copying.is_equal().await);
    let copied = next.iter().filter(|object| object.outcome == CopyOutcome::Copied);
    let copied: Vec<_> = copied.map(|object| object.path.as_str()).collect();
    assert!(copied.iter().any(|path| path.starts_with("fig/-/")), "{copied:?}");
    assert!(copied.contains(&"fig/index.json") && !copied.contains(&"pear/index.json"), "{copied:?}");
}

/// A server on the copy answers as the one on the source does.
#[tokio::test]
async fn a_registry_runs_on_a_copy() {
    let copying = Copying::new().await;
    let _ = copying.copied().await;
    let restored = Registry::builder(Arc::clone(&copying.target) as _).build();
    let verified = sound_packages(&restored).await;
    let names: Vec<_> = verified.iter().map(|package| package.name.clone()).collect();
    assert_eq!(names, copying.registry.registry().hosted_packages().await.unwrap());
    assert_eq!(verified.iter().map(|package| package.versions).sum::<usize>(), 3);
}

/// What is published while a copy is under way is copied with its tarball, or not at all.
#[tokio::test]
async fn a_publish_in_the_middle_leaves_no_index_without_its_tarball() {
    let copying = Copying::new().await;
    let mut objects = copying.copy(CopyOptions::default());
    let first = objects.next().await.unwrap().unwrap();
    assert!(first.path.as_str().contains("/-/"), "tarballs come first");
    let _ = copying.registry.ana().publish(&PublishDocument::new("zebra", "1.0.0")).await.assert_status(201);
    let rest: Vec<_> = objects.try_collect().await.unwrap();
    assert!(rest.iter().any(|object| object.path.as_str() == "zebra/index.json"));
    let copied = content(copying.target.as_ref()).await;
    assert!(copied.keys().any(|path| path.starts_with("zebra/-/")), "{copied:?}");
}

/// The packuments are listed, the spellings are not yet: a first publish comes in between, wholly.
#[tokio::test]
async fn a_first_publish_in_the_middle_is_copied_with_its_packument() {
    for name in ["fig", "@acme/fig", "FIG"] {
        let copying = Copying::new().await;
        let source = Arc::new(Faulty::new(copying.registry.memory(), FaultPlan::NONE));
        let gate = Gate::new();
        source.fail_next_at(Operation::Get, |path| path == "pear/index.json", Fault::Hold(gate.clone()));
        let copy = records(copy_storage(source, Arc::clone(&copying.target) as _, CopyOptions::default()));
        let publish = async {
            gate.reached().await;
            let document = PublishDocument::new(name, "1.0.0");
            let _ = copying.registry.ana().publish(&document).await.assert_status(201);
            gate.open();
        };
        let _ = futures::future::join(copy, publish).await;
        let copied = Registry::builder(Arc::clone(&copying.target) as _).build();
        let verified = sound_packages(&copied).await;
        assert!(verified.iter().any(|package| package.name.as_str() == name), "{verified:?}");
        assert_eq!(copying.differences().await, [""; 0], "{name}");
    }
}

#[tokio::test]
async fn what_the_source_lost_on_purpose_is_deleted_from_the_copy() {
    let copying = Copying::new().await;
    let _ = copying.copied().await;
    let keys = copying.registry.keys().await;
    let token = keys.iter().find(|key| key.starts_with("_tokens/")).unwrap();
    copying.registry.remove(token).await;
    let dry_run = records(copying.copy(options(|options| options.mode = BulkMode::DryRun))).await;
    assert_eq!((counted(&dry_run, CopyOutcome::Deleted), counted(&dry_run, CopyOutcome::Copied)), (1, 0));
    assert!(content(copying.target.as_ref()).await.contains_key(token));
    let objects = copying.copied().await;
    let deleted: Vec<_> = objects
        .iter()
        .filter(|object| object.outcome == CopyOutcome::Deleted)
        .map(|object| object.path.as_str())
        .collect();
    assert_eq!(deleted, [token]);
    assert!(copying.is_equal().await);
}

/// The folder of the source is unmounted: what is gone was not deleted.
#[tokio::test]
async fn nothing_is_deleted_for_a_source_that_went_away() {
    for stays in [None, Some("another")] {
        let copying = Copying::new().await;
        let _ = copying.copied().await;
        let before = content(copying.target.as_ref()).await;
        let mut objects = copying.copy(CopyOptions::default());
        let _ = objects.next().await.unwrap().unwrap();
        for key in copying.registry.keys().await {
            copying.registry.remove(&key).await;
        }
        copying.registry.remove(MARKER).await;
        if let Some(id) = stays {
            copying.registry.put(MARKER, json!({ "format": 1, "id": id }).to_string()).await;
        }
        let (_, failures) = outcome(objects).await;
        assert!(failures.iter().any(|failure| failure.contains("mount it again")), "{failures:?}");
        assert_eq!(content(copying.target.as_ref()).await, before);
    }
}

#[tokio::test]
async fn a_tarball_with_other_bytes_is_not_copied_and_the_copy_is_not_finished() {
    for large in [false, true] {
        let copying = Copying::new().await;
        let keys = copying.registry.keys().await;
        let key = keys.iter().find(|key| key.starts_with("pear/-/")).unwrap();
        let good = copying.registry.stored().await[key].clone();
        let bad = if large { Bytes::from(vec![7; (16 << 20) + 1]) } else { "other bytes".into() };
        copying.registry.put(key, bad).await;
        let failures = copying.failures(CopyOptions::default()).await;
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert!(failures[0].contains("is not the tarball that was published"), "{failures:?}");
        assert!(!content(copying.target.as_ref()).await.contains_key(key));
        assert!(!copying.has_marker().await, "no server takes it for a registry");
        copying.registry.put(key, good).await;
        let _ = copying.copied().await;
        assert!(copying.is_equal().await);
    }
}

#[tokio::test]
async fn a_copy_that_was_stopped_anywhere_is_finished_by_the_next_one() {
    let copying = Copying::new().await;
    let writes = copying.copied().await.len() + 3;
    for fault in [Fault::BeforeEffect, Fault::AfterEffect] {
        for number in 0..writes {
            let target = Arc::new(Faulty::new(ObjectStoreBlobs::in_memory(), FaultPlan::NONE));
            let copying = Copying { registry: copying.registry.replica().await, target };
            let calls = AtomicUsize::new(0);
            let is_the_one = move |_: &str| calls.fetch_add(1, Ordering::SeqCst) == number;
            copying.target.fail_next_at(Operation::Put, is_the_one, fault.clone());
            let failures = copying.failures(CopyOptions::default()).await;
            assert_eq!(failures.len(), 1, "write {number} of {writes}: {failures:?}");
            assert!(number + 2 >= writes || !copying.has_marker().await, "write {number}");
            let _ = copying.copied().await;
            assert!(copying.is_equal().await, "write {number}");
        }
    }
}

#[tokio::test]
async fn with_since_an_old_document_is_read_only_if_the_copy_lacks_it() {
    let copying = Copying::new().await;
    let _ = copying.copied().await;
    copying.target.delete(&path("pear/index.json")).await.unwrap();
    let future = SystemClock.now() + Duration::from_hours(1);
    let objects = records(copying.copy(options(|options| options.since = Some(future)))).await;
    let copied: Vec<_> = objects.iter().filter(|object| object.outcome == CopyOutcome::Copied).collect();
    assert_eq!(copied.iter().map(|object| object.path.as_str()).collect::<Vec<_>>(), ["pear/index.json"]);
    assert!(copying.is_equal().await);
}

#[tokio::test]
async fn a_target_that_is_no_copy_of_the_source_is_refused_and_not_changed() {
    let refusal = |failures: Vec<String>| {
        assert_eq!(failures.len(), 1, "{failures:?}");
        failures.into_iter().next().unwrap()
    };
    let copying = Copying::new().await;
    copying.put("photos/holiday.jpg", "not a registry").await;
    let before = content(copying.target.as_ref()).await;
    let refused = refusal(copying.failures(CopyOptions::default()).await);
    assert_eq!(
        refused,
        "cannot copy: the target is not empty, and no copy of the source: copy to an empty one"
    );
    assert_eq!(content(copying.target.as_ref()).await, before);

    let (copying, other) = (Copying::new().await, Copying::new().await);
    let _ = copying.copied().await;
    let before = content(copying.target.as_ref()).await;
    let onto = Copying { registry: other.registry, target: Arc::clone(&copying.target) };
    let refused = refusal(onto.failures(CopyOptions::default()).await);
    assert_eq!(refused, "cannot copy: the target is a copy of another registry: copy to an empty one");

    copying.put("plum/index.json", "published on the copy").await;
    let refused = refusal(copying.failures(CopyOptions::default()).await);
    assert!(
        refused.starts_with("the copy was written to since it was finished, at plum/index.json"),
        "{refused}"
    );
    let _ = records(copying.copy(options(|options| options.even_if_used = true))).await;
    assert_eq!(content(copying.target.as_ref()).await, before);
}

/// Both saw an empty target.
#[tokio::test]
async fn of_two_registries_that_are_copied_to_one_place_one_is_refused() {
    let (copying, other) = (Copying::new().await, Copying::new().await);
    let onto = Copying { registry: other.registry, target: Arc::clone(&copying.target) };
    let gate = Gate::new();
    copying.target.fail_next_at(Operation::Put, |path| path == "_copy.json", Fault::Hold(gate.clone()));
    let second = async {
        gate.reached().await;
        let _ = onto.copied().await;
        gate.open();
    };
    let (failures, ()) = futures::future::join(copying.failures(CopyOptions::default()), second).await;
    let refused = "cannot copy: another copy to the target began: run the command again when it has ended";
    assert_eq!(failures, [refused]);
    assert!(onto.is_equal().await);
}

#[tokio::test]
async fn a_source_that_is_no_whole_registry_is_refused() {
    let copying = Copying::new().await;
    copying.registry.remove(MARKER).await;
    let failures = copying.failures(CopyOptions::default()).await;
    let refused = "cannot copy: the source has no marker _registry.json: start the server on it once, which creates one, or \
                   finish the copy that it is";
    assert_eq!(failures, [refused]);
    copying.registry.put(MARKER, "{").await;
    let failures = copying.failures(CopyOptions::default()).await;
    assert_eq!(failures, ["cannot copy: the marker _registry.json of the source cannot be read"]);
    copying.registry.put(MARKER, r#"{"format":1,"id":"0a"}"#).await;
    copying.registry.put("_copy.json", r#"{"registry":"0a","finished":false}"#).await;
    let failures = copying.failures(CopyOptions::default()).await;
    assert_eq!(
        failures,
        ["cannot copy: the source is itself a copy that did not come to its end: finish it first"]
    );
    assert!(content(copying.target.as_ref()).await.is_empty());
}
