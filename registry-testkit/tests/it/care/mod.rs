//! What operators do to keep a store in order: each finding and each repair, on a store in memory.
//!
//! Blobs in memory have the time of the machine, and the clock of the registry stands at the beginning of 2026 until it
//! is put forward by years: then all is old.

mod retain;
mod stats;
mod sweep;
mod verify;

use std::time::Duration;

use futures::TryStreamExt as _;
use registry_core::care::{SweepOptions, SweptPackage, VerifiedPackage, VerifyOptions};
use registry_core::domain::{Integrity, PackageName, Version};
use registry_core::storage::Key;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::Value;

/// Longer than any machine's clock is ahead of the registry's.
const YEARS: Duration = Duration::from_hours(24 * 365 * 100);

fn verify_options(repair: bool) -> VerifyOptions {
    let mut options = VerifyOptions::default();
    options.repair = repair;
    options
}

fn sweep_options(dry_run: bool) -> SweepOptions {
    let mut options = SweepOptions::default();
    options.dry_run = dry_run;
    options
}

async fn verify_all(registry: &TestRegistry, options: VerifyOptions) -> Vec<VerifiedPackage> {
    let names = registry.registry().hosted_packages().await.unwrap();
    registry.registry().verify_packages(names, options).try_collect().await.unwrap()
}

/// What is found, a line each.
async fn found(registry: &TestRegistry, repair: bool) -> String {
    let verified = verify_all(registry, verify_options(repair)).await;
    let findings = verified.iter().flat_map(|package| &package.findings);
    findings.fold(String::new(), |found, finding| found + &finding.to_string() + "\n")
}

async fn sweep_packages(registry: &TestRegistry, dry_run: bool) -> Vec<(String, u64)> {
    let names = registry.registry().hosted_packages().await.unwrap();
    let swept: Vec<SweptPackage> =
        registry.registry().sweep_packages(names, sweep_options(dry_run)).try_collect().await.unwrap();
    swept.into_iter().flat_map(|package| package.tarballs).collect()
}

async fn with_pear(versions: &[&str]) -> TestRegistry {
    let registry = TestRegistry::new().await;
    for version in versions {
        let _ = registry.ana().publish(&PublishDocument::new("pear", version)).await.assert_status(201);
    }
    registry
}

fn tarball_key(name: &str, version: &str, bytes: &[u8]) -> String {
    let (name, version) = (PackageName::parse(name).unwrap(), Version::parse(version).unwrap());
    Key::Tarball(&name, &version, &Integrity::of(bytes)).path().unwrap().to_string()
}

/// The key of the tarball that a publish of this document stores.
fn key_of(name: &str, version: &str) -> String {
    tarball_key(name, version, &PublishDocument::new(name, version).tarball())
}

/// Changes the stored packument, as no client can.
async fn edit_index(registry: &TestRegistry, name: &str, edit: impl FnOnce(&mut Value)) {
    let key = format!("{name}/index.json");
    let mut json: Value = serde_json::from_slice(&registry.stored().await[&key]).unwrap();
    edit(&mut json);
    registry.put(&key, json.to_string()).await;
}
