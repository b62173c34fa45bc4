use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use registry_core::domain::PackageName;
use registry_core::domain::lockfile::{LockedPackage, parse_lockfile};
use serde::Serialize;
use url::Url;

use crate::command_line::ImportRegistry;
use crate::operate::bulk::count;

use super::report::{Extra, Report};

/// How many packages of a host a text names.
const NAMES_SHOWN: usize = 20;

/// The packages that a request and its files name.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) names: Vec<PackageName>,
    /// Host → the packages that lock files take from there, and from nowhere at the source. `None` without a lock file.
    elsewhere: Option<BTreeMap<String, BTreeSet<PackageName>>>,
}

#[derive(Serialize)]
struct LeftOut<'a> {
    host: &'a str,
    #[serde(rename = "left-out")]
    packages: &'a BTreeSet<PackageName>,
}

/// Returns the packages that the request and its files name.
pub(super) fn names(request: &ImportRegistry) -> anyhow::Result<Named> {
    let mut named = Named { names: request.names.clone(), elsewhere: None };
    for file in &request.names_files {
        named
            .names
            .extend(listed(&read(file)?).with_context(|| format!("{} cannot be used", file.display()))?);
    }
    for file in &request.lockfiles {
        let locked =
            parse_lockfile(&read(file)?).with_context(|| format!("{} cannot be used", file.display()))?;
        named.add_locked(locked, request);
    }
    named.finish();
    if named.names.is_empty() && request.scopes.is_empty() && !request.all {
        let (source, elsewhere) = (request.url.as_url(), named.packages_elsewhere().unwrap_or_default());
        if elsewhere > 0 {
            anyhow::bail!(
                "the lock files take nothing from {source}, and {} from elsewhere: name packages, or the hosts of their tarballs with \
                 --tarball-host",
                count(elsewhere, "package")
            );
        }
        anyhow::bail!("the files name no package: there is nothing to import");
    }
    Ok(named)
}

impl Named {
    fn add_locked(&mut self, locked: Vec<LockedPackage>, request: &ImportRegistry) {
        let elsewhere = self.elsewhere.get_or_insert_default();
        for LockedPackage { name, addresses, .. } in locked {
            if addresses.is_empty() || addresses.iter().any(|address| is_at_source(address, request)) {
                self.names.push(name);
                continue;
            }
            for address in addresses {
                let host = Url::parse(&address).ok().and_then(|url| url.host_str().map(str::to_owned));
                elsewhere.entry(host.unwrap_or_default()).or_default().insert(name.clone());
            }
        }
    }

    /// Forgets what is imported because of another version, or because it is named.
    fn finish(&mut self) {
        let names: BTreeSet<_> = self.names.iter().collect();
        for packages in self.elsewhere.iter_mut().flat_map(BTreeMap::values_mut) {
            packages.retain(|package| !names.contains(package));
        }
    }

    /// Shows what is left out.
    pub(super) fn show_elsewhere(&self, report: &Report) -> anyhow::Result<()> {
        let left_out = self.elsewhere.iter().flatten().filter(|(_, packages)| !packages.is_empty());
        for (host, packages) in left_out {
            let mut names: Vec<_> = packages.iter().map(PackageName::to_string).take(NAMES_SHOWN).collect();
            let more = packages.len() - names.len();
            names.extend((more > 0).then(|| format!("and {more} more")));
            let number = count(packages.len() as u64, "package");
            let text = format!("{number} left out, which lock files take from {host}: {}", names.join(", "));
            report.show(&LeftOut { host, packages }, &text)?;
        }
        Ok(())
    }
}

impl Extra for Named {
    fn packages_elsewhere(&self) -> Option<u64> {
        let packages: BTreeSet<_> = self.elsewhere.as_ref()?.values().flatten().collect();
        Some(packages.len() as u64)
    }
}

/// Whether a tarball is at the host of the source, or at one that the request permits. The scheme may have changed since the lock
/// file was written.
fn is_at_source(address: &str, request: &ImportRegistry) -> bool {
    let permitted =
        request.tarball_hosts.iter().filter_map(|host| Url::parse(&format!("https://{host}/")).ok());
    let Ok(address) = Url::parse(address) else { return false };
    let is_at = |host: &Url| host.host() == address.host() && host.port() == address.port();
    is_at(request.url.as_url()) || permitted.into_iter().any(|host| is_at(&host))
}

fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Reads names, one a line.
fn listed(text: &str) -> anyhow::Result<Vec<PackageName>> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(number, line)| {
            let number = number + 1;
            PackageName::parse(line).with_context(|| format!("line {number} is not the name of a package"))
        })
        .collect()
}
