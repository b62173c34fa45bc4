//! Counts of downloads: what is counted, that it is written once whatever fails, and who gets to know it.

mod access;
mod answers;
mod counting;
mod crashes;
mod flush;
mod fold;
mod histories;
mod reads;
mod stats;

use std::fmt::Write as _;
use std::time::Duration;

use registry_core::auth::{Caller, Principal};
use registry_core::domain::{DownloadPeriod, PackageName};
use registry_core::downloads::DownloadCounts;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;

const DAY: Duration = Duration::from_hours(24);

/// A registry that counts, with `pear` and `@acme/fig` in it.
async fn counting() -> TestRegistry {
    let registry = TestRegistry::builder().downloads().start().await;
    for name in ["pear", "@acme/fig"] {
        let _ = registry.ana().publish(&PublishDocument::new(name, "1.0.0")).await.assert_status(201);
    }
    registry
}

fn tarball(name: &str, version: &str) -> String {
    format!("/{name}/-/{}-{version}.tgz", name.rsplit('/').next().unwrap())
}

async fn download(client: &TestClient, name: &str, times: usize) {
    for _ in 0..times {
        let _ = client.get(&tarball(name, "1.0.0")).await.assert_status(200);
    }
}

async fn flush(registry: &TestRegistry) {
    registry.registry().flush_downloads().await.unwrap();
}

/// The downloads of a package in the last 18 months, as written by all processes.
async fn counted(registry: &TestRegistry, name: &str) -> u64 {
    let name = PackageName::parse(name).unwrap();
    let today = registry.registry().today();
    let period =
        DownloadPeriod::parse(&format!("{}:{today}", today - chrono::Days::new(540)), today).unwrap();
    let counts = registry.registry().downloads_of_each(&ana(), &[name], period).await.unwrap();
    counts[0].as_ref().map_or(0, DownloadCounts::total)
}

fn ana() -> Caller {
    Principal::user("ana").into()
}

/// What is stored of downloads, with the ids of processes in the order in which they appear: A, B, and so on.
async fn stored(registry: &TestRegistry) -> String {
    let stored = registry.stored().await;
    let mut text = String::new();
    for (key, bytes) in stored.iter().filter(|(key, _)| key.starts_with("_downloads/")) {
        let _ = writeln!(text, "{key} {}", String::from_utf8_lossy(bytes));
    }
    for name in 'A'..='Z' {
        let Some(id) = first_id(&text) else { break };
        text = text.replace(&id, &name.to_string());
    }
    text
}

/// The first 16 digits of the hexadecimal system in a row.
fn first_id(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_id = |id: &&[u8]| id.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte));
    bytes.windows(16).find(is_id).map(|id| String::from_utf8_lossy(id).into_owned())
}
