use crate::Error;

/// Above this many bytes, work on a document leaves the async threads.
const INLINE_BYTES: usize = 256 << 10;

/// Runs a future to its end even if the one who waits for it goes away: a client that hangs up must not leave
/// a half-done write.
pub(super) async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(broken) => Err(Error::Internal(Box::new(broken))),
    }
}

/// Runs pure work on a document of `bytes` bytes: here if that is quick, else on a blocking thread.
pub(crate) async fn compute<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    if bytes <= INLINE_BYTES { Ok(work()) } else { compute_elsewhere(work).await }
}

/// Runs pure work on a blocking thread: what takes long, or may be made to by a hostile client.
pub(crate) async fn compute_elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|broken| Error::Internal(Box::new(broken)))
}
