//! `recall`: stops a version on all servers of a storage, and says who downloaded it.

use std::fmt::Write as _;

use anyhow::Context as _;
use registry_core::Registry;
use registry_core::domain::{PackageName, Version};
use registry_core::packages::{FetchReport, Fetcher};
use registry_core::policy::{BlockedVersions, RecallRequest, package_and_versions};
use serde_json::json;

use super::policy::line;
use super::session::{self, Access};
use crate::accounts::timestamp;
use crate::command_line::{Overrides, RecallAction, RecallVersion};
use crate::report::Report;
use crate::run::print;

/// Recalls a version, or runs an action, and prints the result.
pub(crate) fn recall(overrides: &Overrides, request: &RecallVersion) -> anyhow::Result<()> {
    let json = request.json;
    match &request.action {
        None => {
            let (name, version) = package_and_version(request.version.as_deref().unwrap_or_default())?;
            let reason = request.reason.as_deref().unwrap_or_default();
            let recall = RecallRequest::new(name.clone(), version.clone(), reason);
            session::run(overrides, Access::Writes, async |registry| {
                let recalled = registry.recall_version(None, recall.clone()).await?;
                // The version is stopped, whatever becomes of the report.
                print(&Report::new(format!("recalled {}\n", line(&recalled)), &recalled)?.render(json))?;
                report(registry, &name, &version, json).await
            })
        }
        Some(RecallAction::Undo { version }) => {
            let (name, version) = package_and_version(version)?;
            session::run(overrides, Access::Writes, async |registry| {
                let undone = registry.undo_recall(None, &name, &version).await?;
                let text = format!("no longer recalled: {}@{}\n", undone.package, undone.versions);
                print(&Report::new(text, &undone)?.render(json))
            })
        }
        Some(RecallAction::List) => session::run(overrides, Access::Reads, async |registry| {
            let mut recalled = registry.blocked_versions(None).await?;
            recalled.retain(|entry| entry.recalled.is_some());
            let line = |entry: &&BlockedVersions| line(entry) + "\n";
            print(&Report::list(&recalled, line, |entry| *entry)?.render(json))
        }),
        Some(RecallAction::Report { version }) => {
            let (name, version) = package_and_version(version)?;
            session::run(overrides, Access::Reads, async |registry| {
                report(registry, &name, &version, json).await
            })
        }
    }
}

fn package_and_version(text: &str) -> anyhow::Result<(PackageName, Version)> {
    let (name, version) = package_and_versions(text)?;
    let version = version.with_context(|| format!("{text:?} names no version: write it as {name}@1.2.3"))?;
    let version = Version::parse(version).with_context(|| {
        format!("{version:?} is no version: a recall is of one, such as {name}@1.2.3; `registry-server policy block` takes ranges")
    })?;
    Ok((name, version))
}

async fn report(
    registry: &Registry,
    name: &PackageName,
    version: &Version,
    json: bool,
) -> anyhow::Result<()> {
    let report = registry.fetch_report(None, name, version).await;
    let report = report.with_context(|| format!("cannot say who downloaded {name}@{version}"))?;
    print(&Report::new(report_text(&report)?, &json!(report))?.render(json))
}

fn report_text(report: &FetchReport) -> anyhow::Result<String> {
    let (package, version) = (&report.package, &report.version);
    let mut text =
        format!("{package}@{version} was downloaded {} times, as far as was counted\n", report.downloads);
    for (day, count) in &report.days {
        writeln!(text, "  {day} {count}")?;
    }
    if !report.fetchers.is_empty() {
        text.push_str("downloaded by\n");
    }
    for fetcher in &report.fetchers {
        let Fetcher { principal, address, client, downloads, first, last, .. } = fetcher;
        let who =
            principal.as_deref().map_or_else(|| "anonymous".to_owned(), |who| who.escape_debug().to_string());
        let from = address.map(|address| format!(" from {address}")).unwrap_or_default();
        let with =
            client.as_ref().map(|client| format!(" with {}", client.escape_debug())).unwrap_or_default();
        let (first, last) = (timestamp(*first), timestamp(*last));
        writeln!(text, "  {who}{from}{with}: {downloads}, first {first}, last {last}")?;
    }
    text.push_str("not recorded\n");
    for gap in &report.not_recorded {
        writeln!(text, "  {gap}")?;
    }
    Ok(text)
}
