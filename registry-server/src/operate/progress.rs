use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// How a long command shows what it does: on a terminal, lines of text above a progress bar; elsewhere, a line of JSON
/// for each record, on stdout.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
}

impl Progress {
    /// Begins. `total` is the number of steps, if it is known.
    pub(crate) fn begin(what: &'static str, total: Option<u64>) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        if is_terminal {
            let template = if total.is_some() {
                "{msg} {wide_bar} {human_pos} of {human_len} {eta}"
            } else {
                "{spinner} {msg} {human_pos}"
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
        } else {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.set_message(what);
        Self { bar, is_terminal }
    }

    /// Counts a step.
    pub(crate) fn step(&self) {
        self.bar.inc(1);
    }

    /// Shows a record: `text` on a terminal, else the record as JSON.
    pub(crate) fn show(&self, record: &impl Serialize, text: &str) -> io::Result<()> {
        if self.is_terminal {
            self.bar.suspend(|| writeln!(io::stdout(), "{text}"))
        } else {
            let json = serde_json::to_string(record).map_err(io::Error::other)?;
            writeln!(io::stdout(), "{json}")
        }
    }

    /// Shows the last record, and takes the bar away.
    pub(crate) fn finish(self, record: &impl Serialize, text: &str) -> io::Result<()> {
        self.bar.finish_and_clear();
        self.show(record, text)
    }
}
