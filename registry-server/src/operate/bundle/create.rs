use std::fs;
use std::path::Path;

use anyhow::Context as _;
use indicatif::HumanBytes;
use registry_core::bulk::{Bundle, BundleOptions, BundledVersion, WrittenBundle};
use registry_core::domain::lockfile::{LockedPackage, parse_lockfile};
use serde::Serialize;

use crate::command_line::{CreateBundle, Overrides};
use crate::operate::bulk::{Tally, count};
use crate::operate::session::{Access, run};

use super::trust;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Record<'a> {
    package: &'a str,
    version: &'a str,
    bytes: u64,
    in_base: bool,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Totals {
    versions: u64,
    in_base: u64,
    /// Of the file; none if it was not written.
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// Writes a bundle.
pub(super) fn create(overrides: &Overrides, request: &CreateBundle) -> anyhow::Result<()> {
    // What is wrong with the files is told before anything is opened.
    let locked = locked(request)?;
    let trusted = trust::named(overrides, &[])?;
    run(overrides, Access::Writes, async |registry| {
        let mut options = BundleOptions::new(locked, request.output.clone());
        if let Some(since) = &request.since {
            let trusted = trust::with_all_own(registry, trusted).await?;
            let base = Bundle::open(since, &trusted).await;
            options.base = Some(base.with_context(|| format!("cannot use {} as the base", since.display()))?);
        }
        let mut builder = registry.begin_bundle(options).await?;
        let mut tally = Tally::begin("bundling", Some(builder.total()));
        let mut totals = Totals::default();
        let mut is_complete = true;
        while let Some(outcome) = builder.next().await {
            is_complete &= outcome.is_ok();
            let Some(version) = tally.step(outcome)? else { continue };
            totals.versions += 1;
            totals.in_base += u64::from(version.is_in_base);
            let record = Record::of(&version);
            tally.show_step(&record, &record.text())?;
        }
        if is_complete {
            totals.tell_of(&builder.finish().await?, &request.output);
        }
        let text = totals.text();
        tally.finish(totals, &text)
    })
}

/// Reads the lock files.
fn locked(request: &CreateBundle) -> anyhow::Result<Vec<LockedPackage>> {
    let mut locked = Vec::new();
    for file in &request.lockfiles {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        locked.extend(parse_lockfile(&text).with_context(|| format!("{} cannot be used", file.display()))?);
    }
    if locked.is_empty() {
        anyhow::bail!("the lock files take no package from a registry: there is nothing to bundle");
    }
    Ok(locked)
}

impl<'a> Record<'a> {
    fn of(version: &'a BundledVersion) -> Self {
        Self {
            package: version.package.as_str(),
            version: version.version.as_str(),
            bytes: version.bytes,
            in_base: version.is_in_base,
        }
    }

    fn text(&self) -> String {
        let what = if self.in_base { "in the base".to_owned() } else { HumanBytes(self.bytes).to_string() };
        format!("{}@{}: {what}", self.package, self.version)
    }
}

impl Totals {
    fn tell_of(&mut self, written: &WrittenBundle, output: &Path) {
        self.bytes = written.bytes;
        self.file = Some(output.display().to_string());
        self.key = Some(written.key.to_string());
    }

    fn text(&self) -> String {
        let versions = count(self.versions, "version");
        match (&self.file, &self.key) {
            (Some(file), Some(key)) => format!(
                "{versions}, {} in the base, written to {file} ({}), signed by {key}",
                self.in_base,
                HumanBytes(self.bytes)
            ),
            _ => format!("{versions} read, and nothing written"),
        }
    }
}
