//! What a large database of advisories costs: `cargo bench -p registry-core --features signing --bench advisories`.
//!
//! Packs 2 million pairs of an advisory and a version, stores them in a folder, and lets a fresh process read them, as a server does
//! at its first request. Prints how long that took and how much memory it needed at most. `PAIRS=500000` sets another number.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement whose ground gives way is to stop, and it prints"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use registry_core::Registry;
use registry_core::advisories::AdvisoryDump;
use registry_core::domain::PackageName;
use registry_core::storage::{BlobStore, LocalDisk};

/// How many versions each advisory names.
const VERSIONS: usize = 10;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    if let Ok(folder) = std::env::var("ADVISORIES_FOLDER") {
        return runtime.block_on(read(Path::new(&folder)));
    }
    let pairs: usize = std::env::var("PAIRS").map_or(2_000_000, |pairs| pairs.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(write(folder.path(), pairs / VERSIONS));
    // Another process, so that nothing of the packing counts.
    let status =
        Command::new(std::env::current_exe().unwrap()).env("ADVISORIES_FOLDER", folder.path()).status();
    assert!(status.unwrap().success());
}

async fn registry(folder: &Path) -> Registry {
    let store: Arc<dyn BlobStore> = Arc::new(LocalDisk::open(folder).unwrap());
    let registry = Registry::builder(store).open_to_everyone().build();
    registry.open().await.unwrap();
    registry
}

async fn write(folder: &Path, advisories: usize) {
    let registry = registry(folder).await;
    let begun = Instant::now();
    let mut dump = AdvisoryDump::new();
    for number in 0..advisories {
        let mut versions = String::new();
        for version in 0..VERSIONS {
            let comma = if version == 0 { "" } else { "," };
            write!(versions, "{comma}\"{}.{}.{version}\"", number % 7, number % 89).unwrap();
        }
        let text = format!(
            r#"{{"id":"MAL-2026-{number}","modified":"2026-11-01T00:00:00Z","summary":"Malicious code in package-{number} (npm)",
            "affected":[{{"package":{{"ecosystem":"npm","name":"package-{number}"}},"versions":[{versions}]}}]}}"#
        );
        dump.add(text.as_bytes()).unwrap();
    }
    println!("parsed {advisories} advisories with {VERSIONS} versions each in {:.1?}", begun.elapsed());
    let begun = Instant::now();
    registry.update_advisories(dump, "a benchmark", false).await.unwrap();
    println!("packed, signed and stored them in {:.1?}", begun.elapsed());
}

async fn read(folder: &Path) {
    let registry = registry(folder).await;
    let before = resident("VmRSS");
    let begun = Instant::now();
    let name = PackageName::parse("package-1234").unwrap();
    let found = registry.list_advisories(Some(&name), false).await.unwrap();
    assert_eq!(found.len(), 1);
    println!("a fresh process read and verified them in {:.1?}", begun.elapsed());
    let (after, most) = (resident("VmRSS"), resident("VmHWM"));
    println!("memory: {} MiB more than before, {} MiB at most", (after - before) >> 10, most >> 10);
}

/// Returns a size of this process in KiB; 0 where the system does not tell.
fn resident(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
