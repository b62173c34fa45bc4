use futures::TryStreamExt;
use registry_core::storage::{BlobPrefix, BlobStore, LocalDisk, ObjectStoreBlobs, ProbeError, probe};
use registry_testkit::faulty::{Fault, FaultPlan, Faulty, Operation};

use super::broken::{Broken, Flaw};

async fn is_empty(store: &dyn BlobStore) -> bool {
    store.list(&BlobPrefix::ROOT).try_collect::<Vec<_>>().await.unwrap().is_empty()
}

#[tokio::test]
async fn sound_stores_pass_and_are_left_empty() {
    let folder = tempfile::tempdir().unwrap();
    let stores: [Box<dyn BlobStore>; 2] =
        [Box::new(ObjectStoreBlobs::in_memory()), Box::new(LocalDisk::open(folder.path()).unwrap())];
    for store in stores {
        probe(&*store, "one").await.unwrap();
        assert!(is_empty(&*store).await, "{store}");
    }
}

#[tokio::test]
async fn a_store_that_ignores_conditions_is_told_in_words() {
    let store = Broken::new(Flaw::IgnoresConditions);
    let error = probe(&store, "one").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "this store ignores If-None-Match: 8 creations of one key succeeded, so publishes would be lost; \
         use a store with conditional writes, or turn them on"
    );
    assert!(is_empty(&store).await);
}

#[tokio::test]
async fn a_store_that_compares_too_early_loses_the_race() {
    let error = probe(&Broken::new(Flaw::ComparesTooEarly), "one").await.unwrap_err();
    assert!(matches!(error, ProbeError::CreatesTwice { winners: 2.. }), "{error}");
}

#[tokio::test]
async fn a_store_that_ignores_matches_is_told_in_words() {
    let store = Broken::new(Flaw::IgnoresMatches);
    let error = probe(&store, "one").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "this store ignores If-Match: several writes with one ETag succeeded, so publishes would be lost; \
         use a store with conditional writes, or turn them on"
    );
    assert!(is_empty(&store).await);
}

#[tokio::test]
async fn a_store_that_forgets_deletes_is_refused() {
    let error = probe(&Broken::new(Flaw::ForgetsDeletes), "one").await.unwrap_err();
    assert!(matches!(error, ProbeError::IgnoresMatch { .. } | ProbeError::StaleRead { .. }), "{error}");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_not_called_broken() {
    let store = Faulty::new(ObjectStoreBlobs::in_memory(), FaultPlan::NONE);
    store.fail_next(Operation::Put, Fault::Refused);
    let error = probe(&store, "one").await.unwrap_err();
    assert!(matches!(error, ProbeError::Unreachable(_)), "{error}");
    assert!(is_empty(&store).await);
}

/// A write whose answer was lost, tried again by the client: the second try meets the first.
#[tokio::test]
async fn a_lost_answer_is_no_flaw() {
    let store = Faulty::new(ObjectStoreBlobs::in_memory(), FaultPlan::NONE);
    store.fail_next(Operation::Put, Fault::AfterEffect);
    let error = probe(&store, "one").await.unwrap_err();
    assert!(matches!(error, ProbeError::Unreachable(_)), "{error}");
    probe(&store, "one").await.unwrap();
}
