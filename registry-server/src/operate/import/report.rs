use futures::StreamExt as _;
use registry_core::bulk::{BulkError, BulkStream, ImportedPackage};
use registry_core::domain::PackageName;
use serde::Serialize;

use crate::operate::bulk::{Tally, count};

use super::totals::Totals;

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

    /// How many packages are left out because the lock files take them from elsewhere; `None` without a lock file.
    fn packages_elsewhere(&self) -> Option<u64> {
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

/// Shows what an import does, and its sum.
pub(in crate::operate) struct Report {
    tally: Tally,
    is_dry_run: bool,
}

impl Report {
    /// Begins with the number of packages.
    pub(in crate::operate) fn begin(is_dry_run: bool, packages: u64) -> Self {
        Self { tally: Tally::begin("importing packages", Some(packages)), is_dry_run }
    }

    /// Shows a record of something else.
    pub(super) fn show(&self, record: &impl Serialize, text: &str) -> anyhow::Result<()> {
        self.tally.show(record, text)
    }

    /// Shows and counts a failure that is no package's.
    pub(super) fn fail(&mut self, failure: String) -> anyhow::Result<()> {
        self.tally.fail(&OtherFailure(failure))
    }

    /// Shows and counts a failure to list the packages. Ends the import if the source is this registry.
    pub(super) fn fail_to_list(&mut self, failure: BulkError) -> anyhow::Result<()> {
        match failure {
            failure @ BulkError::FromItself { .. } => Err(failure.into()),
            failure => self.tally.fail(&failure),
        }
    }

    /// Shows each package as it is imported, and then the sum.
    pub(in crate::operate) async fn packages(
        mut self,
        mut packages: BulkStream<ImportedPackage>,
        extra: &impl Extra,
    ) -> anyhow::Result<()> {
        let mut totals = Totals::begin(self.is_dry_run);
        totals.cached = extra.cached_packages();
        totals.elsewhere = extra.packages_elsewhere();
        while let Some(outcome) = packages.next().await {
            let imported = match outcome {
                Err(error @ BulkError::FromItself { .. }) => return Err(error.into()),
                Err(error) if !is_of_package(&error) => {
                    totals.refused += u64::from(is_of_version(&error));
                    self.tally.fail(&error)?;
                    continue;
                }
                outcome => self.tally.step(outcome)?,
            };
            let Some(imported) = imported else { continue };
            totals.add(&imported);
            let record = Record::of(&imported, extra.notes(&imported.package));
            self.tally.show_step(&record, &record.text(self.is_dry_run))?;
        }
        let text = totals.text();
        self.tally.finish(totals, &text)
    }
}

/// Whether a failure is that of a whole package.
fn is_of_package(error: &BulkError) -> bool {
    matches!(
        error,
        BulkError::Package { .. }
            | BulkError::Source { .. }
            | BulkError::SourceRefused { .. }
            | BulkError::NotAtSource { .. }
            | BulkError::NoPossibleOwner { .. }
    )
}

fn is_of_version(error: &BulkError) -> bool {
    matches!(error, BulkError::Refused { .. } | BulkError::SourceTarball { .. })
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
