use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::time::{Instant, timeout};

use crate::Error;
use crate::error::ProxyError;
use crate::upstream::{TarballStream, UpstreamError, UpstreamTarball};

use super::NamedUpstream;

/// The longest pause between two chunks.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After this time a tarball must have arrived
const GRACE: Duration = Duration::from_mins(1);
/// at this many bytes a second or faster.
const SLOWEST: u64 = 4 << 10;

/// Reads a tarball from an upstream and enforces a minimum speed and a maximum size. An upstream that sends a byte now
/// and then would otherwise hold a connection, a slot in the store and every waiting client forever.
pub(super) struct Progress {
    /// The upstream and the URL, for errors.
    id: Arc<str>,
    upstream: String,
    url: Box<str>,
    stream: TarballStream,
    length: Option<u64>,
    most: u64,
    received: u64,
    begun: Instant,
}

impl Progress {
    /// Accepts `most` bytes at most.
    pub(super) fn new(upstream: &NamedUpstream, url: &str, tarball: UpstreamTarball, most: u64) -> Self {
        let UpstreamTarball { stream, length, .. } = tarball;
        let (id, upstream) = (Arc::clone(&upstream.id), upstream.to_string());
        Self { id, upstream, url: url.into(), stream, length, most, received: 0, begun: Instant::now() }
    }

    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Whether the announced length arrived.
    pub(super) fn is_whole(&self) -> bool {
        self.length.is_none_or(|length| length == self.received)
    }

    /// Whether more than the announced length arrived.
    pub(super) fn is_too_long(&self) -> bool {
        self.length.is_some_and(|length| length < self.received)
    }

    /// Whether the announced or received length exceeds the limit.
    pub(super) fn is_too_large(&self) -> bool {
        self.received > self.most || self.length.is_some_and(|length| length > self.most)
    }

    /// Returns the next chunk; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if self.is_too_large() {
            return Err(self.too_large());
        }
        let Ok(chunk) = timeout(LONGEST_PAUSE, self.stream.next()).await else {
            return Err(self.too_slow().into());
        };
        let Some(chunk) = chunk.transpose()? else { return Ok(None) };
        self.received += chunk.len() as u64;
        if self.is_too_large() {
            return Err(self.too_large());
        }
        if self.begun.elapsed() > GRACE + Duration::from_secs(self.received / SLOWEST) {
            return Err(self.too_slow().into());
        }
        Ok(Some(chunk))
    }

    fn too_large(&self) -> Error {
        Error::Proxy(ProxyError::TarballTooLarge { upstream: self.id.to_string(), limit: self.most })
    }

    fn too_slow(&self) -> UpstreamError {
        UpstreamError::Unavailable {
            upstream: self.upstream.clone(),
            retry_after: None,
            source: format!("the tarball at {} arrives too slowly", self.url).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    /// Returns how many bytes arrive of an endless tarball that sends `chunk` bytes every `pause`, and its error.
    async fn drip(chunk: usize, pause: Duration, length: Option<u64>, most: u64) -> (u64, String) {
        let chunks = stream::repeat_with(move || Ok(Bytes::from(vec![0; chunk])));
        let stream = chunks.then(move |chunk| async move {
            tokio::time::sleep(pause).await;
            chunk
        });
        let mut progress = Progress {
            id: "npm".into(),
            upstream: "upstream".into(),
            url: "https://registry.example/pear.tgz".into(),
            stream: stream.boxed(),
            length,
            most,
            received: 0,
            begun: Instant::now(),
        };
        loop {
            if let Err(error) = progress.next().await {
                let mut told = error.to_string();
                let mut cause = std::error::Error::source(&error);
                while let Some(next) = cause {
                    told = format!("{told}: {next}");
                    cause = next.source();
                }
                return (progress.received(), told);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_drip_ends() {
        let begun = Instant::now();
        let (_, error) = drip(1, Duration::from_secs(10), None, 1000).await;
        assert!(error.ends_with("arrives too slowly"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", begun.elapsed());
        let (received, error) = drip(1, Duration::from_mins(1), None, 1000).await;
        assert!(received == 0 && error.ends_with("arrives too slowly"), "{received} {error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_and_steady_stream_passes_up_to_its_limit() {
        let (received, error) = drip(64 << 10, Duration::from_secs(10), None, 10 << 20).await;
        assert!(received > 10 << 20 && error.contains("larger than 10 MiB"), "{received} {error}");
        let (received, error) = drip(1, Duration::ZERO, Some(4 << 20), 2 << 20).await;
        assert!(received == 0 && error.contains("larger than 2 MiB"), "{received} {error}");
    }
}
