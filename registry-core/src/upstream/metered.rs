use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::{PackumentForm, Upstream, UpstreamError, UpstreamPackument, UpstreamTarball, Validators};
use crate::domain::{PackageName, Version};
use crate::measurements::{DurationMeters, UpstreamMeasurements};
use crate::traces::{TraceContext, inner_span};

/// How a request to an upstream ended.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Answered,
    Unavailable,
    Refused,
    Invalid,
    Elsewhere,
    Canceled,
}

/// Their names in metrics, in the order of [`Outcome`].
const OUTCOMES: [&str; 6] = ["answered", "unavailable", "refused", "invalid", "elsewhere", "canceled"];

impl Outcome {
    fn of(error: &UpstreamError) -> Self {
        match error {
            UpstreamError::Unavailable { .. } => Self::Unavailable,
            UpstreamError::Refused { .. } => Self::Refused,
            UpstreamError::Unusable { .. }
            | UpstreamError::Unreadable { .. }
            | UpstreamError::Loop { .. }
            | UpstreamError::Redirect { .. } => Self::Invalid,
            UpstreamError::Elsewhere { .. } => Self::Elsewhere,
        }
    }
}

/// An upstream whose answers are measured.
pub(crate) struct MeteredUpstream {
    upstream: Arc<dyn Upstream>,
    durations: DurationMeters,
}

impl MeteredUpstream {
    pub(crate) fn new(upstream: Arc<dyn Upstream>) -> Self {
        Self { upstream, durations: DurationMeters::new(OUTCOMES.len()) }
    }

    /// Returns what was measured, for the upstream that access rules call `id`.
    pub(crate) fn measurements(&self, id: &Arc<str>) -> UpstreamMeasurements {
        let outcomes = OUTCOMES.into_iter().zip(self.durations.durations()).collect();
        UpstreamMeasurements::new(Arc::clone(id), self.upstream.is_paused(), outcomes)
    }

    async fn measure<T: Send>(
        &self,
        answer: impl Future<Output = Result<T, UpstreamError>> + Send,
    ) -> Result<T, UpstreamError> {
        let span = inner_span!(
            "upstream", otel.kind = "client", otel.status_code = Empty, registry.upstream = %self.upstream,
        );
        let mut timing = self.durations.begin(Outcome::Canceled as usize);
        let answer = answer.instrument(span.clone()).await;
        let outcome = answer.as_ref().map_or_else(Outcome::of, |_| Outcome::Answered);
        if answer.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        timing.belongs_at(outcome as usize);
        answer
    }
}

impl fmt::Debug for MeteredUpstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.upstream, formatter)
    }
}

impl fmt::Display for MeteredUpstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.upstream, formatter)
    }
}

#[async_trait]
impl Upstream for MeteredUpstream {
    fn asked_by(&self, registry: &str) {
        self.upstream.asked_by(registry);
    }

    fn is_paused(&self) -> bool {
        self.upstream.is_paused()
    }

    fn traced_by(&self, context: &Arc<dyn TraceContext>) {
        self.upstream.traced_by(context);
    }

    async fn packument(
        &self,
        name: &PackageName,
        form: PackumentForm,
        known: &Validators,
    ) -> Result<UpstreamPackument, UpstreamError> {
        self.measure(self.upstream.packument(name, form, known)).await
    }

    async fn tarball(&self, url: &str) -> Result<Option<UpstreamTarball>, UpstreamError> {
        self.measure(self.upstream.tarball(url)).await
    }

    async fn search(&self, query: &str) -> Result<Option<Bytes>, UpstreamError> {
        self.measure(self.upstream.search(query)).await
    }

    async fn all_packages(&self) -> Result<Option<Bytes>, UpstreamError> {
        self.measure(self.upstream.all_packages()).await
    }

    async fn whoami(&self) -> Result<Option<Bytes>, UpstreamError> {
        self.measure(self.upstream.whoami()).await
    }

    async fn advisories(&self, packages: Bytes) -> Result<Option<Bytes>, UpstreamError> {
        self.measure(self.upstream.advisories(packages)).await
    }

    async fn keys(&self) -> Result<Option<Bytes>, UpstreamError> {
        self.measure(self.upstream.keys()).await
    }

    async fn attestations(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Option<Bytes>, UpstreamError> {
        self.measure(self.upstream.attestations(name, version)).await
    }
}
