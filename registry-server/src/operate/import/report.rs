use std::collections::BTreeSet;

use futures::StreamExt as _;
use indicatif::HumanBytes;
use registry_core::bulk::{BulkError, BulkStream, ImportedPackage};
use serde::Serialize;

use crate::operate::bulk::{Tally, count};

/// How many owners the sum names.
const OWNERS_SHOWN: usize = 20;

#[derive(Serialize)]
struct Record<'a> {
    package: &'a str,
    added: u64,
    unchanged: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    #[serde(rename = "reserved-owners", skip_serializing_if = "<[_]>::is_empty")]
    reserved_owners: &'a [String],
}

#[derive(Default, Serialize)]
struct Totals {
    packages: u64,
    added: u64,
    unchanged: u64,
    refused: u64,
    bytes: u64,
    /// Owners of all packages without an account here.
    #[serde(rename = "reserved-owners", skip_serializing_if = "BTreeSet::is_empty")]
    reserved_owners: BTreeSet<String>,
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
        totals.reserved_owners.extend(imported.reserved_owners.iter().cloned());
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
            reserved_owners: &imported.reserved_owners,
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
        let owners = self.owners_text();
        format!("{versions} ({bytes}) of {packages} {verb}, {unchanged} unchanged, {refused} refused{owners}")
    }

    fn owners_text(&self) -> String {
        if self.reserved_owners.is_empty() {
            return String::new();
        }
        let verb = if self.is_dry_run { "would be reserved" } else { "are reserved" };
        let mut names: Vec<_> = self
            .reserved_owners
            .iter()
            .take(OWNERS_SHOWN)
            .map(|name| name.escape_debug().to_string())
            .collect();
        let more = self.reserved_owners.len() - names.len();
        names.extend((more > 0).then(|| format!("and {more} more")));
        format!(
            "\nowners without an account, whose names {verb}: {}\n  `account add NAME` makes an account for one; \
             `account admit NAME --provider ID` gives the name to a user of a provider",
            names.join(", ")
        )
    }
}
