use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::sync::Cache;

use crate::Error;
use crate::domain::PackageName;
use crate::proxy::Proxy;
use crate::upstream::{PackumentForm, UpstreamError};

use super::NamedUpstream;
use super::document::Known;
use super::freshness::{Document, State};
use super::questions::Wanted;

/// How often at most an upstream is asked for one package on account of what its known document lacks. Who asks for
/// versions that do not exist is not to be passed on.
const INTERVAL: Duration = Duration::from_secs(2);
/// Of how much is remembered that it was asked for.
const ENTRIES: u64 = 10_000;

/// What known documents lacked, and the upstream was asked for.
#[derive(Debug)]
pub(super) struct Misses {
    /// When the upstream was last asked for a package.
    asked: Cache<(Arc<str>, PackageName), DateTime<Utc>>,
    /// When it last turned out to lack a version or a tag.
    absent: Cache<(Arc<str>, PackageName, Box<str>), DateTime<Utc>>,
}

impl Default for Misses {
    fn default() -> Self {
        Self { asked: Cache::new(ENTRIES), absent: Cache::new(ENTRIES) }
    }
}

impl Proxy {
    /// Asks an upstream once for its document, in which a version or a tag may be that the `known` one lacks: it was
    /// published a moment ago, and a lockfile or another registry told of it. `None` where it is too soon to ask, or the
    /// document is still the known one.
    pub(super) async fn ask_for_what_is_missing(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
        selector: &str,
        known: &Known,
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
        // Who comes while the upstream is being asked waits for the same answer.
        let question = if misses.asked.get(&package).is_some_and(|since| is_within(since, INTERVAL)) {
            let Some(under_way) = self.under_way(&key, Wanted::Newer) else { return Ok(None) };
            under_way
        } else {
            misses.asked.insert(package, now);
            self.ask_for(upstream, key, Wanted::Newer)
        };
        let Some(answer) = question.answer_within(parts.freshness.patience).await else {
            return Err(Error::Upstream(UpstreamError::Unavailable {
                upstream: upstream.to_string(),
                retry_after: None,
                source: format!("it took too long to tell whether there is {name}@{selector}").into(),
            }));
        };
        let state = answer?;
        // Where a document has it after all, nothing is asked for.
        misses.absent.insert(wanted, now);
        Ok(match state {
            State::Present(document) if document.known.content != known.content => Some(document),
            _ => None,
        })
    }
}
