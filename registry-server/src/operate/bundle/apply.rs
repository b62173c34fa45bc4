use anyhow::Context as _;
use chrono::SecondsFormat;
use registry_core::bulk::{ApplyOptions, Bundle};

use crate::command_line::{ApplyBundle, Overrides};
use crate::operate::bulk::{mode, say};
use crate::operate::import::{NoExtra, Report};
use crate::operate::session::{Access, run};

use super::trust;

/// Verifies a bundle, and imports its packages.
pub(super) fn apply(overrides: &Overrides, request: &ApplyBundle) -> anyhow::Result<()> {
    let trusted = trust::named(overrides, &request.keys)?;
    let access = if request.dry_run { Access::Reads } else { Access::Writes };
    let file = request.file.display();
    run(overrides, access, async |registry| {
        let trusted = trust::with_own(registry, trusted).await?;
        let cannot = || format!("cannot apply {file}");
        let bundle = Bundle::open(&request.file, &trusted).await.with_context(cannot)?;
        say(&format!(
            "{file} was made at {} and is signed by {}",
            bundle.created().to_rfc3339_opts(SecondsFormat::Secs, true),
            bundle.key()
        ));
        let packages = bundle.packages();
        let mut options = ApplyOptions::default();
        options.into_published = request.into_published;
        options.mode = mode(request.dry_run);
        let bundle = bundle.check().await.with_context(cannot)?;
        Report::begin(request.dry_run, packages)
            .packages(registry.apply_bundle(bundle, options), &NoExtra)
            .await
    })
}
