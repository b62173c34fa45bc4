use registry_core::storage::{BlobETag, BlobPath, BlobStore, Fetched, PutOutcome, When};

use super::super::CheckOutcome;
use super::super::check::{Verdict, ensure, panic_on_failures};

/// Checks that a store never calls a blob missing that something hides, and panics with every way to ask in which it
/// does.
///
/// Put a blob at `path`, hide it in a way that a store of this kind meets in life (a link or a folder in its place, a
/// bucket that is gone, a proxy that answers everything with 404), and call this. Errors are right answers, and so is the
/// blob itself.
pub async fn hidden_blob(store: &dyn BlobStore, path: &BlobPath) {
    panic_on_failures(&store.to_string(), &hidden_blob_report(store, path).await);
}

/// As [`hidden_blob`], but answers what came of each check.
pub async fn hidden_blob_report(store: &dyn BlobStore, path: &BlobPath) -> Vec<CheckOutcome> {
    let outcome =
        |name, verdict: Verdict| CheckOutcome { name, failure: verdict.err().map(|failure| failure.0) };
    vec![
        outcome("a_hidden_blob_is_not_missing", reads(store, path).await),
        outcome("a_hidden_blob_is_not_made_anew", creation(store, path).await),
        outcome("a_hidden_blob_is_not_called_deleted", deletion(store, path).await),
    ]
}

async fn reads(store: &dyn BlobStore, path: &BlobPath) -> Verdict {
    ensure!(!matches!(store.get(path).await, Ok(None)), "get {path}: missing");
    ensure!(!matches!(store.open(path, None).await, Ok(None)), "open {path}: missing");
    let fetched = store.get_if_changed(path, &BlobETag::new("\"0\"")).await;
    ensure!(!matches!(fetched, Ok(Fetched::Missing)), "get_if_changed {path}: missing");
    Ok(())
}

async fn creation(store: &dyn BlobStore, path: &BlobPath) -> Verdict {
    let put = store.put(path, "in its place".into(), When::Absent).await;
    ensure!(!matches!(put, Ok(PutOutcome::Stored(_))), "put {path} Absent: stored");
    Ok(())
}

async fn deletion(store: &dyn BlobStore, path: &BlobPath) -> Verdict {
    if store.delete(path).await.is_ok() {
        // It was reached, then, and is gone.
        ensure!(
            matches!(store.get(path).await, Ok(None)),
            "delete {path}: done, and it cannot be told whether"
        );
    }
    Ok(())
}
