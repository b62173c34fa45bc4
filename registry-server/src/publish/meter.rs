use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::outcome::Done;

/// How often the bar is redrawn while no bytes are stored.
const TICK: Duration = Duration::from_millis(120);

/// From this size on, a line reports each quarter if stderr is not a terminal.
const WORTH_QUARTERS: u64 = 16 << 20;

/// Shows the progress of one tarball on stderr: a bar on a terminal, lines otherwise.
pub(super) enum Meter {
    Bar(ProgressBar),
    Lines { file: String, size: u64, stored: u64, told: u64 },
}

/// Writes one line to stderr.
pub(super) fn say(line: &str) {
    // If stderr is closed, the line has no reader.
    let _ = writeln!(io::stderr(), "registry-server: {line}");
}

impl Meter {
    pub(super) fn start(of: &Done, is_trial: bool) -> Self {
        let (file, size) = (of.file.display().to_string(), of.size);
        let doing = if is_trial { "would publish" } else { "publishing" };
        say(&format!("{doing} {} with the tag {}, {} from {file}", of.id, of.tag, HumanBytes(size)));
        if is_trial || !io::stderr().is_terminal() {
            return Self::Lines { file, size, stored: 0, told: 0 };
        }
        let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr());
        let style = "{spinner} {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self::Bar(bar)
    }

    /// Adds stored bytes.
    pub(super) fn add(&mut self, bytes: u64) {
        match self {
            Self::Bar(bar) => bar.inc(bytes),
            Self::Lines { file, size, stored, told } => {
                *stored += bytes;
                let quarters = (*stored * 4) / (*size).max(1);
                if *size >= WORTH_QUARTERS && quarters > *told && quarters < 4 {
                    *told = quarters;
                    say(&format!("{file}: {} % stored", quarters * 25));
                }
            }
        }
    }

    /// Ends the meter.
    pub(super) fn end(self, well: bool) {
        match self {
            Self::Bar(bar) if well => bar.finish(),
            Self::Bar(bar) => bar.abandon(),
            Self::Lines { .. } => {}
        }
    }
}
