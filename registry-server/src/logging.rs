//! Where log lines go: stderr, as text or as JSON. Panics go there too. Spans go to a collector of OpenTelemetry.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use registry_core::settings::{LogSettings, log_to};
use registry_core::traces::TraceContext;

use crate::log_lines::{Flusher, LogLines};
use crate::settings::Settings;
#[cfg(feature = "otlp")]
use crate::traces::{CurrentTrace, Traces};

/// The log and the traces of a server. Lines are written until it is dropped.
#[must_use = "lines are written as long as this lives"]
pub(crate) struct Log {
    _flusher: Flusher,
    #[cfg(feature = "otlp")]
    traces: Option<Traces>,
}

/// Sends all `tracing` output to stderr. Lines are written until the returned flusher is dropped.
pub(crate) fn start(settings: &LogSettings) -> anyhow::Result<Flusher> {
    let (lines, flusher) = lines()?;
    log_to(lines, io::stderr().is_terminal(), settings)?;
    Ok(flusher)
}

fn lines() -> anyhow::Result<(LogLines, Flusher)> {
    LogLines::start(io::stderr()).context("cannot start the thread that writes the log")
}

impl Log {
    /// Starts the log, and the traces if the settings or the environment name a collector.
    #[cfg(feature = "otlp")]
    pub(crate) fn start(settings: &Settings) -> anyhow::Result<Self> {
        let Some((spans, traces)) = Traces::start(&settings.traces)? else {
            return Ok(Self { _flusher: start(&settings.registry.log)?, traces: None });
        };
        let (lines, flusher) = lines()?;
        let is_terminal = io::stderr().is_terminal();
        registry_core::settings::log_and_trace_to(lines, is_terminal, &settings.registry.log, spans)?;
        Ok(Self { _flusher: flusher, traces: Some(traces) })
    }

    /// Starts the log.
    #[cfg(not(feature = "otlp"))]
    pub(crate) fn start(settings: &Settings) -> anyhow::Result<Self> {
        anyhow::ensure!(
            settings.traces.endpoint.is_none(),
            "traces.endpoint is set, and this server was built without traces: build it with --features otlp, or remove the \
             setting"
        );
        Ok(Self { _flusher: start(&settings.registry.log)? })
    }

    /// Returns what tells upstreams of traces, if there are any.
    pub(crate) fn trace_context(&self) -> Option<Arc<dyn TraceContext>> {
        #[cfg(feature = "otlp")]
        if self.traces.is_some() {
            return Some(Arc::new(CurrentTrace));
        }
        None
    }

    /// Sends the spans that wait, for at most `time`.
    #[cfg_attr(not(feature = "otlp"), expect(clippy::unused_self, reason = "there are no spans"))]
    pub(crate) fn stop(&self, time: Duration) {
        #[cfg(feature = "otlp")]
        if let Some(traces) = &self.traces {
            traces.stop(time);
        }
        #[cfg(not(feature = "otlp"))]
        let _ = time;
    }
}
