mod cancellation;
mod concurrency;
mod conditions;
mod ground;
mod hidden;
mod listing;
mod paths;
mod reads;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use futures::future::BoxFuture;
use registry_core::storage::{BlobPrefix, BlobStore, ListedBlob, SignedUrlOptions};
use tokio::time::timeout;

use super::CheckOutcome;
use super::check::{Failure, Verdict, ensure, panic_on_failures};
use ground::Ground;
pub use hidden::{hidden_blob, hidden_blob_report};

/// How long a check may take before it is called stuck.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a store declares that it can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlobStoreCapabilities {
    /// Whether [`BlobStore::signed_url`] gives URLs.
    pub signed_urls: bool,
}

/// A check, named by what it shows.
pub(crate) struct Check {
    name: &'static str,
    run: fn(Ground) -> BoxFuture<'static, Verdict>,
}

/// Names each check as its function.
macro_rules! checks {
    ($($check:ident),+ $(,)?) => {
        pub(super) const CHECKS: &[$crate::conformance::blob_store::Check] =
            &[$($crate::conformance::blob_store::Check { name: stringify!($check), run: |ground| Box::pin($check(ground)) }),+];
    };
}
use checks;

/// Checks a store against the contract of [`BlobStore`], and panics with every check that it fails.
///
/// `make` gives an empty store, and is asked once per check; what a check wrote, it removes. To be run on a
/// multi-threaded runtime, or races will not show.
pub async fn blob_store<Make, Made>(make: Make, capabilities: BlobStoreCapabilities)
where
    Make: Fn() -> Made + Sync,
    Made: Future<Output = Arc<dyn BlobStore>> + Send,
{
    let subject = make().await.to_string();
    panic_on_failures(&subject, &blob_store_report(make, capabilities).await);
}

/// As [`blob_store`], but answers what came of each check.
pub async fn blob_store_report<Make, Made>(
    make: Make,
    capabilities: BlobStoreCapabilities,
) -> Vec<CheckOutcome>
where
    Make: Fn() -> Made + Sync,
    Made: Future<Output = Arc<dyn BlobStore>> + Send,
{
    let suites = [
        reads::CHECKS,
        conditions::CHECKS,
        streams::CHECKS,
        listing::CHECKS,
        paths::CHECKS,
        concurrency::CHECKS,
        cancellation::CHECKS,
        CHECKS,
    ];
    let mut report = Vec::new();
    for check in suites.into_iter().flatten() {
        let ground = Ground::new(make().await, capabilities);
        report.push(CheckOutcome {
            name: check.name,
            failure: run(check, ground).await.err().map(|why| why.0),
        });
    }
    report
}

checks![signed_urls_are_given_as_declared];

async fn signed_urls_are_given_as_declared(ground: Ground) -> Verdict {
    let url = ground
        .store
        .signed_url(&ground.path("signed"), Duration::from_mins(1), SignedUrlOptions::default())
        .await?;
    let declared = ground.capabilities.signed_urls;
    ensure!(
        url.is_some() == declared,
        "signed URLs were declared as {declared}, and one was given: {}",
        url.is_some()
    );
    if let Some(url) = url {
        ensure!(
            matches!(url.scheme(), "http" | "https"),
            "the signed URL is not of the web: {}",
            url.scheme()
        );
    }
    Ok(())
}

/// Runs one check in a task of its own, so that a store that panics fails the check and not the suite.
async fn run(check: &Check, ground: Ground) -> Verdict {
    let verdict = match timeout(PATIENCE, tokio::spawn((check.run)(ground.clone()))).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(panic)) => Err(Failure(format!("the store panicked: {panic}"))),
        Err(_) => Err(Failure(format!("not done after {} seconds", PATIENCE.as_secs()))),
    };
    let left = leaves_nothing_behind(&ground).await;
    verdict.and(left)
}

/// After every path that the check used was deleted, the store must be as empty as before.
async fn leaves_nothing_behind(ground: &Ground) -> Verdict {
    // Blobs before the folders that they are in, which some checks name too.
    let mut used = ground.used();
    used.sort_unstable_by(|one, other| other.cmp(one));
    for path in used {
        ground.store.delete(&path).await?;
    }
    let left: Vec<ListedBlob> = ground.store.list(&BlobPrefix::ROOT).try_collect().await?;
    for blob in &left {
        ground.store.delete(&blob.path).await?;
    }
    let left: Vec<_> = left.iter().map(|blob| blob.path.as_str()).collect();
    ensure!(left.is_empty(), "left behind: {}", left.join(", "));
    let folders = ground.store.list_folders(&BlobPrefix::ROOT).await?;
    ensure!(folders.is_empty(), "folders left behind: {}", folders.join(", "));
    Ok(())
}
