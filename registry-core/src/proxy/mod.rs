//! Packages of other registries: fetched once, cached in the store, and served like hosted ones.

mod attestations;
mod budget;
mod check;
mod digest;
mod document;
mod fill;
mod foreign_change;
mod freshness;
mod inflating;
mod inflight;
pub(crate) mod keys;
mod missing;
mod name_conflict;
mod packument;
mod progress;
mod readings;
mod resolve_upstream;
mod tarball;
mod tarball_sources;
mod variants;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::PackageName;
use crate::measurements::{CacheMeasurements, CacheMeter, UpstreamMeasurements};
use crate::storage::WatchStorage;
use crate::upstream::{MeteredUpstream, Upstream};

pub(crate) use budget::CacheBudget;
pub use budget::TrimmedUpstreamCache;
pub use check::CheckedUpstream;
pub(crate) use fill::InflightFills;
pub(crate) use freshness::Documents;
pub(crate) use tarball_sources::TarballSource;

/// An upstream and the id that access rules use for it.
#[derive(Debug, Clone)]
pub(crate) struct NamedUpstream {
    pub(crate) id: Arc<str>,
    pub(crate) upstream: Arc<dyn Upstream>,
    pub(crate) options: UpstreamOptions,
    /// The same upstream.
    metered: Arc<MeteredUpstream>,
}

impl NamedUpstream {
    pub(crate) fn new(id: &str, upstream: Arc<dyn Upstream>, options: UpstreamOptions) -> Self {
        let metered = Arc::new(MeteredUpstream::new(upstream));
        Self { id: id.into(), upstream: Arc::clone(&metered) as Arc<dyn Upstream>, options, metered }
    }
}

/// How to ask one upstream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamOptions {
    /// Whether to request only full packuments and render the abbreviated form from them. That form then always
    /// includes the publish times, so that a client with an age gate, such as pnpm, needs no second request, and one
    /// document is cached instead of two. Full packuments are several times as large, so this costs more bytes from the
    /// upstream. If false, packages whose full packument some client has requested are treated the same. Default false.
    pub full_documents: bool,
}

/// How long answers of upstreams are cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamFreshness {
    /// How long a packument is served without revalidation. Default 5 minutes.
    pub packument: Duration,
    /// How much longer it is served at once, while a revalidation runs in the background. Default 5 minutes.
    pub while_revalidating: Duration,
    /// How long the absence of a package is cached. Default 30 seconds.
    pub missing: Duration,
    /// How long a caller waits for the revalidation of an older packument; after that, the cached one is served and the
    /// revalidation continues in the background. Default 3 seconds.
    pub patience: Duration,
    /// How long the cached packument is served after an upstream failed, before the upstream is asked again. Default 15
    /// seconds.
    pub after_failure: Duration,
    /// How long the absence of a hosted package is cached; zero checks the store before each answer of an upstream. The
    /// store is always checked before a fetch. Default 5 seconds.
    pub hosted_check: Duration,
}

impl Default for UpstreamFreshness {
    fn default() -> Self {
        Self {
            packument: Duration::from_mins(5),
            while_revalidating: Duration::from_mins(5),
            missing: Duration::from_secs(30),
            patience: Duration::from_secs(3),
            after_failure: Duration::from_secs(15),
            hosted_check: Duration::from_secs(5),
        }
    }
}

/// The in-memory state for other registries.
#[derive(Debug)]
pub(crate) struct UpstreamParts {
    pub(crate) upstreams: Vec<NamedUpstream>,
    pub(crate) freshness: UpstreamFreshness,
    pub(crate) documents: Documents,
    hosted_check: Arc<HostedCheck>,
    pub(crate) fills: InflightFills,
    pub(crate) budget: CacheBudget,
    pub(crate) meters: UpstreamCacheMeters,
}

/// Counts how often the cache of upstream packages in the store spares a request.
#[derive(Debug, Default)]
pub(crate) struct UpstreamCacheMeters {
    pub(crate) packuments: CacheMeter,
    pub(crate) tarballs: CacheMeter,
}

impl UpstreamParts {
    pub(crate) fn new(
        upstreams: Vec<NamedUpstream>,
        freshness: UpstreamFreshness,
        budget: CacheBudget,
        hosted_check: Arc<HostedCheck>,
    ) -> Self {
        Self {
            upstreams,
            freshness,
            documents: Documents::default(),
            hosted_check,
            fills: InflightFills::default(),
            budget,
            meters: UpstreamCacheMeters::default(),
        }
    }

    pub(crate) fn measurements(&self) -> Vec<UpstreamMeasurements> {
        self.upstreams.iter().map(|upstream| upstream.metered.measurements(&upstream.id)).collect()
    }

    pub(crate) fn cache_measurements(&self) -> [CacheMeasurements; 2] {
        [
            CacheMeter::measurements("upstream_packuments", [&self.meters.packuments]),
            CacheMeter::measurements("upstream_tarballs", [&self.meters.tarballs]),
        ]
    }
}

impl WatchStorage for UpstreamParts {
    fn opened(&self, name_in_via: &str) {
        for upstream in &self.upstreams {
            upstream.upstream.asked_by(name_in_via);
        }
    }

    fn changed(&self) {
        self.hosted_check.forget_all();
    }
}

impl fmt::Display for NamedUpstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.upstream.fmt(formatter)
    }
}

impl Proxy {
    /// The upstreams to ask for a name, in order.
    pub(crate) fn upstreams_of(&self, name: &PackageName) -> impl Iterator<Item = &NamedUpstream> {
        let known = &self.parts.upstream.upstreams;
        let of_id = |id: &Arc<str>| known.iter().find(|upstream| upstream.id == *id);
        self.authorization
            .access()
            .origin(name)
            .upstreams
            .iter()
            .filter_map(of_id)
            .collect::<Vec<_>>()
            .into_iter()
    }
}

use crate::authorization::Authorization;
use crate::blocking::{Blocking, BlockingParts};
use crate::catalog::{Catalog, CatalogParts, HostedCheck, ReadCaches};
use crate::clock::Clock;
use crate::limits::Limits;
use crate::randomness::Randomness;
use crate::storage::Storage;
use keys::CachedKeys;

/// Fetches and caches packages of upstreams. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Proxy {
    parts: Arc<ProxyParts>,
    authorization: Authorization,
}

/// What [`Proxy`] works with.
pub(crate) struct ProxyParts {
    pub(crate) store: Arc<Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) limits: Limits,
    pub(crate) caches: Arc<ReadCaches>,
    pub(crate) hosted_check: Arc<HostedCheck>,
    pub(crate) upstream: Arc<UpstreamParts>,
    pub(crate) keys: CachedKeys,
    pub(crate) catalog: Arc<CatalogParts>,
    pub(crate) blocking: Arc<BlockingParts>,
}

impl Proxy {
    pub(crate) fn new(parts: &Arc<ProxyParts>, authorization: &Authorization) -> Self {
        Self { parts: Arc::clone(parts), authorization: authorization.clone() }
    }

    fn catalog(&self) -> Catalog {
        Catalog::new(&self.parts.catalog, &self.authorization)
    }

    fn blocking(&self) -> Blocking {
        Blocking::new(&self.parts.blocking, &self.authorization)
    }
}
