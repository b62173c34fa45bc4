use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use registry_core::error::BoxError;
use tokio::time::Sleep;

/// The body of a request that breaks off when its client pauses for too long: whoever stops sending would
/// otherwise hold a connection for ever, and the memory that is kept for the body with it.
pub(super) struct Patient<B> {
    body: Pin<Box<B>>,
    patience: Duration,
    pause: Option<Pin<Box<Sleep>>>,
}

impl<B> Patient<B> {
    pub(super) fn new(body: B, patience: Duration) -> Self {
        Self { body: Box::pin(body), patience, pause: None }
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Body for Patient<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = self.body.as_mut().poll_frame(context) {
            self.pause = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let patience = self.patience;
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(pause.as_mut().poll(context));
        Poll::Ready(Some(Err("the client stopped sending in the middle of the body".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
