use tracing::Instrument as _;

/// A task panicked, or the runtime that ran it was shut down.
#[derive(Debug, thiserror::Error)]
#[error("the work broke off")]
pub(crate) struct TaskFailed(#[from] tokio::task::JoinError);

/// Work on a larger document runs on a blocking thread.
const INLINE_BYTES: usize = 256 << 10;

/// Runs a future to its end even if its caller is dropped, so that a client that hangs up leaves no half-done write.
pub(crate) async fn detached<T: Send + 'static, Error: From<TaskFailed> + Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work.in_current_span()).await.map_err(TaskFailed)?
}

/// Runs pure work on a document of `bytes` bytes: inline up to 256 KiB, on a blocking thread above.
pub(crate) async fn compute<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, TaskFailed> {
    if bytes <= INLINE_BYTES { Ok(work()) } else { compute_elsewhere(work).await }
}

/// Runs pure work on a blocking thread. Use it for work that takes long, or that a hostile client can make long.
pub(crate) async fn compute_elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, TaskFailed> {
    Ok(tokio::task::spawn_blocking(work).await?)
}
