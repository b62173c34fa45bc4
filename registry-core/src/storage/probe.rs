use bytes::Bytes;
use futures::future::join_all;

use super::{Blob, BlobETag, BlobError, BlobPath, BlobPathError, BlobStore, Fetched, Key, PutOutcome, When};

/// How many writers race for one blob.
const RACERS: usize = 8;

/// Why a store cannot hold a registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The store failed.
    #[error("the store could not be probed; check its address, its credentials and that it may be written")]
    Unreachable(#[from] BlobError),
    /// The id is not valid in a path.
    #[error("the id of the probe makes no path in the store; choose letters and digits")]
    Id(#[from] BlobPathError),
    /// Conditional creation does not work.
    #[error(
        "this store ignores If-None-Match: {winners} creations of one key succeeded, so publishes would be lost; \
         use a store with conditional writes, or turn them on"
    )]
    CreatesTwice {
        /// How many of the creations, concurrent or sequential, were reported as stored.
        winners: usize,
    },
    /// Conditional replacement does not work.
    #[error(
        "this store ignores If-Match: {writes}, so publishes would be lost; \
         use a store with conditional writes, or turn them on"
    )]
    IgnoresMatch {
        /// The write that succeeded but must not.
        writes: &'static str,
    },
    /// A write with a correct condition was rejected as a conflict.
    #[error(
        "this store calls a write a conflict though its condition holds ({condition}); \
         look for a proxy that changes ETag or If-Match headers"
    )]
    RefusesRightCondition {
        /// The condition.
        condition: &'static str,
    },
    /// Conditional replacement accepts only `ETag`s without their quotation marks.
    #[error(
        "this store takes an ETag in If-Match only without its quotation marks, which no standard says \
         (older Ceph gateways do so), so nothing could ever be changed; update the store or use another"
    )]
    MatchesUnquoted,
    /// A read does not see the last write.
    #[error(
        "this store does not read what was just written ({read}); use a store that is strongly consistent"
    )]
    StaleRead {
        /// The read that was wrong, and how.
        read: &'static str,
    },
}

/// Verifies that a store has the properties that a registry needs: exact conditions, and reads that see the last write.
///
/// Call it once at startup: a store that silently ignores conditions loses publishes, and several do. `id` must differ
/// between concurrent probes. The probe leaves nothing in the store, even on an error.
///
/// ```
/// use registry_core::storage::{ObjectStoreBlobs, probe};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// probe(&ObjectStoreBlobs::in_memory(), "start-1").await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub async fn probe(store: &dyn BlobStore, id: &str) -> Result<(), ProbeError> {
    let path = Key::Probe(id).path()?;
    store.delete(&path).await?;
    let found = examine(store, &path).await;
    let cleaned = store.delete(&path).await;
    found?;
    cleaned?;
    match store.get(&path).await? {
        None => Ok(()),
        Some(_) => Err(ProbeError::StaleRead { read: "a deleted blob is still there" }),
    }
}

async fn examine(store: &dyn BlobStore, path: &BlobPath) -> Result<(), ProbeError> {
    let winners = race(store, path, "created", &When::Absent).await?;
    if winners.len() > 1 {
        return Err(ProbeError::CreatesTwice { winners: winners.len() });
    }
    let first = written(store, path, &winners, "nothing was there").await?;
    if let PutOutcome::Stored(_) = store.put(path, "again".into(), When::Absent).await? {
        return Err(ProbeError::CreatesTwice { winners: 2 });
    }

    let winners = race(store, path, "replaced", &When::Matches(first.etag.clone())).await?;
    if winners.len() > 1 {
        return Err(ProbeError::IgnoresMatch { writes: "several writes with one ETag succeeded" });
    }
    if winners.is_empty() && store.get(path).await?.as_ref() == Some(&first) {
        return Err(refused_match(store, path, &first.etag).await?);
    }
    let second = written(store, path, &winners, "the ETag was the last one").await?;
    if second.etag == first.etag {
        return Err(ProbeError::StaleRead { read: "a blob that was replaced kept its ETag" });
    }
    if let PutOutcome::Stored(_) = store.put(path, "stale".into(), When::Matches(first.etag.clone())).await? {
        return Err(ProbeError::IgnoresMatch { writes: "a write with an outdated ETag succeeded" });
    }
    examine_reads(store, path, &first.etag, &second).await?;

    store.delete(path).await?;
    if let PutOutcome::Stored(_) = store.put(path, "ghost".into(), When::Matches(second.etag)).await? {
        return Err(ProbeError::IgnoresMatch { writes: "a write with the ETag of a deleted blob succeeded" });
    }
    Ok(())
}

/// Finds why a store replaced nothing although the `ETag` was current.
async fn refused_match(
    store: &dyn BlobStore,
    path: &BlobPath,
    last: &BlobETag,
) -> Result<ProbeError, BlobError> {
    let unquoted = last.as_str().trim_matches('"');
    if unquoted != last.as_str() {
        let when = When::Matches(BlobETag::new(unquoted));
        if let PutOutcome::Stored(_) = store.put(path, "unquoted".into(), when).await? {
            return Ok(ProbeError::MatchesUnquoted);
        }
    }
    Ok(ProbeError::RefusesRightCondition { condition: "the ETag was the last one" })
}

async fn examine_reads(
    store: &dyn BlobStore,
    path: &BlobPath,
    outdated: &BlobETag,
    last: &Blob,
) -> Result<(), ProbeError> {
    if store.get(path).await?.as_ref() != Some(last) {
        return Err(ProbeError::StaleRead { read: "a write that lost has changed the blob" });
    }
    if store.get_if_changed(path, &last.etag).await? != Fetched::Unchanged {
        return Err(ProbeError::StaleRead { read: "an unchanged blob is called changed" });
    }
    match store.get_if_changed(path, outdated).await? {
        Fetched::Changed(blob) if blob == *last => Ok(()),
        _ => Err(ProbeError::StaleRead { read: "a changed blob is not given" }),
    }
}

/// Runs many concurrent writes with one condition; returns the bytes and `ETag`s of those reported as stored.
async fn race(
    store: &dyn BlobStore,
    path: &BlobPath,
    what: &str,
    when: &When,
) -> Result<Vec<Blob>, BlobError> {
    let racers = (0..RACERS).map(|racer| async move {
        // If ETags are digests, a blob that is replaced by the same content keeps its ETag.
        let bytes = Bytes::from(format!("{what} by {racer}"));
        match store.put(path, bytes.clone(), when.clone()).await? {
            PutOutcome::Stored(etag) => Ok(Some(Blob { bytes, etag })),
            PutOutcome::Conflict => Ok(None),
        }
    });
    join_all(racers).await.into_iter().filter_map(Result::transpose).collect()
}

/// Returns the blob after a race. A race without a winner may be due to a lost answer, which the client retried and
/// then saw as a conflict with itself; so it is wrong only if nothing was stored either.
async fn written(
    store: &dyn BlobStore,
    path: &BlobPath,
    winners: &[Blob],
    condition: &'static str,
) -> Result<Blob, ProbeError> {
    match (winners.first(), store.get(path).await?) {
        (None, None) => Err(ProbeError::RefusesRightCondition { condition }),
        (None, Some(blob)) => Ok(blob),
        (Some(winner), Some(blob)) if *winner == blob => Ok(blob),
        (Some(_), _) => Err(ProbeError::StaleRead { read: "the blob is not the one that was stored" }),
    }
}
