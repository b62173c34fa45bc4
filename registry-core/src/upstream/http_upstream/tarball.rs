use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use reqwest::Response;
use tokio::time::{Instant, timeout};

use super::HttpUpstream;
use crate::upstream::{TarballEncoding, UpstreamError, UpstreamTarball};
use crate::vocabulary::BoxError;

#[derive(Debug, thiserror::Error)]
#[error("the tarball stopped: nothing came for {} ms", .0.as_millis())]
struct Stalled(Duration);

#[derive(Debug, thiserror::Error)]
#[error("the tarball was too slow: {bytes} bytes came in {} ms, and the least is {rate} bytes a second", waited.as_millis())]
struct TooSlow {
    bytes: u64,
    waited: Duration,
    rate: u32,
}

/// A tarball that is being received.
struct Receiving {
    response: Response,
    stall_timeout: Duration,
    least_rate: u32,
    bytes: u64,
    /// How long the upstream was waited for. A slow reader does not count.
    waited: Duration,
}

impl Receiving {
    async fn next(&mut self) -> Result<Option<Bytes>, BoxError> {
        let most = self.time_left().min(self.stall_timeout);
        let begun = Instant::now();
        let received = timeout(most, self.response.chunk()).await;
        self.waited += begun.elapsed();
        match received {
            Ok(Ok(chunk)) => {
                self.bytes += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
                Ok(chunk)
            }
            Ok(Err(error)) => Err(error.without_url().into()),
            Err(_) if most < self.stall_timeout => {
                let Self { bytes, waited, least_rate: rate, .. } = *self;
                Err(TooSlow { bytes, waited, rate }.into())
            }
            Err(_) => Err(Stalled(self.stall_timeout).into()),
        }
    }

    /// Returns how long the next bytes may take until the whole is too slow.
    fn time_left(&self) -> Duration {
        let Some(earned) = self.bytes.checked_div(self.least_rate.into()) else { return Duration::MAX };
        self.stall_timeout.saturating_add(Duration::from_secs(earned)).saturating_sub(self.waited)
    }
}

impl HttpUpstream {
    /// Streams the bytes of a response as received. An error ends the stream.
    pub(super) fn passing_on(&self, response: Response, elsewhere: Option<String>) -> UpstreamTarball {
        let encoding = encoding(response.headers());
        let length = response.content_length();
        let upstream = self.to_string();
        let receiving = Receiving {
            response,
            stall_timeout: self.settings.stall_timeout,
            least_rate: self.settings.least_tarball_rate,
            bytes: 0,
            waited: Duration::ZERO,
        };
        let stream = stream::try_unfold((receiving, upstream), |(mut receiving, upstream)| async move {
            match receiving.next().await {
                Ok(chunk) => Ok(chunk.map(|chunk| (chunk, (receiving, upstream)))),
                Err(source) => Err(UpstreamError::Unavailable { upstream, retry_after: None, source }),
            }
        });
        UpstreamTarball { stream: stream.boxed(), length, encoding, elsewhere }
    }
}

fn encoding(headers: &HeaderMap) -> TarballEncoding {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    let only = match (encodings.next(), encodings.next()) {
        (None, _) => return TarballEncoding::Identity,
        (Some(only), None) => only.to_str().unwrap_or_default().trim().to_ascii_lowercase(),
        _ => return TarballEncoding::Other,
    };
    match only.as_str() {
        "" | "identity" => TarballEncoding::Identity,
        "gzip" | "x-gzip" => TarballEncoding::Gzip,
        _ => TarballEncoding::Other,
    }
}
