use std::collections::BTreeSet;

use indicatif::HumanBytes;
use registry_core::bulk::{ImportNote, ImportedPackage};
use serde::Serialize;

use crate::operate::bulk::count;

/// How many owners the sum names.
const OWNERS_SHOWN: usize = 20;

/// The sum of an import.
#[derive(Default, Serialize)]
pub(super) struct Totals {
    packages: u64,
    added: u64,
    unchanged: u64,
    pub(super) refused: u64,
    bytes: u64,
    /// Owners of all packages without an account here.
    #[serde(rename = "reserved-owners", skip_serializing_if = "BTreeSet::is_empty")]
    reserved_owners: BTreeSet<String>,
    #[serde(skip_serializing_if = "Kept::is_empty")]
    kept: Kept,
    /// Packages that are left out because they are only cached at the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cached: Option<u64>,
    /// Packages that are left out because the lock files take them from elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) elsewhere: Option<u64>,
    #[serde(rename = "dry-run")]
    is_dry_run: bool,
}

/// What differs at the source and stays as it is here, as `package`, `package tag` or `package@version`.
#[derive(Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Kept {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dist_tags: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deprecations: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    owners: Vec<String>,
    /// Versions that were unpublished here only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unpublished_here: Vec<String>,
    /// Versions that are not at the source any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gone_at_source: Vec<String>,
}

impl Kept {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, imported: &ImportedPackage) {
        let package = &imported.package;
        for note in &imported.notes {
            match note {
                ImportNote::DistTagKept { tag } => self.dist_tags.push(format!("{package} {tag}")),
                ImportNote::DeprecationKept { version } => {
                    self.deprecations.push(format!("{package}@{version}"));
                }
                ImportNote::OwnersKept | ImportNote::OwnersGone => self.owners.push(package.to_string()),
                ImportNote::StaysUnpublished { version } => {
                    self.unpublished_here.push(format!("{package}@{version}"));
                }
                ImportNote::StaysPublished { version } | ImportNote::GoneAtSource { version } => {
                    self.gone_at_source.push(format!("{package}@{version}"));
                }
                _ => {}
            }
        }
    }

    fn text(&self) -> String {
        let kinds = [
            (&self.dist_tags, "dist-tag"),
            (&self.deprecations, "deprecation"),
            (&self.owners, "list of owners"),
            (&self.unpublished_here, "version unpublished here"),
            (&self.gone_at_source, "version gone at the source"),
        ];
        let kinds = kinds.into_iter().filter(|(names, _)| !names.is_empty());
        let kinds: Vec<_> = kinds
            .map(|(names, kind)| match (names.len(), kind.split_once(' ')) {
                (1, _) => format!("1 {kind}"),
                (number, Some((noun, rest))) => format!("{number} {noun}s {rest}"),
                (number, None) => format!("{number} {kind}s"),
            })
            .collect();
        if kinds.is_empty() {
            return String::new();
        }
        format!("\ndiffers at the source, and stays as it is here: {}", kinds.join(", "))
    }
}

impl Totals {
    pub(super) fn begin(is_dry_run: bool) -> Self {
        Self { is_dry_run, ..Self::default() }
    }

    pub(super) fn add(&mut self, imported: &ImportedPackage) {
        self.packages += 1;
        self.added += imported.added;
        self.unchanged += imported.unchanged;
        self.bytes += imported.bytes;
        self.reserved_owners.extend(imported.reserved_owners.iter().cloned());
        self.kept.add(imported);
    }

    pub(super) fn text(&self) -> String {
        let verb = if self.is_dry_run { "would be imported" } else { "imported" };
        let (versions, bytes) = (count(self.added, "version"), HumanBytes(self.bytes));
        let packages = count(self.packages, "package");
        let (unchanged, refused) = (self.unchanged, self.refused);
        let left_out = |number: Option<u64>, why: &str| {
            let number = number.filter(|number| *number > 0);
            number.map(|number| format!("; {} {why}", count(number, "package"))).unwrap_or_default()
        };
        let cached = left_out(self.cached, "that came from an uplink left out, which upstreams serve");
        let elsewhere = left_out(self.elsewhere, "left out, which lock files take from other registries");
        let (kept, owners) = (self.kept.text(), self.owners_text());
        format!(
            "{versions} ({bytes}) of {packages} {verb}, {unchanged} unchanged, {refused} refused{cached}{elsewhere}{kept}{owners}"
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
