use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::sync::Cache;

use crate::Error;
use crate::domain::PackageName;
use crate::error::ProxyError;
use crate::proxy::Proxy;
use crate::upstream::{PackumentForm, UpstreamError};

use super::NamedUpstream;
use super::document::CacheEntry;
use super::freshness::{Document, State};
use super::inflight::Wanted;

/// The minimum interval at which an upstream is asked again about one package because the cached document lacks
/// something. Requests for versions that do not exist must not all reach the upstream.
const INTERVAL: Duration = Duration::from_secs(2);
/// How many such requests are remembered.
const ENTRIES: u64 = 10_000;

/// The versions and tags that cached documents lacked and upstreams were asked for.
#[derive(Debug)]
pub(super) struct Misses {
    /// When the upstream was last asked about a package.
    asked: Cache<(Arc<str>, PackageName), DateTime<Utc>>,
    /// When the upstream was last found to lack a version or a tag.
    absent: Cache<(Arc<str>, PackageName, Box<str>), DateTime<Utc>>,
}

impl Default for Misses {
    fn default() -> Self {
        Self { asked: Cache::new(ENTRIES), absent: Cache::new(ENTRIES) }
    }
}

impl Proxy {
    /// Asks an upstream once for a newer document than `known`, which lacks a version or a tag: it may have been
    /// published a moment ago and come from a lockfile or another registry. `None` if the interval has not passed, or
    /// the document is unchanged.
    pub(super) async fn ask_for_what_is_missing(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
        selector: &str,
        known: &CacheEntry,
    ) -> Result<Option<Arc<Document>>, Error> {
        let parts = &self.parts.upstream;
        let (misses, now) = (&parts.documents.misses, self.parts.clock.now());
        let package = (Arc::clone(&upstream.id), name.clone());
        let wanted = (Arc::clone(&upstream.id), name.clone(), Box::from(selector));
        let is_within =
            |since: DateTime<Utc>, time: Duration| (now - since).to_std().unwrap_or_default() < time;
        if is_within(known.checked, INTERVAL)
            || misses.absent.get(&wanted).is_some_and(|since| is_within(since, parts.freshness.missing))
        {
            return Ok(None);
        }
        let key = (Arc::clone(&upstream.id), name.clone(), form);
        // Callers that arrive during a request to the upstream wait for its answer.
        let question = if misses.asked.get(&package).is_some_and(|since| is_within(since, INTERVAL)) {
            let Some(under_way) = self.under_way(&key, Wanted::Newer) else { return Ok(None) };
            under_way
        } else {
            misses.asked.insert(package, now);
            self.ask_for(upstream, key, Wanted::Newer)
        };
        let Some(answer) = question.answer_within(parts.freshness.patience).await else {
            return Err(Error::Proxy(ProxyError::Upstream(UpstreamError::Unavailable {
                upstream: upstream.to_string(),
                retry_after: None,
                source: format!("it took too long to tell whether there is {name}@{selector}").into(),
            })));
        };
        let state = answer?;
        // If a document has the version or tag after all, this entry is not consulted.
        misses.absent.insert(wanted, now);
        Ok(match state {
            State::Present(document) if document.known.content != known.content => Some(document),
            _ => None,
        })
    }
}
