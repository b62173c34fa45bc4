use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::clock::Clock;
use crate::packages::Packages;
use crate::randomness::{SystemRandomness, random_bytes};

use crate::catalog::Representation;
use crate::concurrency::compute;

/// How many base URLs documents are rendered for and cached.
const MOST: usize = 16;
/// How long a base URL keeps its place without a request.
const IDLE: TimeDelta = TimeDelta::minutes(10);

/// The base URLs that documents are rendered for. A client chooses its `Host`, so their number is bounded: for any
/// other base URL one common rendering is copied with the base put in, which neither parses, compresses nor caches.
#[derive(Debug)]
pub(crate) struct KnownBases {
    /// The base URL of documents that are rendered once for all other base URLs.
    placeholder: Arc<str>,
    known: RwLock<Known>,
}

#[derive(Debug)]
struct Known {
    bases: Vec<KnownBase>,
    /// When unused ones were last removed.
    swept: DateTime<Utc>,
}

#[derive(Debug)]
struct KnownBase {
    url: Arc<str>,
    /// Whether a request used it since the last sweep.
    used: AtomicBool,
}

/// The registry's URL as one client reaches it, and the one its documents are rendered with.
#[derive(Debug, Clone)]
pub(crate) struct RenderedBase {
    pub(crate) url: Arc<str>,
    pub(crate) rendered: Arc<str>,
}

impl RenderedBase {
    /// A base URL that does not come from the client.
    pub(crate) fn configured(url: Arc<str>) -> Self {
        Self { rendered: Arc::clone(&url), url }
    }

    /// Whether documents are rendered and compressed for this very URL.
    pub(crate) fn is_known(&self) -> bool {
        Arc::ptr_eq(&self.url, &self.rendered)
    }
}

impl KnownBases {
    pub(crate) fn new(now: DateTime<Utc>) -> Self {
        // A text that a publisher knew could be put into a package, and would be replaced there too.
        let id = const_hex::encode(random_bytes::<16>(&SystemRandomness));
        Self {
            placeholder: format!("http://base-{id}.invalid").into(),
            known: RwLock::new(Known { bases: Vec::new(), swept: now }),
        }
    }

    /// Returns the base URL that these pieces form.
    pub(crate) fn get(&self, pieces: &[&str], clock: &dyn Clock) -> RenderedBase {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(url) = known.find(pieces) {
            return RenderedBase::configured(url);
        }
        drop(known);
        let url: Arc<str> = pieces.concat().into();
        if self.learn(&url, clock.now()) {
            RenderedBase::configured(url)
        } else {
            RenderedBase { url, rendered: Arc::clone(&self.placeholder) }
        }
    }

    /// Assigns the URL a place, if one is free or has been unused for long.
    fn learn(&self, url: &Arc<str>, now: DateTime<Utc>) -> bool {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.bases.len() >= MOST && now - known.swept >= IDLE {
            known.bases.retain(|base| base.used.swap(false, Ordering::Relaxed));
            known.swept = now;
        }
        let has_room = known.bases.len() < MOST;
        if has_room && known.find(&[url]).is_none() {
            known.bases.push(KnownBase { url: Arc::clone(url), used: AtomicBool::new(true) });
        }
        has_room
    }
}

impl Known {
    fn find(&self, pieces: &[&str]) -> Option<Arc<str>> {
        let found = self.bases.iter().find(|base| is_made_of(&base.url, pieces))?;
        if !found.used.load(Ordering::Relaxed) {
            found.used.store(true, Ordering::Relaxed);
        }
        Some(Arc::clone(&found.url))
    }
}

fn is_made_of(text: &str, pieces: &[&str]) -> bool {
    let rest = pieces.iter().try_fold(text, |rest, piece| rest.strip_prefix(piece));
    rest.is_some_and(str::is_empty)
}

impl Packages {
    /// Returns a document rendered for `base.rendered` with the base URL replaced by `base.url`.
    pub(crate) async fn with_base(&self, document: Bytes, base: &RenderedBase) -> Result<Bytes, Error> {
        if base.is_known() {
            return Ok(document);
        }
        let base = base.clone();
        Ok(compute(document.len(), move || put_in(&document, &base)).await?)
    }
}

fn put_in(document: &Bytes, base: &RenderedBase) -> Bytes {
    match std::str::from_utf8(document) {
        Ok(text) => text.replace(&*base.rendered, &base.url).into(),
        // Rendered documents are always UTF-8.
        Err(_) => document.clone(),
    }
}

impl Representation {
    /// The `ETag` of this document for a base URL that it was not rendered for.
    pub(crate) fn etag_with(&self, base: &RenderedBase) -> String {
        let digest = Sha256::new().chain_update(&self.etag).chain_update(&*base.url).finalize();
        format!("\"{}\"", const_hex::encode(&digest[..16]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock with a fixed time.
    #[derive(Debug)]
    struct At(i64);

    impl Clock for At {
        fn now(&self) -> DateTime<Utc> {
            DateTime::from_timestamp(1_700_000_000 + self.0, 0).unwrap()
        }
    }

    #[test]
    fn the_number_of_base_urls_is_bounded_and_unused_ones_make_room() {
        let bases = KnownBases::new(At(0).now());
        for number in 0..MOST {
            assert!(bases.get(&["http://", &format!("host-{number}")], &At(0)).is_known());
        }
        let rare = bases.get(&["http://", "one-more"], &At(1));
        assert!(!rare.is_known());
        assert_eq!((&*rare.url, &*rare.rendered), ("http://one-more", &*bases.placeholder));
        assert!(bases.get(&["http://", "host-3", ""], &At(1)).is_known());

        // All were used since the start, so the first sweep removes none.
        assert!(!bases.get(&["http://", "one-more"], &At(600)).is_known());
        assert!(bases.get(&["http://", "host-3"], &At(700)).is_known());
        assert!(bases.get(&["http://", "one-more"], &At(1200)).is_known());
        assert!(bases.get(&["http://", "host-3"], &At(1200)).is_known());
        assert_eq!(bases.known.read().unwrap().bases.len(), 2);
    }

    #[test]
    fn a_base_is_put_in_wherever_the_placeholder_of_this_process_stands() {
        let (bases, another) = (KnownBases::new(At(0).now()), KnownBases::new(At(0).now()));
        let rendered = Arc::clone(&bases.placeholder);
        assert_ne!(rendered, another.placeholder);
        let base = RenderedBase { url: "http://a.example/npm".into(), rendered: Arc::clone(&rendered) };
        let document = Bytes::from(format!("[\"{rendered}/x\",\"{rendered}/y\"]"));
        assert_eq!(put_in(&document, &base), "[\"http://a.example/npm/x\",\"http://a.example/npm/y\"]");
    }
}
