//! Where log lines go: stderr, as text or as JSON. Panics go there too.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use tracing_subscriber::fmt::MakeWriter;

use crate::log_lines::{Flusher, LogLines};
use crate::settings::{LogFormat, LogSettings};

/// Sends all of `tracing` to stderr. Lines are written for as long as the answer lives.
pub(crate) fn start(settings: &LogSettings) -> anyhow::Result<Flusher> {
    let (lines, flusher) =
        LogLines::start(io::stderr()).context("cannot start the thread that writes the log")?;
    log_to(lines, io::stderr().is_terminal(), settings)?;
    Ok(flusher)
}

/// Sends all of `tracing` to `writer`, in colours or not, and panics with it.
pub fn log_to<Writer>(writer: Writer, colours: bool, settings: &LogSettings) -> anyhow::Result<()>
where
    Writer: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(settings.filter.to_filter())
        .with_ansi(colours)
        .with_writer(writer);
    match settings.format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).with_current_span(false).try_init(),
    }
    .map_err(anyhow::Error::from_boxed)
    .context("cannot start the log")?;
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(tracing::field::display);
        tracing::error!(location, "panicked: {}", panic.payload_as_str().unwrap_or("(no message)"));
    }));
    Ok(())
}
