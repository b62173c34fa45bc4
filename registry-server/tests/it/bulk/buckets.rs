//! The commands on a bucket of an S3 server, over the wire: killed in the middle and run again.

use std::collections::BTreeMap;
use std::process::Output;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use registry_core::Registry;
use registry_core::storage::{BlobPath, BlobPrefix, BlobStore, When, open_bucket};
use registry_testkit::amount;
use registry_testkit::codebox_npm::{API_ENDPOINT, CodeboxNpm};
use registry_testkit::install_tls_provider;
use registry_testkit::object_stores::{Ministack, StoreAddress};
use tokio::process::Command;

use super::MOVED;
use crate::running::kill_after;

pub(super) struct Bucket {
    ministack: Ministack,
    pub(super) address: StoreAddress,
    store: Arc<dyn BlobStore>,
}

impl Bucket {
    pub(super) async fn start() -> Option<Self> {
        let ministack = Ministack::start().await?;
        install_tls_provider();
        let address = ministack.address();
        let store = Arc::new(open_bucket(&address.url("team"), address.options()).unwrap());
        Some(Self { ministack, address, store })
    }

    /// Packages as codebox-npm stored them, with their tarballs.
    async fn fill(&self, packages: usize) {
        CodeboxNpm::sample().copy_to(self.store.as_ref()).await.unwrap();
        let sample = self.store.get(&path("left-pear/index.json")).await.unwrap().unwrap().bytes;
        let sample = String::from_utf8(sample.to_vec()).unwrap();
        stream::iter(0..packages)
            .for_each_concurrent(16, async |number| {
                let name = format!("pear-{number}");
                let index = sample.replace("left-pear", &name);
                let _ = self
                    .store
                    .put(&path(&format!("{name}/index.json")), index.into(), When::Absent)
                    .await
                    .unwrap();
                let tarball = path(&format!("{name}/1.0.0.tgz"));
                let _ = self.store.put(&tarball, name.into(), When::Absent).await.unwrap();
            })
            .await;
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_without_storage(&[arguments, &["--storage", "s3://registry/team"]].concat())
    }

    pub(super) fn command_without_storage(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_registry-server"));
        command.args(arguments).envs(self.address.environment());
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.unwrap()
    }

    async fn kill(&self, arguments: &[&str], after: usize) {
        kill_after(self.command(arguments), after).await;
    }

    async fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let listed: Vec<_> = self.store.list(&BlobPrefix::ROOT).try_collect().await.unwrap();
        stream::iter(listed)
            .map(async |blob| {
                let bytes = self.store.get(&blob.path).await.unwrap().unwrap().bytes;
                (blob.path.to_string(), bytes.to_vec())
            })
            .buffer_unordered(16)
            .collect()
            .await
    }
}

fn path(path: &str) -> BlobPath {
    BlobPath::parse(path).unwrap()
}

#[track_caller]
fn last_line(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap().lines().last().unwrap().to_owned()
}

#[tokio::test]
async fn commands_that_are_killed_and_run_again_end_as_one_clean_run() {
    let Some(bucket) = Bucket::start().await else { return };
    // Without the right to list versions, `remove-storage` fails.
    bucket.ministack.keep_versions().await;
    let (packages, kills) = (amount("PACKAGES", 60), amount("KILLS", 4));
    bucket.fill(packages).await;
    let before = bucket.objects().await;

    for kill in 0..kills {
        bucket.kill(&["domain", "--host", MOVED], kill * packages / kills).await;
    }
    let moved = last_line(&bucket.run(&["domain", "--host", MOVED]).await);
    assert!(moved.ends_with(r#""dry-run":false,"failures":0}"#), "{moved}");
    let after = bucket.objects().await;
    for (key, bytes) in &before {
        let expected = String::from_utf8_lossy(bytes).replace(API_ENDPOINT, MOVED);
        let found = String::from_utf8_lossy(&after[key]);
        if key.ends_with("index.json") && expected.contains(MOVED) {
            assert_eq!(found, expected, "{key}");
        } else if !key.ends_with("index.json") {
            assert_eq!(after[key], *bytes, "{key}");
        }
    }

    for kill in 0..kills {
        bucket.kill(&["encrypt"], kill).await;
    }
    let encrypted = last_line(&bucket.run(&["encrypt"]).await);
    assert!(
        encrypted.contains(r#""encryption":"AES256""#) && encrypted.contains(r#""failures":0"#),
        "{encrypted}"
    );
    let now = bucket.objects().await;
    let unchanged = |objects: &BTreeMap<String, Vec<u8>>| -> BTreeMap<String, Vec<u8>> {
        // The probe of a command that writes leaves its trace, and the index of searches is not written yet.
        objects
            .iter()
            .filter(|(key, _)| !key.starts_with('_'))
            .map(|(key, bytes)| (key.clone(), bytes.clone()))
            .collect()
    };
    assert!(unchanged(&now) == unchanged(&after), "encrypt changed bytes");

    for kill in 0..kills {
        bucket.kill(&["index"], kill * packages / kills).await;
    }
    let indexed = last_line(&bucket.run(&["index"]).await);
    assert!(indexed.contains(r#""search-index":"rebuilt","dry-run":false,"failures":0"#), "{indexed}");
    let found = Registry::builder(Arc::clone(&bucket.store)).build().storage_stats().await.unwrap();
    assert!(found.packages >= packages as u64, "{found:?}");

    for kill in 0..kills {
        bucket.kill(&["remove-storage", "--even-if-used", "--yes", "registry/team"], kill).await;
    }
    let removed =
        last_line(&bucket.run(&["remove-storage", "--even-if-used", "--yes", "registry/team"]).await);
    assert!(removed.ends_with(r#""failures":0}"#), "{removed}");
    assert_eq!(bucket.objects().await, BTreeMap::new());
}

#[tokio::test]
async fn a_bucket_is_removed_with_all_versions_beyond_a_page_of_the_listing() {
    let Some(bucket) = Bucket::start().await else { return };
    bucket.ministack.keep_versions().await;
    bucket.fill(510).await;
    let moved = last_line(&bucket.run(&["domain", "--host", MOVED]).await);
    assert!(moved.contains(r#""failures":0"#), "{moved}");
    let removed = bucket.run(&["remove-storage", "--even-if-used", "--yes", "registry/team"]).await;
    let removed = last_line(&removed);
    let removed: serde_json::Value = serde_json::from_str(&removed).unwrap();
    let (objects, versions) = (removed["deleted"].as_u64().unwrap(), removed["versions"].as_u64().unwrap());
    // Each object, the mark of its deletion, and what `domain` replaced.
    assert!(objects > 1_020 && versions > 2 * objects + 500, "{removed}");
    assert_eq!(removed["failures"], 0);
    let left = bucket.ministack.versions().await;
    assert!(!left.contains("<Version>") && !left.contains("<DeleteMarker>"), "{left}");
}

#[tokio::test]
async fn whose_versions_may_not_be_listed_is_told_which_permission_is_missing() {
    let Some(bucket) = Bucket::start().await else { return };
    bucket.fill(1).await;
    let refused = bucket.run(&["remove-storage", "--even-if-used", "--yes", "registry/team"]).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let stdout = String::from_utf8(refused.stdout).unwrap();
    assert!(stdout.contains("s3:ListBucketVersions") && stdout.contains("status 403"), "{stdout}");
    assert_eq!(bucket.objects().await, BTreeMap::new());
}
