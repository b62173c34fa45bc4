use std::collections::BTreeSet;

use futures::StreamExt as _;
use indicatif::HumanBytes;
use registry_core::bulk::{BulkError, BulkStream, ImportedPackage};
use registry_core::domain::PackageName;
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

/// What the report says of a source besides its packages.
pub(in crate::operate) trait Extra: Sync {
    /// Further notes of a package.
    fn notes(&self, _package: &PackageName) -> Vec<String> {
        Vec::new()
    }

    /// How many packages are left out because they are only cached there; `None` for a source that does not tell.
    fn cached_packages(&self) -> Option<u64> {
        None
    }
}

/// A source of which nothing else is to be said.
pub(in crate::operate) struct NoExtra;

impl Extra for NoExtra {}

/// A failure that is no package's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct OtherFailure(String);

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
    /// Packages that are left out because they are only cached at the source.
    #[serde(rename = "cached", skip_serializing_if = "Option::is_none")]
    cached: Option<u64>,
    #[serde(rename = "dry-run")]
    is_dry_run: bool,
}

/// Shows what an import does, and its sum.
pub(in crate::operate) struct Report {
    tally: Tally,
    is_dry_run: bool,
}

impl Report {
    pub(in crate::operate) fn begin(is_dry_run: bool) -> Self {
        Self { tally: Tally::begin("importing packages", None), is_dry_run }
    }

    /// Shows a record of something else.
    pub(super) fn show(&self, record: &impl Serialize, text: &str) -> anyhow::Result<()> {
        self.tally.show(record, text)
    }

    /// Shows and counts a failure that is no package's.
    pub(super) fn fail(&mut self, failure: String) -> anyhow::Result<()> {
        self.tally.step::<(), _>(Err(OtherFailure(failure))).map(drop)
    }

    /// Shows each package as it is imported, and then the sum.
    pub(in crate::operate) async fn packages(
        mut self,
        mut packages: BulkStream<ImportedPackage>,
        extra: &impl Extra,
    ) -> anyhow::Result<()> {
        let cached = extra.cached_packages();
        let mut totals = Totals { is_dry_run: self.is_dry_run, cached, ..Totals::default() };
        while let Some(outcome) = packages.next().await {
            let is_of_version =
                matches!(outcome, Err(BulkError::Refused { .. } | BulkError::SourceTarball { .. }));
            totals.refused += u64::from(is_of_version);
            let Some(imported) = self.tally.step(outcome)? else { continue };
            totals.packages += 1;
            totals.added += imported.added;
            totals.unchanged += imported.unchanged;
            totals.bytes += imported.bytes;
            totals.reserved_owners.extend(imported.reserved_owners.iter().cloned());
            let record = Record::of(&imported, extra.notes(&imported.package));
            self.tally.show(&record, &record.text(self.is_dry_run))?;
        }
        let text = totals.text();
        self.tally.finish(totals, &text)
    }
}

impl<'a> Record<'a> {
    fn of(imported: &'a ImportedPackage, further: Vec<String>) -> Self {
        Self {
            package: imported.package.as_str(),
            added: imported.added,
            unchanged: imported.unchanged,
            bytes: imported.bytes,
            notes: imported.notes.iter().map(ToString::to_string).chain(further).collect(),
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
        let cached = self.cached.filter(|cached| *cached > 0).map(|cached| {
            let cached = count(cached, "package");
            format!("; {cached} that came from an uplink left out, which upstreams serve")
        });
        let cached = cached.unwrap_or_default();
        let owners = self.owners_text();
        format!(
            "{versions} ({bytes}) of {packages} {verb}, {unchanged} unchanged, {refused} refused{cached}{owners}"
        )
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
