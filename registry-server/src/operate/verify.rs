//! `verify`: compares every tarball with its digests, and looks for damage in packuments.

use anyhow::Context as _;
use futures::TryStreamExt as _;
use indicatif::BinaryBytes;
use registry_core::Registry;
use registry_core::care::{Finding, VerifyOptions};
use serde::Serialize;

use super::bulk::count;
use super::exit::{Findings, NotChecked};
use super::progress::Progress;
use super::session::{self, Access};
use crate::command_line::{Overrides, VerifyRequest};

#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    advice: &'static str,
}

#[derive(Debug, Default, Serialize)]
struct Verified {
    packages: u64,
    versions: u64,
    bytes: u64,
    findings: u64,
    repaired: u64,
}

#[derive(Serialize)]
struct Summary<'a> {
    verified: &'a Verified,
}

/// Verifies all packages, or one. Fails with [`Findings`] if something stays wrong, and with [`NotChecked`] if the check
/// did not finish.
pub(crate) fn verify(overrides: &Overrides, request: &VerifyRequest) -> anyhow::Result<()> {
    let access = if request.repair { Access::Writes } else { Access::Reads };
    let verified = session::run(overrides, access, async |registry| verify_all(registry, request).await);
    let verified = verified.context(NotChecked)?;
    if verified.findings == verified.repaired { Ok(()) } else { Err(Findings.into()) }
}

async fn verify_all(registry: &Registry, request: &VerifyRequest) -> anyhow::Result<Verified> {
    let names = session::packages(registry, request.package.as_ref()).await?;
    let mut options = VerifyOptions::default();
    options.repair = request.repair;
    options.older_than = request.older_than;
    let progress = Progress::begin("verifying packages", Some(names.len() as u64));
    let mut verified = Verified::default();
    let mut packages = registry.verify_packages(names, options);
    while let Some(package) = packages.try_next().await? {
        for finding in &package.findings {
            verified.findings += 1;
            verified.repaired += u64::from(finding.repaired);
            progress.show(&Record { finding, advice: finding.kind.advice() }, &finding.to_string())?;
        }
        verified.packages += 1;
        verified.versions += package.versions as u64;
        verified.bytes += package.bytes;
        progress.step();
    }
    let Verified { packages, versions, bytes, findings, repaired } = &verified;
    let text = format!(
        "verified {} with {} and {} of tarballs: {}, {repaired} repaired",
        count(*packages, "package"),
        count(*versions, "version"),
        BinaryBytes(*bytes),
        count(*findings, "finding")
    );
    progress.finish(&Summary { verified: &verified }, &text)?;
    Ok(verified)
}
