use std::fs::File;
use std::io::Read as _;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::try_unfold;
use registry_core::upstream::{TarballStream, UpstreamError};
use tokio::task::spawn_blocking;

/// How many bytes are read at once.
const CHUNK: u64 = 1 << 20;

/// Streams a file of the registry `upstream`, off the async threads.
pub(super) fn chunks(file: File, upstream: String) -> TarballStream {
    let chunks = try_unfold((file, upstream), |(mut file, upstream)| async move {
        let unreadable = |reason: String| UpstreamError::Unreadable { upstream: upstream.clone(), reason };
        let read = spawn_blocking(move || {
            let mut chunk = Vec::new();
            (&mut file).take(CHUNK).read_to_end(&mut chunk).map(|_| (chunk, file))
        });
        let (chunk, file) = match read.await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return Err(unreadable(error.to_string())),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        Ok((!chunk.is_empty()).then(|| (Bytes::from(chunk), (file, upstream))))
    });
    chunks.boxed()
}
