use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use registry_core::error::BoxError;
use tokio::time::Sleep;

/// The slowest permitted rate of sending.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// The longest pause.
    pub(super) pause: Duration,
    /// In this much time spent waiting for the client, …
    pub(super) window: Duration,
    /// … it must have sent this many bytes.
    pub(super) least: u64,
}

/// The body of a request, which fails if its client pauses for too long or sends too slowly. It would otherwise hold a
/// connection, and the memory of the body, forever.
pub(super) struct Patient<B> {
    body: B,
    patience: Patience,
    pause: Option<(Instant, Pin<Box<Sleep>>)>,
    /// Time spent waiting in this window.
    waited: Duration,
    /// Bytes received in this window.
    received: u64,
}

impl<B> Patient<B> {
    pub(super) fn new(body: B, patience: Patience) -> Self {
        Self { body, patience, pause: None, waited: Duration::ZERO, received: 0 }
    }

    /// Records received bytes. Returns whether the client is fast enough.
    fn take_note(&mut self, length: usize) -> bool {
        self.received += length as u64;
        if let Some((since, _)) = self.pause.take() {
            self.waited += since.elapsed();
        }
        if self.waited < self.patience.window {
            return true;
        }
        let is_fast = self.received >= self.patience.least;
        (self.waited, self.received) = (Duration::ZERO, 0);
        is_fast
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for Patient<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
            if !self.take_note(data.map_or(0, Bytes::len)) && data.is_some() {
                return Poll::Ready(Some(Err("the client sends the body too slowly".into())));
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let pause = self.patience.pause;
        let begin = || (Instant::now(), Box::pin(tokio::time::sleep(pause)));
        let (_, sleep) = self.pause.get_or_insert_with(begin);
        ready!(sleep.as_mut().poll(context));
        Poll::Ready(Some(Err("the client stopped sending in the middle of the body".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
