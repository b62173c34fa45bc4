use futures::StreamExt as _;
use indicatif::HumanBytes;
use registry_core::bulk::{BulkError, BulkStream, ImportedPackage};
use serde::Serialize;

use crate::operate::bulk::{Tally, count};

#[derive(Serialize)]
struct Record<'a> {
    package: &'a str,
    added: u64,
    unchanged: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Default, Serialize)]
struct Totals {
    packages: u64,
    added: u64,
    unchanged: u64,
    refused: u64,
    bytes: u64,
    #[serde(rename = "dry-run")]
    is_dry_run: bool,
}

/// Shows what an import does, and its sum.
pub(super) async fn report(
    mut packages: BulkStream<ImportedPackage>,
    is_dry_run: bool,
) -> anyhow::Result<()> {
    let mut tally = Tally::begin("importing packages", None);
    let mut totals = Totals { is_dry_run, ..Totals::default() };
    while let Some(outcome) = packages.next().await {
        let is_of_version =
            matches!(outcome, Err(BulkError::Refused { .. } | BulkError::SourceTarball { .. }));
        totals.refused += u64::from(is_of_version);
        let Some(imported) = tally.step(outcome)? else { continue };
        totals.packages += 1;
        totals.added += imported.added;
        totals.unchanged += imported.unchanged;
        totals.bytes += imported.bytes;
        let record = Record::of(&imported);
        tally.show(&record, &record.text(is_dry_run))?;
    }
    let text = totals.text();
    tally.finish(totals, &text)
}

impl<'a> Record<'a> {
    fn of(imported: &'a ImportedPackage) -> Self {
        Self {
            package: imported.package.as_str(),
            added: imported.added,
            unchanged: imported.unchanged,
            bytes: imported.bytes,
            notes: imported.notes.iter().map(ToString::to_string).collect(),
        }
    }

    fn text(&self, is_dry_run: bool) -> String {
        let verb = if is_dry_run { "would be added" } else { "added" };
        let versions = count(self.added, "version");
        let first = format!("{}: {versions} {verb}, {} unchanged", self.package, self.unchanged);
        let notes = self.notes.iter().map(|note| format!("  {note}"));
        std::iter::once(first).chain(notes).collect::<Vec<_>>().join("\n")
    }
}

impl Totals {
    fn text(&self) -> String {
        let verb = if self.is_dry_run { "would be imported" } else { "imported" };
        let (versions, bytes) = (count(self.added, "version"), HumanBytes(self.bytes));
        let packages = count(self.packages, "package");
        let (unchanged, refused) = (self.unchanged, self.refused);
        format!("{versions} ({bytes}) of {packages} {verb}, {unchanged} unchanged, {refused} refused")
    }
}
