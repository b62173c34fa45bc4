use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::header::{CONTENT_LENGTH, LOCATION};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;

/// The body of a fake answer.
pub(crate) type FakeBody = UnsyncBoxBody<Bytes, io::Error>;

/// How a [`FakeUpstream`](super::FakeUpstream) answers: as usual, but for what is said here.
#[derive(Debug, Clone, Default)]
#[must_use = "an answer does nothing until an upstream is told to give it"]
pub struct FakeAnswer {
    status: Option<StatusCode>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Bytes>,
    delay: Duration,
    without_length: bool,
    end: End,
}

#[derive(Debug, Clone, Copy, Default)]
enum End {
    #[default]
    Whole,
    CutAfter(usize),
    StallAfter(usize),
    TrickleAfter(usize, Duration),
    HangUp,
}

impl FakeAnswer {
    /// What a good registry says.
    pub fn usual() -> Self {
        Self::default()
    }

    /// This status, with an error in JSON.
    ///
    /// # Panics
    ///
    /// If HTTP has no such status.
    pub fn status(status: u16) -> Self {
        let Ok(parsed) = StatusCode::from_u16(status) else { panic!("not a status: {status}") };
        Self { status: Some(parsed), ..Self::usual().body(r#"{"error":"scripted"}"#) }
    }

    /// A redirect to this URL.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::status(status).header(LOCATION.as_str(), location)
    }

    /// The connection ends before anything is said.
    pub fn hang_up() -> Self {
        Self { end: End::HangUp, ..Self::default() }
    }

    /// With this header in place of another of the same name.
    ///
    /// # Panics
    ///
    /// If HTTP does not allow such a name or value.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let parsed = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value));
        let (Ok(name), Ok(value)) = parsed else { panic!("not a header: {name}: {value}") };
        self.headers.push((name, value));
        self
    }

    /// With this body, and none of the usual headers.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// After this time.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Without saying how long the body is.
    pub fn without_length(mut self) -> Self {
        self.without_length = true;
        self
    }

    /// The connection breaks after that many bytes of the body.
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.end = End::CutAfter(bytes);
        self
    }

    /// Nothing more comes after that many bytes of the body.
    pub fn stall_after(mut self, bytes: usize) -> Self {
        self.end = End::StallAfter(bytes);
        self
    }

    /// After that many bytes of the body, one byte comes each `pause`.
    pub fn trickle_after(mut self, bytes: usize, pause: Duration) -> Self {
        self.end = End::TrickleAfter(bytes, pause);
        self
    }

    pub(crate) async fn give(self, usual: Response<Bytes>) -> io::Result<Response<FakeBody>> {
        tokio::time::sleep(self.delay).await;
        let mut response = self.body.map_or(usual, Response::new);
        if let Some(status) = self.status {
            *response.status_mut() = status;
        }
        if !self.without_length && response.status() != StatusCode::NOT_MODIFIED {
            let length = response.body().len().into();
            response.headers_mut().insert(CONTENT_LENGTH, length);
        }
        response.headers_mut().extend(self.headers);
        let (whole, end) = (self.without_length, self.end);
        let (head, body) = response.into_parts();
        let body = match end {
            End::HangUp => return Err(io::Error::other("scripted to hang up")),
            End::Whole if !whole => Full::new(body).map_err(|never| match never {}).boxed_unsync(),
            End::Whole => in_pieces(body, stream::empty().boxed()),
            End::CutAfter(bytes) => {
                let cut = stream::once(async {
                    // Lets what was sent so far reach the client.
                    tokio::task::yield_now().await;
                    Err(io::Error::other("scripted to break"))
                });
                in_pieces(body.slice(..bytes.min(body.len())), cut.boxed())
            }
            End::StallAfter(bytes) => {
                in_pieces(body.slice(..bytes.min(body.len())), stream::pending().boxed())
            }
            End::TrickleAfter(bytes, pause) => {
                let mut rest = body.clone();
                let first = rest.split_to(bytes.min(rest.len()));
                let trickle = stream::unfold(rest, move |mut rest| async move {
                    tokio::time::sleep(pause).await;
                    (!rest.is_empty()).then(|| (Ok(Frame::data(rest.split_to(1))), rest))
                });
                in_pieces(first, trickle.boxed())
            }
        };
        Ok(Response::from_parts(head, body))
    }
}

fn in_pieces(body: Bytes, end: stream::BoxStream<'static, io::Result<Frame<Bytes>>>) -> FakeBody {
    let pieces = (!body.is_empty()).then(|| Ok(Frame::data(body)));
    StreamBody::new(stream::iter(pieces).chain(end)).boxed_unsync()
}
