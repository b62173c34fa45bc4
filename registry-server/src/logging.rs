//! Where log lines go: stderr, as text or as JSON. Panics go there too.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use registry_core::settings::{LogSettings, log_to};

use crate::log_lines::{Flusher, LogLines};

/// Sends all `tracing` output to stderr. Lines are written until the returned flusher is dropped.
pub(crate) fn start(settings: &LogSettings) -> anyhow::Result<Flusher> {
    let (lines, flusher) =
        LogLines::start(io::stderr()).context("cannot start the thread that writes the log")?;
    log_to(lines, io::stderr().is_terminal(), settings)?;
    Ok(flusher)
}
