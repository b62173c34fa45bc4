use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::StreamExt as _;
use registry_core::Registry;
use registry_core::bulk::{BulkError, ImportOptions};
use registry_core::domain::PackageName;
use registry_core::upstream::{HttpUpstream, HttpUpstreamSettings, Upstream, UpstreamError};

use crate::command_line::{ImportRegistry, Overrides};
use crate::operate::bulk::mode;
use crate::operate::session::{Access, run};

use super::credential::credential;
use super::names::names;
use super::report::Report;

/// The fewest bytes a second of each tarball: eight at once come over a line of a megabit a second. A source that trickles would
/// hold the import otherwise.
const LEAST_RATE: u32 = 16 << 10;

/// Imports packages of a registry over HTTP.
pub(super) fn import(overrides: &Overrides, request: &ImportRegistry) -> anyhow::Result<()> {
    // What is wrong with the files is told before anything is opened.
    let mut options = ImportOptions::default();
    let named = names(request)?;
    options.names.clone_from(&named.names);
    options.scopes.clone_from(&request.scopes);
    options.all = request.all;
    options.mode = mode(request.dry_run);
    let settings = settings(request)?;
    let access = if request.dry_run { Access::Reads } else { Access::Writes };
    run(overrides, access, async |registry| {
        let source = Arc::new(HttpUpstream::new(settings)?);
        if let Some(flag) = request.credential.flag() {
            refuse_invalid_credential(source.as_ref(), flag).await?;
        }
        let (packages, failures) = list(registry, &source, &options).await;
        let mut report = Report::begin(request.dry_run, packages.len() as u64);
        named.show_elsewhere(&report)?;
        for failure in failures {
            report.fail_to_list(failure)?;
        }
        options = ImportOptions::default();
        options.names = packages;
        options.mode = mode(request.dry_run);
        options.into_published = request.into_published;
        report.packages(registry.import_packages(source, options), &named).await
    })
}

/// Finds out which packages there are, so that their number is known before the first is imported.
async fn list(
    registry: &Registry,
    source: &Arc<HttpUpstream>,
    options: &ImportOptions,
) -> (Vec<PackageName>, Vec<BulkError>) {
    let source = Arc::clone(source);
    let (mut names, mut failures) = (Vec::new(), Vec::new());
    let mut listed = registry.source_packages(source, options.clone());
    while let Some(found) = listed.next().await {
        match found {
            Ok(name) => names.push(name),
            Err(failure) => failures.push(failure),
        }
    }
    (names, failures)
}

/// A search answers without a valid login, too, and leaves out what needs one, so that the import would look complete.
async fn refuse_invalid_credential(source: &dyn Upstream, flag: &str) -> anyhow::Result<()> {
    match source.whoami().await {
        Err(UpstreamError::Refused { status: 401, .. }) => anyhow::bail!(
            "{source} does not accept the token or login of {flag}, which may have expired: make a new one there, and run the \
             command again"
        ),
        _ => Ok(()),
    }
}

/// An import has more patience than a server, whose clients wait.
fn settings(request: &ImportRegistry) -> anyhow::Result<HttpUpstreamSettings> {
    let mut settings = HttpUpstreamSettings::new(request.url.as_url().clone());
    settings.credential = credential(&request.credential)?;
    settings.tarball_hosts.clone_from(&request.tarball_hosts);
    settings.first_byte_timeout = Duration::from_secs(30);
    settings.request_timeout = Duration::from_mins(5);
    settings.stall_timeout = Duration::from_mins(1);
    settings.least_tarball_rate = LEAST_RATE;
    settings.retries = 4;
    settings.longest_retry_after = Duration::from_mins(1);
    // A pause would fail the packages that follow.
    settings.failures_until_pause = 0;
    for file in &request.certificate_files {
        let pem =
            fs::read(file).with_context(|| format!("cannot read the certificates in {}", file.display()))?;
        settings.extra_root_certificates.push(pem.into());
    }
    Ok(settings)
}
