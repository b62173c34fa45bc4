//! Spans sent to a collector by OTLP over HTTP, as protobuf.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_http::{HeaderExtractor, HeaderInjector, HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use registry_core::settings::{SpanLayer, install_tls_provider};
use registry_core::traces::{SPANS, TraceContext};
use tokio::runtime::{Builder, Runtime};
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;

use crate::settings::TraceSettings;

/// The longest time for one batch, which the standard calls the default.
const EXPORT_TIME: Duration = Duration::from_secs(10);

/// How long nothing is said of a collector that goes on failing.
const SILENCE: Duration = Duration::from_mins(5);

/// The most bytes of a collector's answer that are read: it is empty, or says which spans it rejected.
const ANSWER_BYTES: usize = 64 << 10;

/// The spans of this process on their way to a collector.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts the export, if the settings or the environment name a collector. Returns the layer that collects spans.
    pub(crate) fn start(settings: &TraceSettings) -> anyhow::Result<Option<(SpanLayer, Self)>> {
        let Some(endpoint) = settings.effective_endpoint(|name| std::env::var(name).ok()) else {
            return Ok(None);
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new().context("cannot make the client for traces")?)
            .with_endpoint(endpoint.clone())
            .build()
            .with_context(|| format!("cannot send traces to {endpoint}: correct traces.endpoint"))?;
        let mut resource = Resource::builder();
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("registry-server");
        }
        let mut provider =
            SdkTracerProvider::builder().with_resource(resource.build()).with_batch_exporter(exporter);
        if let Some(ratio) = settings.ratio {
            // A sampled request of a proxy stays sampled, so that no trace has holes.
            let sampler = Sampler::TraceIdRatioBased(ratio.as_f64());
            provider = provider.with_sampler(Sampler::ParentBased(Box::new(sampler)));
        }
        let provider = provider.build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("registry-server"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(SPANS, LevelFilter::TRACE));
        Ok(Some((Box::new(layer), Self { provider })))
    }

    /// Sends what waits, for at most `time`.
    pub(crate) fn stop(&self, time: Duration) {
        if let Err(error) = self.provider.shutdown_with_timeout(time) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Continues the trace that a trusted proxy began.
pub(crate) fn continue_trace(span: &Span, headers: &HeaderMap) {
    let context = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    // It fails without a layer that collects spans, and then the span is of no trace.
    let _ = span.set_parent(context);
}

/// Gives a span that has begun another name.
pub(crate) fn rename(span: &Span, name: String) {
    span.context().span().update_name(name);
}

/// The trace of the current span.
#[derive(Debug)]
pub(crate) struct CurrentTrace;

impl TraceContext for CurrentTrace {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let context = Span::current().context();
        TraceContextPropagator::new().inject_context(&context, &mut HeaderInjector(&mut headers));
        headers
    }
}

/// Sends batches from a thread of its own, so that spans of the last requests are sent after the server's runtime has ended.
#[derive(Debug)]
struct Collector {
    client: reqwest::Client,
    runtime: Runtime,
    /// When a failure was last told of.
    told: Mutex<Option<Instant>>,
}

impl Collector {
    fn new() -> anyhow::Result<Self> {
        install_tls_provider();
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("traces").enable_all().build()?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("registry-server/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(EXPORT_TIME)
            .build()?;
        Ok(Self { client, runtime, told: Mutex::new(None) })
    }

    /// Says, at most once in a while, that spans are lost.
    fn tell(&self, collector: &reqwest::Url, problem: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= SILENCE) {
            *told = Some(Instant::now());
            // Without what the URL may hold of a secret.
            let collector = collector.origin().ascii_serialization();
            tracing::warn!(
                "spans are lost, because the collector at {collector} does not take them: {problem}; start it, or correct \
                 traces.endpoint"
            );
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let (client, collector) = (self.client.clone(), request.url().clone());
        let sending = self.runtime.spawn(async move {
            let mut answer = client.execute(request).await?;
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            let mut body = BytesMut::new();
            while let Some(chunk) = answer.chunk().await? {
                if body.len() + chunk.len() > ANSWER_BYTES {
                    break;
                }
                body.extend_from_slice(&chunk);
            }
            *response.body_mut() = body.freeze();
            Ok::<_, reqwest::Error>(response)
        });
        let answer = sending.await?.map_err(|error| anyhow::Error::from(error.without_url()));
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.tell(&collector, &format!("it answered {}", answer.status())),
            Err(error) => self.tell(&collector, &format!("{error:#}")),
        }
        Ok(answer?)
    }
}
