//! Advisories that operators load, and what servers, clients and audits make of them.

mod bad_input;
mod sbom;
mod scanner;
mod update;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use registry_core::Registry;
use registry_core::storage::LocalDisk;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::running::run;
use crate::support::files_below;

/// An advisory for versions below 1.1.0.
fn advisory(id: &str, package: &str) -> Value {
    json!({
        "id": id, "modified": "2026-11-01T00:00:00Z", "summary": "Pears rot",
        "database_specific": { "severity": "HIGH" },
        "affected": [{ "package": { "ecosystem": "npm", "name": package }, "ranges": [
            { "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "1.1.0" }] },
        ] }],
    })
}

/// A storage without a server, and a folder for files.
struct Place {
    storage: TempDir,
    files: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            storage: TempDir::with_prefix("storage-").unwrap(),
            files: TempDir::with_prefix("files-").unwrap(),
        };
        // These commands begin no storage.
        let folder = place.storage.path().to_owned();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let store = std::sync::Arc::new(LocalDisk::open(folder).unwrap());
                Registry::builder(store).build().open().await.unwrap();
            });
        })
        .join()
        .unwrap();
        place
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.files.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn run_on(&self, arguments: &[&str]) -> Output {
        let storage = storage_of(self.storage.path());
        run(&[arguments, &["--storage", &storage]].concat())
    }

    /// Runs `registry-server advisories …` on the storage.
    fn advisories(&self, arguments: &[&str]) -> Output {
        self.run_on(&[&["advisories"], arguments].concat())
    }

    fn update(&self, source: &Path) -> Output {
        self.advisories(&["update", source.to_str().unwrap()])
    }

    /// Every stored file with its content.
    fn stored(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = files_below(&self.storage.path().join("objects"));
        found.retain(|path, _| !path.contains("_probe"));
        found
    }
}

fn storage_of(folder: &Path) -> String {
    format!("file:{}", folder.display())
}

#[track_caller]
fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn stderr(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr.clone()).unwrap()
}
