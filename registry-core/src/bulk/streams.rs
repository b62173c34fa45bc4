use std::sync::{Arc, Mutex, PoisonError};

use futures::future::ready;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha512};

use crate::storage::{BlobError, BlobPath, BlobStore, ByteStream, OpenBlob};

use super::BulkError;

/// The largest object in bytes that is read as a whole, if it may be written as a stream.
pub(super) const WHOLE: u64 = 16 << 20;

/// The digest of a stream, and its length.
type Hashed = Arc<Mutex<(Sha512, u64)>>;

/// Whether the path names its content: `…/-/{digest}/{file}.tgz`.
pub(super) fn is_content_addressed(path: &BlobPath) -> bool {
    let segments: Vec<&str> = path.segments().collect();
    matches!(segments.as_slice(), [.., "-", digest, file]
        if digest.len() >= 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) && file.strip_suffix(".tgz").is_some())
}

/// Stores a stream, and reads it back. Nothing is stored of a stream that ends early, or whose SHA-512 `check` refuses.
/// Returns whether the object is still there.
pub(super) async fn store_stream(
    store: &dyn BlobStore,
    path: &BlobPath,
    blob: OpenBlob,
    check: fn(&BlobPath, &[u8]) -> Result<(), BulkError>,
) -> Result<bool, BulkError> {
    let failed = || BulkError::of_object(path);
    let (before, after) = (Hashed::default(), Hashed::default());
    let read = guarded(path, blob.length, hashing(blob.stream, &before), &before, check);
    store.put_stream(path, read).await.map_err(failed())?;
    let Some(written) = store.open(path, None).await.map_err(failed())? else { return Ok(false) };
    hashing(written.stream, &after).try_for_each(|_| ready(Ok(()))).await.map_err(failed())?;
    if digest(&before) == digest(&after) { Ok(true) } else { Err(BulkError::Differs { path: path.clone() }) }
}

/// Hashes what passes.
fn hashing(stream: ByteStream, hashed: &Hashed) -> ByteStream {
    let hashed = Arc::clone(hashed);
    stream
        .inspect_ok(move |chunk| {
            let mut hashed = hashed.lock().unwrap_or_else(PoisonError::into_inner);
            hashed.0.update(chunk);
            hashed.1 += chunk.len() as u64;
        })
        .boxed()
}

/// Adds an error at the end of a stream that must not replace the whole object.
fn guarded(
    path: &BlobPath,
    length: u64,
    stream: ByteStream,
    hashed: &Hashed,
    check: fn(&BlobPath, &[u8]) -> Result<(), BulkError>,
) -> ByteStream {
    let (path, hashed) = (path.clone(), Arc::clone(hashed));
    let end = stream::once(async move {
        let read = hashed.lock().unwrap_or_else(PoisonError::into_inner).1;
        let source = if read == length {
            check(&path, &digest(&hashed)).err()?.into()
        } else {
            format!("it ended after {read} of {length} bytes").into()
        };
        Some(Err(BlobError::Stream { path: path.to_string(), source }))
    });
    stream.chain(end.filter_map(ready)).boxed()
}

/// Returns the SHA-512 of what has passed.
fn digest(hashed: &Hashed) -> Vec<u8> {
    hashed.lock().unwrap_or_else(PoisonError::into_inner).0.clone().finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_name_their_content_are_written_without_a_condition() {
        let digest = "0a".repeat(16);
        let is = |path: &str| is_content_addressed(&BlobPath::parse(path).unwrap());
        assert!(is(&format!("@acme/pear/-/{digest}/pear-1.0.0.tgz")));
        assert!(is(&format!("_upstream/main/pear/-/{digest}/pear-1.0.0.tgz")));
        for path in ["pear/1.0.0.tgz", "pear/index.json", "_stage/0a.tgz", "pear/-/0a/pear-1.0.0.tgz"] {
            assert!(!is(path), "{path}");
        }
    }
}
