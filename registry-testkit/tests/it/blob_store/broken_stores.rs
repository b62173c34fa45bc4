use std::sync::Arc;

use registry_core::storage::BlobPath;
use registry_testkit::conformance::{self, CheckOutcome};

use super::NO_URLS;
use super::broken::{Broken, Flaw};

async fn report(flaw: Flaw) -> Vec<CheckOutcome> {
    conformance::blob_store_report(|| async move { Arc::new(Broken::new(flaw)) as _ }, NO_URLS).await
}

/// Checks that find some flaws only when tasks happen to meet, and so may pass by chance.
const BY_CHANCE: [&str; 3] = [
    "increments_are_not_lost",
    "dropped_writes_lose_no_acknowledged_write",
    "dropped_creations_leave_all_or_nothing",
];

/// The names of the checks that a store with this flaw always fails.
async fn failed_checks(flaw: Flaw) -> Vec<&'static str> {
    let failed = report(flaw).await.into_iter().filter(|check| check.failure.is_some());
    failed.map(|check| check.name).filter(|name| !BY_CHANCE.contains(name)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_ignores_conditions_is_found_out() {
    assert_eq!(
        failed_checks(Flaw::IgnoresConditions).await,
        [
            "a_folder_is_not_a_blob",
            "absent_stores_only_where_nothing_is",
            "matches_stores_only_over_the_last_etag",
            "matches_never_stores_where_nothing_is",
            "a_stream_replaces_what_is_there",
            "of_many_creations_one_wins",
            "of_many_replacements_of_one_state_one_wins",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_ignores_matches_is_found_out() {
    assert_eq!(
        failed_checks(Flaw::IgnoresMatches).await,
        [
            "a_folder_is_not_a_blob",
            "matches_stores_only_over_the_last_etag",
            "matches_never_stores_where_nothing_is",
            "a_stream_replaces_what_is_there",
            "of_many_replacements_of_one_state_one_wins",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_compares_too_early_is_found_out() {
    assert_eq!(failed_checks(Flaw::ComparesTooEarly).await, ["of_many_creations_one_wins"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_tags_by_length_is_found_out() {
    assert_eq!(
        failed_checks(Flaw::TagsByLength).await,
        [
            "the_etag_changes_with_each_write",
            "an_unchanged_blob_is_not_given_again",
            "matches_stores_only_over_the_last_etag",
            "matches_never_stores_where_nothing_is",
            "a_stream_replaces_what_is_there",
            "of_many_replacements_of_one_state_one_wins",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_shows_half_streams_is_found_out() {
    assert_eq!(
        failed_checks(Flaw::ShowsHalfStreams).await,
        [
            "a_failing_stream_stores_nothing",
            "a_failing_stream_leaves_the_old_blob",
            "a_dropped_stream_stores_nothing"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_lists_unsorted_is_found_out() {
    assert_eq!(
        failed_checks(Flaw::ListsUnsorted).await,
        [
            "a_listing_is_sorted_by_bytes",
            "a_prefix_is_whole_segments",
            "a_listing_tells_length_and_time",
            "a_long_listing_is_whole"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_forgets_deletes_leaves_something_behind() {
    let report = report(Flaw::ForgetsDeletes).await;
    let always = report.into_iter().find(|check| check.name == "always_replaces").unwrap();
    assert_eq!(always.failure.unwrap(), "left behind: conformance/always");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_removes_before_it_replaces_is_found_out() {
    let failed = failed_checks(Flaw::RemovesBeforeItReplaces).await;
    assert!(failed.contains(&"a_reader_sees_old_or_new"), "{failed:?}");
}

#[tokio::test]
async fn a_store_that_calls_what_it_cannot_reach_missing_is_found_out() {
    let store = Broken::new(Flaw::CallsFailuresMissing);
    let report = conformance::hidden_blob_report(&store, &BlobPath::parse("pear/index.json").unwrap()).await;
    let failures: Vec<_> = report.into_iter().map(|check| check.failure).collect();
    assert_eq!(
        failures,
        [
            Some("get pear/index.json: missing".to_owned()),
            Some("put pear/index.json Absent: stored".to_owned()),
            None,
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_fails_after_the_end_is_found_out() {
    assert_eq!(failed_checks(Flaw::FailsAfterTheEnd).await, ["a_range_is_cut_at_the_end"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[should_panic(
    expected = "broken(memory: FailsAfterTheEnd) breaks its contract:\n  a_range_is_cut_at_the_end: "
)]
async fn the_panic_names_the_store_and_the_check() {
    conformance::blob_store(|| async { Arc::new(Broken::new(Flaw::FailsAfterTheEnd)) as _ }, NO_URLS).await;
}
