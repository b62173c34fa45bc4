use std::time::Duration;

use futures::{StreamExt as _, stream};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use reqwest::Response;

use super::HttpUpstream;
use crate::upstream::{TarballEncoding, UpstreamError, UpstreamTarball};
use crate::vocabulary::BoxError;

#[derive(Debug, thiserror::Error)]
#[error("the tarball stopped: nothing came for {} ms", .0.as_millis())]
struct Stalled(Duration);

impl HttpUpstream {
    /// Streams the bytes of a response as received. An error ends the stream.
    pub(super) fn passing_on(&self, response: Response, elsewhere: Option<String>) -> UpstreamTarball {
        let encoding = encoding(response.headers());
        let length = response.content_length();
        let (upstream, stall_timeout) = (self.to_string(), self.settings.stall_timeout);
        let unavailable = move |source: BoxError| UpstreamError::Unavailable {
            upstream: upstream.clone(),
            retry_after: None,
            source,
        };
        let stream =
            stream::try_unfold((response, unavailable), move |(mut response, unavailable)| async move {
                match tokio::time::timeout(stall_timeout, response.chunk()).await {
                    Ok(Ok(chunk)) => Ok(chunk.map(|chunk| (chunk, (response, unavailable)))),
                    Ok(Err(error)) => Err(unavailable(error.without_url().into())),
                    Err(_) => Err(unavailable(Stalled(stall_timeout).into())),
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
