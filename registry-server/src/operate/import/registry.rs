use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use registry_core::bulk::ImportOptions;
use registry_core::upstream::{HttpUpstream, HttpUpstreamSettings, Upstream, UpstreamError};

use crate::command_line::{ImportRegistry, Overrides};
use crate::operate::bulk::mode;
use crate::operate::session::{Access, run};

use super::credential::credential;
use super::names::names;
use super::report::{NoExtra, Report};

/// Imports packages of a registry over HTTP.
pub(super) fn import(overrides: &Overrides, request: &ImportRegistry) -> anyhow::Result<()> {
    // What is wrong with the files is told before anything is opened.
    let mut options = ImportOptions::default();
    options.names = names(request)?;
    options.scopes.clone_from(&request.scopes);
    options.all = request.all;
    options.mode = mode(request.dry_run);
    let settings = settings(request)?;
    let access = if request.dry_run { Access::Reads } else { Access::Writes };
    run(overrides, access, async |registry| {
        let has_credential = settings.credential.is_some();
        let source = Arc::new(HttpUpstream::new(settings)?);
        if has_credential {
            refuse_invalid_credential(source.as_ref()).await?;
        }
        Report::begin(request.dry_run).packages(registry.import_packages(source, options), &NoExtra).await
    })
}

/// A search answers without a valid login, too, and leaves out what needs one, so that the import would look complete.
async fn refuse_invalid_credential(source: &dyn Upstream) -> anyhow::Result<()> {
    match source.whoami().await {
        Err(UpstreamError::Refused { status: 401, .. }) => anyhow::bail!(
            "{source} does not accept the token or login that the command was given, which may have expired: make a new one \
             there, and run the command again"
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
