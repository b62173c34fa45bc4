use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;

use crate::Error;
use crate::error::BoxError;
use crate::error::RequestError;

/// The most memory reserved before the body arrives, regardless of the declared length.
const FIRST_RESERVE: u64 = 1 << 20;

/// The body of a request, not yet read. The mutex is never locked: it makes the body `Sync`, and all access is through
/// `&mut`.
pub(super) struct Incoming(Mutex<Option<UnsyncBoxBody<Bytes, BoxError>>>);

impl Incoming {
    pub(super) fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Mutex::new((!body.is_end_stream()).then(|| body.map_err(Into::into).boxed_unsync())))
    }

    fn unread(&mut self) -> &mut Option<UnsyncBoxBody<Bytes, BoxError>> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the whole body, if it is at most `limit` bytes long.
    pub(super) async fn read(&mut self, limit: usize) -> Result<Bytes, Error> {
        let Some(body) = self.unread() else { return Ok(Bytes::new()) };
        let declared = http_body::Body::size_hint(body).lower();
        if declared > limit as u64 {
            return Err(Error::Request(RequestError::TooLarge { limit }));
        }
        let mut bytes = BytesMut::with_capacity(declared.min(FIRST_RESERVE) as usize);
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|_| Error::request("the request's body ended before it was complete"))?;
            if let Ok(data) = frame.into_data() {
                if bytes.len() + data.len() > limit {
                    return Err(Error::Request(RequestError::TooLarge { limit }));
                }
                bytes.extend_from_slice(&data);
            }
        }
        *self.unread() = None;
        Ok(bytes.freeze())
    }

    /// Reads and discards the rest of the body, up to `limit` bytes. Clients that are still sending do not read the
    /// answer, and would report a broken connection instead.
    ///
    /// Reads nothing if the client sent `Expect: 100-continue`: reading would ask it to send.
    pub(super) async fn drain(&mut self, limit: usize) {
        let Some(body) = self.unread() else { return };
        let mut left = limit;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            if length > left {
                return;
            }
            left -= length;
        }
    }
}
