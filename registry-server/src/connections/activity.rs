use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The activity on one connection.
///
/// A client can hold a connection in ways that HTTP permits: it reads nothing of an answer, grants no HTTP/2 window, or
/// answers PINGs and sends no request. All of them look alike here: the server has no work, no request arrives, and no
/// more bytes leave than arrive.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Requests being answered, and bodies that wait for the registry.
    working: AtomicUsize,
    requests: AtomicU64,
    read: AtomicU64,
    written: AtomicU64,
}

/// The minimum activity in each window, unless the server has work for the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) window: Duration,
    /// Bytes that the client must read.
    pub(super) least: u64,
}

impl Activity {
    /// Marks the server as working until the guard is dropped.
    pub(super) fn work(self: &Arc<Self>) -> Working {
        self.working.fetch_add(1, Ordering::Relaxed);
        Working(Arc::clone(self))
    }

    pub(super) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    fn seen(&self) -> (u64, u64, u64) {
        let number = |number: &AtomicU64| number.load(Ordering::Relaxed);
        (number(&self.requests), number(&self.read), number(&self.written))
    }

    /// Completes once the client has held the connection for a window without the activity that the pace requires.
    pub(super) async fn stalls(&self, pace: Pace) {
        let mut before = self.seen();
        loop {
            tokio::time::sleep(pace.window).await;
            let now = self.seen();
            let (requests, read, written) = (now.0 - before.0, now.1 - before.1, now.2 - before.2);
            // The answer to a PING is as long as the PING, and is not progress.
            let taken = written.saturating_sub(read);
            if requests == 0 && taken < pace.least && self.working.load(Ordering::Relaxed) == 0 {
                return;
            }
            before = now;
        }
    }
}

/// Marks that the server works for a connection.
#[derive(Debug)]
pub(super) struct Working(Arc<Activity>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.working.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The stream of a connection, which counts its bytes.
#[derive(Debug)]
pub(super) struct Counted {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl Counted {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }

    fn count_written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(length)) = written {
            self.activity.written.fetch_add(length as u64, Ordering::Relaxed);
        }
        written
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.activity.read.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.count_written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.count_written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The body of an answer. While it waits for the registry, the server is working; once it yields bytes, the client has
/// to read.
#[derive(Debug)]
pub(super) struct Delivered<B> {
    body: B,
    activity: Arc<Activity>,
    working: Option<Working>,
}

impl<B> Delivered<B> {
    pub(super) fn new(body: B, activity: Arc<Activity>) -> Self {
        Self { body, activity, working: None }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Delivered<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            self.working = None;
        } else if self.working.is_none() {
            self.working = Some(self.activity.work());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures::poll;

    use super::*;

    const PACE: Pace = Pace { window: Duration::from_mins(1), least: 100 };

    /// Whether a connection is closed after a window with this activity.
    async fn is_given_up(happens: impl FnOnce(&Arc<Activity>)) -> bool {
        let activity = Arc::new(Activity::default());
        let mut stalls = Box::pin(activity.stalls(PACE));
        assert_eq!(poll!(&mut stalls), Poll::Pending);
        happens(&activity);
        tokio::time::advance(PACE.window).await;
        poll!(&mut stalls).is_ready()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_neither_sends_nor_reads_is_closed() {
        let add = |number: &AtomicU64, amount| {
            number.fetch_add(amount, Ordering::Relaxed);
        };
        assert!(is_given_up(|_| {}).await);
        assert!(is_given_up(|activity| add(&activity.written, 99)).await);
        assert!(!is_given_up(|activity| add(&activity.written, 100)).await);
        assert!(!is_given_up(|activity| activity.count_request()).await);
        assert!(!is_given_up(|activity| std::mem::forget(activity.work())).await);
        assert!(is_given_up(|activity| drop(activity.work())).await);
        let pings = |activity: &Arc<Activity>| {
            add(&activity.read, 17_000);
            add(&activity.written, 17_000);
        };
        assert!(is_given_up(pings).await);
    }
}
