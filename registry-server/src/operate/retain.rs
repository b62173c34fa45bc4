//! `retain`: removes old versions by rules.

use std::fmt::Write as _;

use anyhow::Context as _;
use futures::StreamExt as _;
use indicatif::BinaryBytes;
use registry_core::Registry;
use registry_core::care::{RetainedPackage, RetentionRules};
use registry_core::domain::PackageName;
use registry_core::domain::retention::KeepReason;
use registry_core::settings;
use serde::Serialize;

use super::bulk::{Tally, count, mode};
use super::session::{self, Access};
use crate::command_line::{Overrides, RetainRequest};

/// A package, as a line of JSON.
#[derive(Serialize)]
struct PackageRecord<'a> {
    package: &'a str,
    rule: Option<usize>,
    removed: Vec<Removed<'a>>,
    kept: Vec<Kept<'a>>,
}

#[derive(Serialize)]
struct Removed<'a> {
    version: &'a str,
    bytes: u64,
}

#[derive(Serialize)]
struct Kept<'a> {
    version: &'a str,
    reasons: &'a [KeepReason],
}

/// The last line.
#[derive(Serialize)]
struct Summary<'a> {
    retained: &'a Totals,
}

#[derive(Default, Serialize)]
struct Totals {
    /// Packages that lose a version.
    packages: u64,
    versions: u64,
    bytes: u64,
    kept: u64,
    without_rule: u64,
    leftovers: u64,
    #[serde(rename = "dry-run")]
    dry_run: bool,
}

/// Removes, or says what would go.
pub(crate) fn retain(overrides: &Overrides, request: &RetainRequest) -> anyhow::Result<()> {
    let settings = session::load(overrides)?;
    let rules = rules(&settings.registry, request)?;
    let access = if request.apply { Access::Writes } else { Access::Reads };
    session::run_with(settings, access, async |registry| {
        let names = session::packages(registry, request.package.as_ref()).await?;
        retain_all(registry, names, rules, request).await
    })
}

fn rules(settings: &settings::Settings, request: &RetainRequest) -> anyhow::Result<RetentionRules> {
    let Some(table) = request.keep.to_table() else {
        let rules = settings.retain.compile()?;
        if rules.is_empty() {
            anyhow::bail!(
                "no rule says what to keep: write [[retain]] in registry.toml, or give --releases or --prereleases"
            );
        }
        return Ok(rules);
    };
    table.check(1, &settings.downloads).context("the rule of the flags is wrong")?;
    Ok(RetentionRules::compile(&[table.to_rule()])?)
}

async fn retain_all(
    registry: &Registry,
    names: Vec<PackageName>,
    rules: RetentionRules,
    request: &RetainRequest,
) -> anyhow::Result<()> {
    let mut tally = Tally::begin("looking at packages", Some(names.len() as u64));
    let mut totals = Totals { dry_run: !request.apply, ..Totals::default() };
    let mut packages = registry.retain_packages(names, rules, mode(!request.apply)).await?;
    while let Some(package) = packages.next().await {
        let Some(package) = tally.step(package)? else { continue };
        totals.add(&package);
        if request.explain && package.rule.is_some() {
            tally.show(&PackageRecord::of(&package), &explained(&package))?;
        } else if !package.removed.is_empty() {
            tally.show(&PackageRecord::of(&package), &removal(&package, request.apply))?;
        }
    }
    tally.finish(&Summary { retained: &totals }, &totals.to_text())
}

impl<'a> PackageRecord<'a> {
    fn of(package: &'a RetainedPackage) -> Self {
        let removed = package.removed.iter();
        let removed = removed.map(|removed| Removed { version: &removed.version, bytes: removed.bytes });
        let kept = package.kept.iter().map(|kept| Kept { version: &kept.version, reasons: &kept.reasons });
        Self {
            package: package.name.as_str(),
            rule: package.rule.map(Into::into),
            removed: removed.collect(),
            kept: kept.collect(),
        }
    }
}

impl Totals {
    fn add(&mut self, package: &RetainedPackage) {
        self.packages += u64::from(!package.removed.is_empty());
        self.versions += package.removed.len() as u64;
        self.bytes += package.removed.iter().map(|removed| removed.bytes).sum::<u64>();
        self.kept += package.kept.len() as u64;
        self.without_rule += u64::from(package.rule.is_none());
        self.leftovers += package.leftovers;
    }

    fn to_text(&self) -> String {
        let what = format!(
            "{} ({}) of {}",
            count(self.versions, "version"),
            BinaryBytes(self.bytes),
            count(self.packages, "package")
        );
        let mut text = match (self.versions, self.dry_run) {
            (0, _) => format!("nothing to remove, {} stay", self.kept),
            (_, false) => format!("removed {what}, {} stay", self.kept),
            (_, true) => format!(
                "would remove {what}, {} stay; with --apply they go for good: no number is free again",
                self.kept
            ),
        };
        // Writing to a string cannot fail.
        if self.without_rule > 0 {
            let _ =
                write!(text, "; without a rule, and so unchanged: {}", count(self.without_rule, "package"));
        }
        if self.leftovers > 0 {
            let _ = write!(text, "; deleted {} that an earlier run left", count(self.leftovers, "tarball"));
        }
        text
    }
}

fn removal(package: &RetainedPackage, applied: bool) -> String {
    let versions: Vec<_> = package.removed.iter().map(|removed| removed.version.as_str()).collect();
    let verb = if applied { "removed" } else { "would remove" };
    format!("{}: {verb} {}, {} stay", package.name, versions.join(", "), package.kept.len())
}

/// A table of all versions.
fn explained(package: &RetainedPackage) -> String {
    let kept = package.kept.iter().map(|kept| (kept.version.as_str(), reasons(&kept.reasons)));
    let removed = package.removed.iter().map(|removed| (removed.version.as_str(), String::new()));
    let rows: Vec<_> = kept.chain(removed).collect();
    let width = rows.iter().map(|(version, _)| version.len()).max().unwrap_or_default();
    let mut text = package.name.to_string();
    for (version, reasons) in rows {
        let verdict = if reasons.is_empty() { "goes" } else { "stays" };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {version:<width$}  {verdict:<5}  {reasons}");
    }
    text
}

fn reasons(reasons: &[KeepReason]) -> String {
    reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
