use std::str::FromStr;

use serde::Deserialize;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry};

use crate::traces::SPANS;

use super::SettingsError;
use super::error::Context as _;

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Text for people or JSON for programs.
    pub format: LogFormat,
    /// The filter of log lines.
    pub filter: LogFilter,
    /// Whether the storage keeps an audit log of every write, login and denial.
    pub audit: bool,
    /// How many days the audit log is kept; 0 for forever.
    pub audit_days: u32,
    /// Whether each download is an event, so that the audit log has it.
    pub downloads: bool,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            filter: LogFilter::default(),
            audit: true,
            audit_days: 365,
            downloads: false,
        }
    }
}

/// A log filter in the syntax of `tracing`: `info`, or `warn,registry_server=debug`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LogFilter(String);

impl LogFilter {
    /// Converts to a `tracing` filter.
    pub fn to_filter(&self) -> EnvFilter {
        EnvFilter::new(&self.0)
    }

    /// Warnings and errors only.
    pub fn warnings() -> Self {
        Self("warn".to_owned())
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = |why: &str| {
            format!(
                "`{text}` is not a log filter: {why}; write one such as info or warn,registry_server=debug"
            )
        };
        EnvFilter::try_new(text).map_err(|error| refused(&error.to_string()))?;
        // A word that is not a level would be read as a target, which enables all of its lines, and no others.
        let words = text.split(',').map(str::trim).filter(|word| !word.contains(['=', '[', ']', '{', '}']));
        match words.filter(|_| !text.contains('[')).find(|word| word.parse::<LevelFilter>().is_err()) {
            Some(word) => Err(refused(&format!(
                "`{word}` is no level, which are off, error, warn, info, debug and trace"
            ))),
            None => Ok(Self(text.to_owned())),
        }
    }
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people to read.
    #[default]
    Text,
    /// One JSON object in each line, for programs to parse.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("`{text}` is no format of log lines; write text or json")),
        }
    }
}

impl TryFrom<String> for LogFilter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A layer that receives spans beside the log.
pub type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Like [`log_to`], and gives `spans` what its own filter lets through. The spans of [`crate::traces`], and what
/// OpenTelemetry says of its export, are not in the log.
pub fn log_and_trace_to<Writer>(
    writer: Writer,
    colors: bool,
    settings: &LogSettings,
    spans: SpanLayer,
) -> Result<(), SettingsError>
where
    Writer: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_ansi(colors).with_writer(writer);
    let lines: SpanLayer = match settings.format {
        LogFormat::Text => Box::new(lines),
        LogFormat::Json => Box::new(lines.json().flatten_event(true).with_current_span(false)),
    };
    let is_of_log =
        filter_fn(|metadata| metadata.target() != SPANS && !metadata.target().starts_with("opentelemetry"));
    let lines = lines.with_filter(settings.filter.to_filter().and(is_of_log));
    tracing_subscriber::registry()
        .with(vec![spans, Box::new(lines) as SpanLayer])
        .try_init()
        .context("cannot start the log")?;
    log_panics();
    Ok(())
}

/// Sends all `tracing` output to `writer`, optionally in colors, including panics.
pub fn log_to<Writer>(writer: Writer, colors: bool, settings: &LogSettings) -> Result<(), SettingsError>
where
    Writer: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(settings.filter.to_filter())
        .with_ansi(colors)
        .with_writer(writer);
    match settings.format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).with_current_span(false).try_init(),
    }
    .context("cannot start the log")?;
    log_panics();
    Ok(())
}

fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(tracing::field::display);
        tracing::error!(location, "panicked: {}", panic.payload_as_str().unwrap_or("(no message)"));
    }));
}
