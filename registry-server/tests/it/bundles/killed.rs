//! The commands, killed in the middle and run again, on a folder and on a bucket over the wire.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use registry_core::storage::{BlobStore, LocalDisk, open_bucket};
use registry_testkit::amount;
use registry_testkit::install_tls_provider;
use registry_testkit::object_stores::Ministack;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::server_process::ServerProcess;
use serde_json::Value;

use super::{Site, finished, lines, lock, on, other_storage, publish};
use crate::running::{kill_after, registry_server};
use crate::support::packages;

/// A site with many packages, and a bundle of them.
async fn site_with_many(packages: usize) -> Site {
    let site = Site::start().await;
    let names: Vec<String> = (0..packages).map(|number| format!("plum-{number}")).collect();
    for name in &names {
        let document = PublishDocument::new(name, "1.0.0").file("index.js", name.as_bytes());
        publish(site.server.base_url(), &site.token, &document).await;
    }
    let wanted: Vec<_> = names.iter().map(|name| (name.as_str(), "1.0.0")).collect();
    let _ = site.written("package-lock.json", &lock(&wanted));
    site
}

async fn packages_in(folder: &Path) -> BTreeMap<String, Value> {
    packages(&LocalDisk::open(folder).unwrap()).await
}

fn temporaries(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with('.')).collect()
}

#[tokio::test]
async fn commands_that_are_killed_and_run_again_end_as_one_clean_run() {
    let (count, kills) = (amount("PACKAGES", 12), amount("KILLS", 4));
    let site = site_with_many(count).await;
    let lock = site.path("package-lock.json").display().to_string();
    let output = site.path("team.bundle").display().to_string();
    let create = ["bundle", "create", "--lockfile", &lock, "--output", &output];
    for number in 0..kills {
        kill_after(site.command(&create), 1 + number * count / kills).await;
        // One that is there is whole.
        if site.path("team.bundle").exists() {
            let whole = site.run(&["bundle", "apply", &output, "--dry-run"]).await;
            assert_eq!(lines(&whole).len(), count + 1);
        }
    }
    fs::write(site.path(".team.bundle.00.bundle-partial"), "left by a run that was killed").unwrap();
    let running = fs::File::create(site.path(".team.bundle.01.bundle-partial")).unwrap();
    running.lock().unwrap();
    assert_eq!(lines(&site.create("team.bundle", &["--lockfile", &lock]).await).len(), count + 1);
    assert_eq!(temporaries(site.files.path()), [".team.bundle.01.bundle-partial"], "another run has it");
    drop(running);

    let key = site.key_file().await;
    let (clean, other) = (other_storage().await, other_storage().await);
    assert_eq!(lines(&site.apply(clean.path(), "team.bundle", &["--key", &key]).await).len(), count + 1);
    let apply = ["bundle", "apply", &output, "--key", &key];
    for number in 0..kills {
        kill_after(on(other.path(), &apply), number * count / kills).await;
    }
    // Two at once end as one.
    let (first, second) =
        tokio::join!(finished(on(other.path(), &apply)), finished(on(other.path(), &apply)));
    for output in [first, second] {
        assert_eq!(lines(&output).last().unwrap()["failures"], 0);
    }
    assert_eq!(packages_in(other.path()).await, packages_in(clean.path()).await);
}

#[tokio::test]
async fn on_a_bucket_they_end_as_one_clean_run_too() {
    let Some(ministack) = Ministack::start().await else { return };
    install_tls_provider();
    let (count, kills) = (amount("PACKAGES", 12), amount("KILLS", 4));
    let site = site_with_many(count).await;
    let lock = site.path("package-lock.json").display().to_string();
    assert_eq!(lines(&site.create("team.bundle", &["--lockfile", &lock]).await).len(), count + 1);
    let (key, clean) = (site.key_file().await, other_storage().await);
    let _ = lines(&site.apply(clean.path(), "team.bundle", &["--key", &key]).await);

    let address = ministack.address();
    let store: Arc<dyn BlobStore> = Arc::new(open_bucket(&address.url("team"), address.options()).unwrap());
    let environment = address.environment();
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    // Begins the storage.
    let server = ServerProcess::start_on(binary, &[], "s3://registry/team", &environment).await;
    assert!(server.stop().await.success());
    let bundle = site.path("team.bundle").display().to_string();
    let command = |arguments: &[&str]| {
        let mut command = registry_server(&[arguments, &["--storage", "s3://registry/team"]].concat());
        command.envs(environment.iter().map(|(name, value)| (name, value))).env("HOME", site.files.path());
        command
    };
    let apply = ["bundle", "apply", &bundle, "--key", &key];
    for number in 0..kills {
        kill_after(command(&apply), number * count / kills).await;
    }
    let applied: Output = finished(command(&apply)).await;
    assert_eq!(lines(&applied).last().unwrap()["failures"], 0);
    assert_eq!(packages(store.as_ref()).await, packages_in(clean.path()).await);
    let (first, second) =
        tokio::join!(finished(command(&["bundle", "key"])), finished(command(&["bundle", "key"])));
    assert!(first.status.success(), "{first:?}");
    assert_eq!(first, second);
}
