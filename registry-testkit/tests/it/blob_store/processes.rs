//! Several processes on one folder.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use futures::future::join_all;
use registry_core::storage::{BlobPath, BlobStore, LocalDisk, PutOutcome, When};

const PROCESSES: usize = 4;
const TASKS: usize = 4;
const INCREMENTS: usize = 40;
/// Tells a child which folder it is to work in.
const FOLDER: &str = "REGISTRY_TESTKIT_FOLDER";

/// Starts this test binary once more, to run the ignored test `name` on `folder`.
pub(super) fn child(name: &str, folder: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The folder that the parent named. Run by hand, a child has none and fails.
pub(super) fn folder_of_child() -> PathBuf {
    env::var_os(FOLDER).expect("started by another test").into()
}

fn counter() -> BlobPath {
    BlobPath::parse("counter").unwrap()
}

#[test]
fn increments_of_four_processes_are_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = LocalDisk::open(folder.path()).unwrap();
    let stored = runtime.block_on(store.put(&counter(), "0".into(), When::Absent)).unwrap();
    assert!(matches!(stored, PutOutcome::Stored(_)));

    let name = "blob_store::processes::increments_as_a_child";
    let children: Vec<Child> = (0..PROCESSES).map(|_| child(name, folder.path())).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    let count = runtime.block_on(store.get(&counter())).unwrap().unwrap().bytes;
    assert_eq!(count, (PROCESSES * TASKS * INCREMENTS).to_string());
}

#[test]
#[ignore = "run by increments_of_four_processes_are_not_lost, in processes of its own"]
fn increments_as_a_child() {
    let store = LocalDisk::open(folder_of_child()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let tasks = (0..TASKS).map(|_| tokio::spawn(increment(store.clone())));
        for task in join_all(tasks).await {
            task.unwrap();
        }
    });
}

async fn increment(store: LocalDisk) {
    for _ in 0..INCREMENTS {
        loop {
            let blob = store.get(&counter()).await.unwrap().unwrap();
            let count: usize = std::str::from_utf8(&blob.bytes).unwrap().parse().unwrap();
            let next = (count + 1).to_string().into();
            if let PutOutcome::Stored(_) =
                store.put(&counter(), next, When::Matches(blob.etag)).await.unwrap()
            {
                break;
            }
        }
    }
}
