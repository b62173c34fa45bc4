//! `keys`: the keys that versions are signed with, and signatures of older versions.

use std::fmt::Write as _;

use futures::StreamExt as _;
use registry_core::Registry;
use registry_core::care::{Finding, SignedPackage};
use registry_core::signing::ListedKey;
use serde::Serialize;

use super::bulk::{Tally, count, mode};
use super::exit::Findings;
use super::session::{self, Access};
use crate::command_line::{KeysAction, Overrides, SignVersions};
use crate::report::Report;
use crate::run::print;

/// A package, as a line of JSON.
#[derive(Serialize)]
struct PackageRecord<'a> {
    package: &'a str,
    signed: &'a [String],
    findings: &'a [Finding],
}

/// The last line.
#[derive(Serialize)]
struct Summary<'a> {
    signed: &'a Totals,
}

#[derive(Default, Serialize)]
struct Totals {
    packages: u64,
    versions: u64,
    unchanged: u64,
    findings: u64,
    #[serde(rename = "dry-run")]
    dry_run: bool,
}

pub(crate) fn keys(overrides: &Overrides, action: &KeysAction) -> anyhow::Result<()> {
    match action {
        KeysAction::List { json } => session::run(overrides, Access::Reads, async |registry| {
            print_keys(&registry.list_signing_keys().await?, *json)
        }),
        KeysAction::Rotate => rotate(overrides),
        KeysAction::Sign(request) => sign(overrides, request),
    }
}

fn rotate(overrides: &Overrides) -> anyhow::Result<()> {
    let settings = session::load(overrides)?;
    let signing = &settings.registry.signing;
    if signing.key_env.is_some() || signing.key_file.is_some() {
        anyhow::bail!(
            "the key comes from key_env or key_file under [signing]: put a new one there, and restart the servers"
        );
    }
    session::run_with(settings, Access::Writes, async |registry| {
        let id = registry.rotate_signing_key().await?.public_key().id();
        print(&format!(
            "versions and bundles are signed with {id} from now on; registries that take bundles need it\n"
        ))
    })
}

fn print_keys(keys: &[ListedKey], json: bool) -> anyhow::Result<()> {
    if keys.is_empty() && !json {
        return print("no key was made yet: the first publish makes one\n");
    }
    print(&Report::list(keys, |key| line(key), |key| *key)?.render(json))
}

fn line(key: &ListedKey) -> String {
    let expires = key.expires.map_or_else(
        || "signs".to_owned(),
        |expires| format!("verifies what it signed before {}", expires.format("%Y-%m-%d %H:%M UTC")),
    );
    format!("{}  {expires}\n", key.keyid)
}

fn sign(overrides: &Overrides, request: &SignVersions) -> anyhow::Result<()> {
    let settings = session::load(overrides)?;
    if settings.registry.signing.enabled == Some(false) {
        anyhow::bail!(
            "[signing] enabled = false, so versions are not signed: remove it, and run the command again"
        );
    }
    let access = if request.dry_run { Access::Reads } else { Access::Writes };
    session::run_with(settings, access, async |registry| sign_all(registry, request).await)
}

async fn sign_all(registry: &Registry, request: &SignVersions) -> anyhow::Result<()> {
    let names = session::packages(registry, request.package.as_ref()).await?;
    let mut tally = Tally::begin("signing versions", Some(names.len() as u64));
    let mut totals = Totals { dry_run: request.dry_run, ..Totals::default() };
    let mut packages = registry.sign_packages(names, mode(request.dry_run));
    while let Some(package) = packages.next().await {
        let Some(package) = tally.step(package)? else { continue };
        totals.add(&package);
        if !package.signed.is_empty() || !package.findings.is_empty() {
            let SignedPackage { name, signed, findings, .. } = &package;
            tally.show(
                &PackageRecord { package: name.as_str(), signed, findings },
                &to_text(&package, request.dry_run),
            )?;
        }
    }
    tally.finish(&Summary { signed: &totals }, &totals.to_text())?;
    if totals.findings == 0 { Ok(()) } else { Err(Findings.into()) }
}

impl Totals {
    fn add(&mut self, package: &SignedPackage) {
        self.packages += u64::from(!package.signed.is_empty());
        self.versions += package.signed.len() as u64;
        self.unchanged += package.unchanged;
        self.findings += package.findings.len() as u64;
    }

    fn to_text(&self) -> String {
        let verb = if self.dry_run { "would sign" } else { "signed" };
        let (versions, packages) = (count(self.versions, "version"), count(self.packages, "package"));
        let mut text =
            format!("{verb} {versions} of {packages}; signed before: {}", count(self.unchanged, "version"));
        if self.findings > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "; not signed, see above: {}", count(self.findings, "version"));
        }
        text
    }
}

fn to_text(package: &SignedPackage, dry_run: bool) -> String {
    let verb = if dry_run { "would sign" } else { "signed" };
    let signed = (!package.signed.is_empty())
        .then(|| format!("{}: {verb} {}", package.name, package.signed.join(", ")));
    let findings = package.findings.iter().map(ToString::to_string);
    signed.into_iter().chain(findings).collect::<Vec<_>>().join("\n")
}
