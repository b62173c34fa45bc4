//! `domain --host URL`: moves the tarball URLs that codebox-npm stored.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use registry_core::bulk::{BulkMode, MovedPackage, TarballBase};
use serde::Serialize;

use crate::command_line::{MoveTarballUrls, Overrides};

use super::bulk::{Tally, count, mode, open, run};
use super::session::load;

/// A package with URLs of codebox-npm.
#[derive(Serialize)]
struct Record<'a> {
    package: &'a str,
    hosts: &'a BTreeMap<String, usize>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unknown: &'a [String],
    moved: usize,
}

/// What was found in all packages.
#[derive(Default, Serialize)]
struct Totals {
    packages: u64,
    hosts: BTreeMap<String, usize>,
    unknown: usize,
    moved: usize,
    #[serde(rename = "dry-run")]
    is_dry_run: bool,
}

/// Moves the URLs, or reports them where no host is given.
pub(crate) fn move_tarball_urls(overrides: &Overrides, request: &MoveTarballUrls) -> anyhow::Result<()> {
    let settings = load(overrides)?;
    // Without a host there is nothing to write.
    let mode = mode(request.dry_run || request.host.is_none());
    run(&settings, async {
        let registry = open(&settings.registry.storage, mode).await?;
        let mut tally = Tally::begin("reading packages", None);
        let mut totals = Totals { is_dry_run: request.dry_run, ..Totals::default() };
        let mut packages = registry.move_tarball_urls(request.host.clone(), mode);
        while let Some(package) = packages.next().await {
            let Some(package) = tally.step(package)? else { continue };
            totals.add(&package);
            if package.bases.is_empty() && package.unknown.is_empty() {
                continue;
            }
            let record = Record {
                package: package.package.as_str(),
                hosts: &package.bases,
                unknown: &package.unknown,
                moved: package.moved,
            };
            tally.show(&record, &line(&package, request.host.as_ref(), mode))?;
        }
        let text = totals.text(request.host.as_ref(), mode);
        tally.finish(totals, &text)
    })
}

fn line(package: &MovedPackage, host: Option<&TarballBase>, mode: BulkMode) -> String {
    let MovedPackage { package, bases, unknown, moved, .. } = package;
    let hosts = bases.iter().map(|(host, versions)| format!("{host} ({versions})"));
    let mut parts: Vec<String> = hosts.collect();
    if !unknown.is_empty() {
        parts.push(format!("another form in {}", unknown.join(", ")));
    }
    if host.is_some() {
        let verb = if mode == BulkMode::DryRun { "would be moved" } else { "moved" };
        parts.push(format!("{moved} {verb}"));
    }
    format!("{package}: {}", parts.join("; "))
}

impl Totals {
    fn add(&mut self, package: &MovedPackage) {
        self.packages += 1;
        self.unknown += package.unknown.len();
        self.moved += package.moved;
        for (host, versions) in &package.bases {
            *self.hosts.entry(host.clone()).or_default() += versions;
        }
    }

    fn text(&self, host: Option<&TarballBase>, mode: BulkMode) -> String {
        let packages = count(self.packages, "package");
        let versions: usize = self.hosts.values().sum();
        match host {
            _ if versions == 0 => format!("{packages}: no tarball URL has a host, so there is nothing to do"),
            None => format!(
                "{packages}: {versions} tarball URLs have a host. This registry does not use it, and there is nothing to \
                 do; for a codebox-npm that still runs on this storage, move them with --host"
            ),
            Some(host) if self.moved == 0 => {
                format!(
                    "{packages}: all {versions} tarball URLs with a host begin with {host}; nothing to do"
                )
            }
            Some(host) => {
                let verb = if mode == BulkMode::DryRun { "would be moved" } else { "moved" };
                format!("{packages}: {} of {versions} tarball URLs {verb} to {host}", self.moved)
            }
        }
    }
}
