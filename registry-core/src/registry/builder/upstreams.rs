use std::sync::Arc;

use crate::RegistryBuilder;
use crate::proxy::{NamedUpstream, UpstreamFreshness, UpstreamOptions};
use crate::traces::TraceContext;
use crate::upstream::Upstream;

impl RegistryBuilder {
    /// Adds a registry that this one proxies. Access rules call it `id` in `origin`.
    pub fn upstream(self, id: &str, upstream: Arc<dyn Upstream>) -> Self {
        self.upstream_with(id, upstream, UpstreamOptions::default())
    }

    /// Adds a registry that this one proxies, with options.
    pub fn upstream_with(mut self, id: &str, upstream: Arc<dyn Upstream>, options: UpstreamOptions) -> Self {
        if let Some(context) = &self.trace_context {
            upstream.traced_by(context);
        }
        self.upstreams.push(NamedUpstream::new(id, upstream, options));
        self
    }

    /// Sets how long answers of upstreams are cached.
    pub fn upstream_freshness(self, freshness: UpstreamFreshness) -> Self {
        Self { freshness, ..self }
    }

    /// Sets what tells upstreams which trace a request to them belongs to. Default: nothing does.
    pub fn trace_context(self, context: Arc<dyn TraceContext>) -> Self {
        for upstream in &self.upstreams {
            upstream.upstream.traced_by(&context);
        }
        Self { trace_context: Some(context), ..self }
    }
}
