use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt as _};
use http_body::{Frame, SizeHint};

use crate::error::BoxError;

/// The body of a response, or of a hand-made request: empty, bytes, or a stream of known length.
pub struct Body(Inner);

enum Inner {
    Bytes(Bytes),
    /// `remaining` is `None` if the length is unknown.
    Stream {
        stream: BoxStream<'static, Result<Bytes, BoxError>>,
        remaining: Option<u64>,
    },
}

impl Body {
    /// No body.
    pub const fn empty() -> Self {
        Self(Inner::Bytes(Bytes::new()))
    }

    /// A stream of `length` bytes in total.
    pub fn stream(stream: BoxStream<'static, Result<Bytes, BoxError>>, length: u64) -> Self {
        Self(Inner::Stream { stream, remaining: Some(length) })
    }

    /// A stream of unknown length.
    pub fn open_ended(stream: BoxStream<'static, Result<Bytes, BoxError>>) -> Self {
        Self(Inner::Stream { stream, remaining: None })
    }
}

impl<Content: Into<Bytes>> From<Content> for Body {
    fn from(content: Content) -> Self {
        Self(Inner::Bytes(content.into()))
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Inner::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Inner::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Inner::Stream { stream, remaining } => stream.poll_next_unpin(context).map(|chunk| {
                let chunk = chunk?;
                if let Ok(bytes) = &chunk {
                    *remaining = remaining.map(|remaining| remaining.saturating_sub(bytes.len() as u64));
                }
                Some(chunk.map(Frame::data))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Bytes(bytes) => bytes.is_empty(),
            Inner::Stream { remaining, .. } => *remaining == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Stream { remaining, .. } => remaining.map_or_else(SizeHint::new, SizeHint::with_exact),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, length) = match &self.0 {
            Inner::Bytes(bytes) => ("bytes", Some(bytes.len() as u64)),
            Inner::Stream { remaining, .. } => ("stream", *remaining),
        };
        write!(formatter, "Body({kind}, {length:?})")
    }
}
