use std::sync::{Arc, Mutex, PoisonError};

use futures::future::ready;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha512};

use crate::storage::{BlobError, BlobPath, ByteStream};

/// The largest object in bytes that is read as a whole, if it may be written as a stream.
pub(super) const WHOLE: u64 = 16 << 20;

/// The digest of a stream, and its length.
pub(super) type Hashed = Arc<Mutex<(Sha512, u64)>>;

/// Whether the path names its content: `…/-/{digest}/{file}.tgz`.
pub(super) fn is_content_addressed(path: &BlobPath) -> bool {
    let segments: Vec<&str> = path.segments().collect();
    matches!(segments.as_slice(), [.., "-", digest, file]
        if digest.len() >= 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) && file.strip_suffix(".tgz").is_some())
}

/// Hashes what passes.
pub(super) fn hashing(stream: ByteStream, hashed: &Hashed) -> ByteStream {
    let hashed = Arc::clone(hashed);
    stream
        .inspect_ok(move |chunk| {
            let mut hashed = hashed.lock().unwrap_or_else(PoisonError::into_inner);
            hashed.0.update(chunk);
            hashed.1 += chunk.len() as u64;
        })
        .boxed()
}

/// Adds an error at the end of a stream that ends early, so that no part of a tarball replaces the whole.
pub(super) fn complete(path: &BlobPath, length: u64, stream: ByteStream, hashed: &Hashed) -> ByteStream {
    let (path, hashed) = (path.to_string(), Arc::clone(hashed));
    let end = stream::once(async move {
        let read = hashed.lock().unwrap_or_else(PoisonError::into_inner).1;
        let source = || format!("it ended after {read} of {length} bytes").into();
        (read != length).then(|| Err(BlobError::Stream { path, source: source() }))
    });
    stream.chain(end.filter_map(ready)).boxed()
}

/// Returns the SHA-512 of what has passed.
pub(super) fn digest(hashed: &Hashed) -> Vec<u8> {
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
