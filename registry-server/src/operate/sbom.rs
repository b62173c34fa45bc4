//! `sbom`: bills of materials, directly from the storage.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use registry_core::domain::Version;
use registry_core::domain::lockfile::parse_lockfile;
use registry_core::packages::SbomSubject;
use registry_core::policy::package_and_versions;

use super::session::{self, Access};
use crate::command_line::{Overrides, WriteSbom};
use crate::run::print;

/// The largest lock file in bytes.
const LARGEST: u64 = 256 << 20;

pub(crate) fn sbom(overrides: &Overrides, request: &WriteSbom) -> anyhow::Result<()> {
    let subject = match (&request.package, &request.lockfile) {
        (_, Some(file)) => of_lockfile(file)?,
        (Some(package), None) => {
            let (name, version) = package_and_versions(package)?;
            SbomSubject::Package(name, version.map(Version::parse).transpose()?)
        }
        (None, None) => anyhow::bail!("name a package, or a lock file with --lockfile"),
    };
    let settings = session::load(overrides)?;
    let base = settings.registry.public_url.as_ref().map_or_else(
        || "http://localhost:4873".to_owned(),
        |url| url.as_url().as_str().trim_end_matches('/').to_owned(),
    );
    // A packument of an upstream is cached.
    session::run_with(settings, Access::Writes, async |registry| {
        let document = registry.sbom(None, &subject, &base).await?;
        print(&format!("{}\n", serde_json::to_string_pretty(&document)?))
    })
}

fn of_lockfile(file: &Path) -> anyhow::Result<SbomSubject> {
    let shown = file.display();
    let length = fs::metadata(file).with_context(|| format!("cannot read {shown}"))?.len();
    anyhow::ensure!(length <= LARGEST, "{shown} is larger than {} MiB, so it is no lock file", LARGEST >> 20);
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let locked = parse_lockfile(&text).with_context(|| format!("{shown} is not used"))?;
    let folder =
        fs::canonicalize(file).ok().and_then(|file| file.parent()?.file_name().map(ToOwned::to_owned));
    let application =
        folder.map_or_else(|| "application".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok(SbomSubject::Lockfile(application, locked))
}
