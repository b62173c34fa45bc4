//! `index`: sends every package to the sinks of the change feed again, and rebuilds the search index.

use futures::StreamExt as _;
use registry_core::Registry;
use registry_core::bulk::BulkMode;
use registry_core::settings::{Trial, open_registry};
use serde::Serialize;

use crate::command_line::{IndexPackages, Overrides};
use crate::settings::Settings;

use super::bulk::{Tally, count, mode, open, open_store, run};
use super::session::load;

#[derive(Serialize)]
struct Record<'a> {
    package: &'a str,
    version: Option<&'a str>,
}

#[derive(Serialize)]
struct Totals {
    packages: u64,
    sinks: usize,
    #[serde(rename = "search-index")]
    search_index: &'static str,
    #[serde(rename = "dry-run")]
    is_dry_run: bool,
}

/// Sends the packages and rebuilds the index.
pub(crate) fn index(overrides: &Overrides, request: &IndexPackages) -> anyhow::Result<()> {
    let settings = load(overrides)?;
    let mode = mode(request.dry_run);
    run(&settings, async {
        let registry = open_with_sinks(&settings, mode).await?;
        let mut tally = Tally::begin("sending packages", None);
        let (sinks, is_dry_run) = (sinks(&settings), request.dry_run);
        let mut totals = Totals { packages: 0, sinks, search_index: "unchanged", is_dry_run };
        let mut packages = registry.send_packages_again(mode);
        while let Some(package) = packages.next().await {
            let Some(package) = tally.step(package)? else { continue };
            let Some(version) = package.version.as_deref() else { continue };
            totals.packages += 1;
            let name = package.package.as_str();
            let record = Record { package: name, version: Some(version) };
            tally.show(&record, &format!("{name}@{version}"))?;
        }
        if mode == BulkMode::Apply && tally.step(registry.rebuild_search_index().await)?.is_some() {
            totals.search_index = "rebuilt";
        }
        let text = totals.text();
        tally.finish(totals, &text)
    })
}

/// A dry run opens no sinks: they would deliver what waits in the change feed.
async fn open_with_sinks(settings: &Settings, mode: BulkMode) -> anyhow::Result<Registry> {
    if mode == BulkMode::DryRun {
        return open(&settings.registry.storage, mode).await;
    }
    // Refuses a storage without a registry, which the following would begin.
    drop(open_store(&settings.registry.storage, mode).await?);
    Ok(open_registry(&settings.registry, Trial::Never, |builder| builder).await?)
}

/// Counts the sinks that take events of the kind `indexed`.
fn sinks(settings: &Settings) -> usize {
    let settings = &settings.registry;
    let kinds = settings.webhooks.values().map(|webhook| &webhook.kinds);
    let webhooks = kinds.filter(|kinds| kinds.is_empty() || kinds.iter().any(|kind| kind == "indexed"));
    webhooks.count() + settings.sns.len() + usize::from(settings.codebox_log.is_some())
}

impl Totals {
    fn text(&self) -> String {
        let packages = count(self.packages, "package");
        let sent = match (self.sinks, self.is_dry_run) {
            (0, _) => format!(
                "{packages} found and sent nowhere, because no [codebox_log] and no [sns.NAME] is configured, and no [webhooks.NAME] \
                 that takes the kind indexed"
            ),
            (sinks, true) => format!("{packages} would be sent to {}", count(sinks as u64, "sink")),
            (sinks, false) => format!("{packages} sent to {}", count(sinks as u64, "sink")),
        };
        let index = match (self.search_index, self.is_dry_run) {
            (_, true) => "the search index would be rebuilt",
            ("rebuilt", _) => "the search index is rebuilt",
            _ => "the search index could not be rebuilt",
        };
        format!("{sent}; {index}")
    }
}
