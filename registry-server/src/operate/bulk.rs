//! What the operations on a whole storage have in common: how they open it, count failures and end.

use std::error::Error;
use std::io::{self, Write as _};
use std::sync::Arc;

use anyhow::Context as _;
use registry_core::Registry;
use registry_core::bulk::BulkMode;
use registry_core::settings::{StorageSettings, Trial, open_existing_store};
use registry_core::storage::BlobStore;
use serde::Serialize;

use crate::logging;
use crate::settings::Settings;

use super::progress::Progress;
use super::session::runtime;

/// Runs an operation with the log on.
pub(super) fn run<Operation>(settings: &Settings, operation: Operation) -> anyhow::Result<()>
where
    Operation: Future<Output = anyhow::Result<()>>,
{
    let _flusher = logging::start(&settings.registry.log)?;
    runtime()?.block_on(operation)
}

/// Opens the storage of a server. A dry run does not probe it, because a probe writes.
pub(super) async fn open_store(
    settings: &StorageSettings,
    mode: BulkMode,
) -> anyhow::Result<Arc<dyn BlobStore>> {
    let trial = if mode == BulkMode::DryRun { Trial::Never } else { Trial::Always };
    Ok(open_existing_store(settings, trial).await?)
}

/// Opens a registry on the storage that delivers nothing and looks for nothing.
pub(super) async fn open(settings: &StorageSettings, mode: BulkMode) -> anyhow::Result<Registry> {
    Ok(Registry::builder(open_store(settings, mode).await?).build())
}

pub(super) fn mode(dry_run: bool) -> BulkMode {
    if dry_run { BulkMode::DryRun } else { BulkMode::Apply }
}

/// Shows the records of an operation, and counts its failures.
pub(super) struct Tally {
    progress: Progress,
    total: Option<u64>,
    steps: u64,
    failures: u64,
}

#[derive(Serialize)]
struct Failure<'a> {
    error: &'a str,
}

/// Which of all steps a record is about.
#[derive(Clone, Copy, Serialize)]
struct Place {
    number: u64,
    of: u64,
}

/// A record of a step.
#[derive(Serialize)]
struct Placed<'a, Record> {
    #[serde(flatten)]
    record: &'a Record,
    #[serde(flatten)]
    place: Option<Place>,
}

/// The last record, with the number of failures.
#[derive(Serialize)]
struct Summary<Totals> {
    #[serde(flatten)]
    totals: Totals,
    failures: u64,
}

impl Tally {
    pub(super) fn begin(what: &'static str, total: Option<u64>) -> Self {
        Self { progress: Progress::begin(what, total), total, steps: 0, failures: 0 }
    }

    /// Counts a step, and returns what it yielded. A failure is shown and counted.
    pub(super) fn step<Record, Failed>(
        &mut self,
        outcome: Result<Record, Failed>,
    ) -> anyhow::Result<Option<Record>>
    where
        Failed: Error + Send + Sync + 'static,
    {
        self.progress.step();
        self.steps += 1;
        match outcome {
            Ok(record) => Ok(Some(record)),
            Err(error) => {
                self.failures += 1;
                let error = told(&error);
                self.show_step(&Failure { error: &error }, &format!("failed: {error}"))?;
                Ok(None)
            }
        }
    }

    /// Shows and counts a failure that is only a part of a step, or of none.
    pub(super) fn fail(&mut self, error: &(dyn Error + 'static)) -> anyhow::Result<()> {
        self.failures += 1;
        let error = told(error);
        self.show(&Failure { error: &error }, &format!("failed: {error}"))
    }

    /// Shows the record of the last step, with its number where the number of all steps is known.
    pub(super) fn show_step(&self, record: &impl Serialize, text: &str) -> anyhow::Result<()> {
        let place = self.total.map(|of| Place { number: self.steps, of });
        let text =
            place.map_or_else(|| text.to_owned(), |Place { number, of }| format!("{number} of {of}: {text}"));
        self.show(&Placed { record, place }, &text)
    }

    pub(super) fn show(&self, record: &impl Serialize, text: &str) -> anyhow::Result<()> {
        self.progress.show(record, text).context("cannot write to stdout")
    }

    /// Shows the last record. Any failure makes the command fail.
    pub(super) fn finish(self, totals: impl Serialize, text: &str) -> anyhow::Result<()> {
        let failures = self.failures;
        self.progress.finish(&Summary { totals, failures }, text).context("cannot write to stdout")?;
        match failures {
            0 => Ok(()),
            1 => anyhow::bail!("1 failure: mend its cause, and run the command again"),
            _ => anyhow::bail!("{failures} failures: mend their causes, and run the command again"),
        }
    }
}

/// Returns an error with its causes, as texts for the operator.
fn told(error: &(dyn Error + 'static)) -> String {
    let texts = anyhow::Chain::new(error).map(|cause| match cause.downcast_ref::<registry_core::Error>() {
        Some(error) => error.text_for_operator(),
        None => cause.to_string(),
    });
    texts.collect::<Vec<_>>().join(": ")
}

/// Says something to the operator on stderr.
pub(super) fn say(line: &str) {
    // If stderr is closed, the line has no reader.
    let _ = writeln!(io::stderr(), "registry-server: {line}");
}

/// Returns a number with its noun.
pub(super) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
