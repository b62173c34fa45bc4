use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize as _;
use tokio::time::Instant;
use url::form_urlencoded;

use crate::auth::Caller;
use crate::changes::{Change, ChangePage};
use crate::error::BoxError;
use crate::{Error, Registry};

use super::answer::json_bytes;
use super::body::Body;
use super::handle::Call;
use super::status::Failure;

/// The media type of server-sent events.
const EVENT_STREAM: &str = "text/event-stream";
/// The number of the last event that a client got before it connected again.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How many changes a page has if the query does not say.
const USUAL_LIMIT: usize = 100;
/// How many changes of a stream are read at once.
const STREAM_LIMIT: usize = 100;
/// How often a stream looks for changes that other replicas made.
const POLL: Duration = Duration::from_secs(2);
/// After how long without a change a stream sends a comment, so that no proxy takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a stream lasts. The client connects again with its credential, which may have been revoked meanwhile, and under the
/// present access rules.
const LONGEST_STREAM: Duration = Duration::from_mins(1);

/// What a request for the change feed asks for.
#[derive(Debug, PartialEq, Eq)]
struct Query {
    since: u64,
    limit: usize,
}

impl Call<'_> {
    pub(super) async fn changes(self) -> Result<Response<Body>, Failure> {
        let mut query = read_query(self.request.uri.query().unwrap_or_default())?;
        let is_stream = self.header(ACCEPT).is_some_and(|accept| accept.contains(EVENT_STREAM));
        if !is_stream {
            let page = self.registry.changes(&self.caller, query.since, query.limit).await?;
            let json = serde_json::to_vec(&page).map_err(Error::internal)?;
            return Ok(json_bytes(StatusCode::OK, json));
        }
        if let Some(last) = self.header(LAST_EVENT_ID) {
            query.since = number("Last-Event-ID", last)?;
        }
        // The first page is read before the answer begins, so that an error has its status.
        let page = self.registry.changes(&self.caller, query.since, STREAM_LIMIT).await?;
        let mut response = Response::new(event_stream(self.registry.clone(), self.caller, query.since, page));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

fn read_query(query: &str) -> Result<Query, Error> {
    let mut read = Query { since: 0, limit: USUAL_LIMIT };
    for (field, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*field {
            "since" => read.since = number("since", &value)?,
            "limit" => read.limit = number("limit", &value)?,
            _ => {}
        }
    }
    Ok(read)
}

fn number<T: std::str::FromStr>(field: &str, value: &str) -> Result<T, Error> {
    value.parse().map_err(|_| Error::request(format!("`{field}` must be a number from 0 up")))
}

/// Where a stream is.
struct Streaming {
    registry: Registry,
    caller: Caller,
    /// Changes that are not sent yet.
    page: Option<ChangePage>,
    since: u64,
    ends: Instant,
}

fn event_stream(registry: Registry, caller: Caller, since: u64, page: ChangePage) -> Body {
    let ends = Instant::now() + LONGEST_STREAM;
    let state = Streaming { registry, caller, since, page: Some(page), ends };
    let chunks = stream::unfold(state, |mut state| async move {
        let chunk = state.next_chunk().await?;
        Some((chunk, state))
    });
    Body::open_ended(chunks.boxed())
}

impl Streaming {
    /// Returns the next events, or a comment if there are none for a while; `None` at the end of the stream.
    async fn next_chunk(&mut self) -> Option<Result<Bytes, BoxError>> {
        let keep_alive = Instant::now() + KEEP_ALIVE;
        let mut page = self.page.take();
        loop {
            let now = Instant::now();
            if let Some(text) = page.take().and_then(|page| self.render(&page)) {
                return Some(Ok(text.into()));
            }
            if now >= self.ends || self.registry.have_change_streams_ended() {
                return None;
            }
            if now >= keep_alive {
                return Some(Ok(Bytes::from_static(b":\n\n")));
            }
            let wait = self.registry.wait_for_changes(self.since);
            let _ = tokio::time::timeout_at(keep_alive.min(now + POLL), wait).await;
            match self.registry.with_access_snapshot().changes(&self.caller, self.since, STREAM_LIMIT).await {
                Ok(next) => page = Some(next),
                Err(error) => {
                    tracing::warn!(%error, "a stream of changes ends early");
                    return None;
                }
            }
        }
    }

    /// Renders a page; `None` if it has nothing new.
    fn render(&mut self, page: &ChangePage) -> Option<String> {
        let mut text = String::new();
        for change in &page.changes {
            let kind = kind_of(change);
            let data = serde_json::to_string(change).ok()?;
            let _ = write!(text, "id: {}\nevent: {kind}\ndata: {data}\n\n", change.seq);
        }
        let last_sent = page.changes.last().map(|change| change.seq);
        if page.last_seq > self.since && last_sent != Some(page.last_seq) {
            // The client need not ask again for what it may not see.
            let _ = write!(text, "id: {}\n\n", page.last_seq);
        }
        self.since = page.last_seq;
        Some(text).filter(|text| !text.is_empty())
    }
}

fn kind_of(change: &Change) -> String {
    let kind = change.event.kind.serialize(serde_json::value::Serializer);
    kind.ok().and_then(|kind| Some(kind.get("kind")?.as_str()?.to_owned())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_strictly_where_it_counts() {
        assert_eq!(read_query("").unwrap(), Query { since: 0, limit: 100 });
        assert_eq!(read_query("since=7&limit=2&feed=normal").unwrap(), Query { since: 7, limit: 2 });
        for query in ["since=-1", "since=now", "limit=x", "limit="] {
            assert!(read_query(query).is_err(), "{query}");
        }
    }
}
