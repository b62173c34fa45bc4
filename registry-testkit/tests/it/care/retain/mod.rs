//! What rules of retention remove: what stays and why, and that nothing else goes, whatever happens at the same time.

mod downloads;
mod histories;
mod imported;
mod races;
mod refused;
mod stopped;
mod table;

use std::fmt::Write as _;
use std::time::Duration;

use registry_core::bulk::BulkMode;
use registry_core::care::{RetainedPackage, RetentionRule, RetentionRules};
use registry_core::domain::PackageName;
use registry_core::domain::retention::Keep;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;

use crate::bulk::outcome;

const DAY: Duration = Duration::from_hours(24);

/// Keeps nothing that no tag names, but the highest version.
const NOTHING: Keep =
    Keep { releases: Some(0), prereleases: Some(0), published_days: 0, downloaded_days: None };

fn rules(rules: &[(&str, Keep)]) -> RetentionRules {
    let rule = |(pattern, keep): &(&str, Keep)| RetentionRule { pattern: (*pattern).to_owned(), keep: *keep };
    RetentionRules::compile(&rules.iter().map(rule).collect::<Vec<_>>()).unwrap()
}

/// Runs one rule for all packages. Returns what became of each, and the failures.
async fn retain(registry: &TestRegistry, keep: Keep, mode: BulkMode) -> (Vec<RetainedPackage>, Vec<String>) {
    let names = registry.registry().hosted_packages().await.unwrap();
    let retained = registry.registry().retain_packages(names, rules(&[("**", keep)]), mode).await;
    outcome(retained.unwrap()).await
}

/// The versions that go, or went.
async fn removed(registry: &TestRegistry, keep: Keep, mode: BulkMode) -> Vec<String> {
    let (packages, failures) = retain(registry, keep, mode).await;
    assert_eq!(failures, [""; 0]);
    let of = |package: &RetainedPackage| {
        let spec = |version: &str| format!("{}@{version}", package.name);
        package.removed.iter().map(|removed| spec(&removed.version)).collect::<Vec<_>>()
    };
    packages.iter().flat_map(of).collect()
}

/// A line for each version.
fn table(packages: &[RetainedPackage]) -> String {
    let mut text = String::new();
    for package in packages {
        let rule = package.rule.map_or_else(|| "no rule".to_owned(), |rule| format!("rule {rule}"));
        let _ = writeln!(text, "{} ({rule})", package.name);
        for kept in &package.kept {
            let reasons: Vec<_> = kept.reasons.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "  {:<34} {}", kept.version, reasons.join(", "));
        }
        for removed in &package.removed {
            let _ = writeln!(text, "  {:<34} -", removed.version);
        }
    }
    text
}

async fn publish(registry: &TestRegistry, document: &PublishDocument) {
    let _ = registry.ana().publish(document).await.assert_status(201);
}

async fn download(registry: &TestRegistry, name: &str, version: &str) {
    let tarball = format!("/{name}/-/{}-{version}.tgz", name.rsplit('/').next().unwrap());
    let _ = registry.anonymous().get(&tarball).await.assert_status(200);
    registry.registry().flush_downloads().await.unwrap();
}

/// Lets days pass on each of which another package is used, as in a registry that counts.
async fn pass(registry: &TestRegistry, days: u32) {
    for day in 0..days {
        registry.clock().advance(DAY);
        if day % 5 == 0 {
            download(registry, "plum", "1.0.0").await;
        }
    }
}

/// The versions that a client sees, in the order of the packument.
async fn versions(registry: &TestRegistry, name: &str) -> Vec<String> {
    let packument = registry.anonymous().get(&format!("/{name}")).await.assert_status(200).json();
    packument["versions"].as_object().unwrap().keys().cloned().collect()
}

fn name(name: &str) -> PackageName {
    PackageName::parse(name).unwrap()
}
