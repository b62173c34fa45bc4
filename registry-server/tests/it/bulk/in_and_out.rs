//! `import registry`, `copy` and `retain` on buckets of an S3 server, over the wire: killed in the middle and run again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use registry_core::storage::{BlobStore, LocalDisk, open_bucket};
use registry_testkit::amount;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::server_process::ServerProcess;
use serde_json::Value;
use tempfile::TempDir;

use super::buckets::Bucket;
use crate::running::kill_after;
use crate::support::{Registry, packages, sign_up};

const VERSIONS: [&str; 2] = ["1.0.0", "1.1.0"];

/// A server with packages of two versions, and a file with their names.
async fn source(count: usize) -> (Registry, Vec<String>) {
    let source = Registry::start().await;
    let token = sign_up(&source.http(), "eva").await;
    let names: Vec<String> = (0..count).map(|number| format!("plum-{number}")).collect();
    for name in &names {
        for version in VERSIONS {
            let document = PublishDocument::new(name, version).file("index.js", name.as_bytes());
            let put = source.http().put(&format!("/{name}")).bearer(&token).json(&document.build());
            let _ = put.send().await.assert_status(201);
        }
    }
    (source, names)
}

impl Bucket {
    fn store_at(&self, prefix: &str) -> Arc<dyn BlobStore> {
        Arc::new(open_bucket(&self.address.url(prefix), self.address.options()).unwrap())
    }

    /// Begins a storage.
    async fn begin(&self, url: &str) {
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let server = ServerProcess::start_on(binary, &[], url, &self.address.environment()).await;
        assert!(server.stop().await.success());
    }

    /// Kills the command again and again, and then lets it come to its end.
    async fn kill_and_finish(&self, arguments: &[&str], kills: usize, lines: usize) {
        for kill in 0..kills {
            kill_after(self.command_without_storage(arguments), kill * lines / kills).await;
        }
        self.finish(arguments).await;
    }

    async fn finish(&self, arguments: &[&str]) {
        let output = self.command_without_storage(arguments).output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

fn tarballs_and_versions(packages: &BTreeMap<String, Value>) -> (usize, Vec<usize>) {
    let tarballs = packages.keys().filter(|key| key.contains("/-/")).count();
    let versions = packages.values().filter_map(|stored| Some(stored.get("versions")?.as_object()?.len()));
    (tarballs, versions.collect())
}

#[tokio::test]
async fn commands_that_are_killed_and_run_again_end_as_one_clean_run() {
    let Some(bucket) = Bucket::start().await else { return };
    let (count, kills) = (amount("PACKAGES", 12), amount("KILLS", 4));
    let (source, names) = source(count).await;
    let files = TempDir::with_prefix("in-and-out-").unwrap();
    let list = files.path().join("names.txt");
    fs::write(&list, names.join("\n")).unwrap();
    let (list, url) = (list.display().to_string(), source.server.base_url().to_owned());
    let import = |storage| ["import", "registry", &url, "--names", &list, "--storage", storage];

    for prefix in ["s3://registry/team", "s3://registry/clean"] {
        bucket.begin(prefix).await;
    }
    bucket.finish(&import("s3://registry/clean")).await;
    bucket.kill_and_finish(&import("s3://registry/team"), kills, count).await;
    let (team, clean) = (bucket.store_at("team"), bucket.store_at("clean"));
    let imported = packages(team.as_ref()).await;
    assert_eq!(imported, packages(clean.as_ref()).await);
    assert_eq!(tarballs_and_versions(&imported), (2 * count, vec![2; count]));

    let backup = files.path().join("backup");
    let folder = format!("file:{}", backup.display());
    bucket.kill_and_finish(&["copy", "s3://registry/team", &folder], kills, count).await;
    assert_eq!(packages(&LocalDisk::open(&backup).unwrap()).await, imported);
    bucket.kill_and_finish(&["copy", &folder, "s3://registry/restored"], kills, count).await;
    let restored = bucket.store_at("restored");
    assert_eq!(packages(restored.as_ref()).await, imported);

    let retain =
        |storage| ["retain", "--apply", "--releases", "1", "--published-days", "0", "--storage", storage];
    bucket.finish(&retain("s3://registry/clean")).await;
    bucket.kill_and_finish(&retain("s3://registry/restored"), kills, count).await;
    let retained = packages(restored.as_ref()).await;
    let without_times = |mut packages: BTreeMap<String, Value>| {
        // When each version went.
        for stored in packages.values_mut().filter_map(Value::as_object_mut) {
            if let Some(Value::Object(gone)) = stored.get_mut("_tombstones") {
                gone.values_mut().for_each(|time| *time = Value::Null);
            }
        }
        packages
    };
    assert_eq!(tarballs_and_versions(&retained), (count, vec![1; count]));
    assert_eq!(without_times(retained), without_times(packages(clean.as_ref()).await));
}
