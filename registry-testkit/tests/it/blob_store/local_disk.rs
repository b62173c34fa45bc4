//! What a folder as the store has to care about, and no other store.

use std::error::Error as _;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use registry_core::storage::{BlobPath, BlobPrefix, BlobStore, LocalDisk, LocalDiskError, PutOutcome, When};
use registry_testkit::conformance;
use tokio::task::yield_now;
use tokio::time::timeout;

fn path(path: &str) -> BlobPath {
    BlobPath::parse(path).unwrap()
}

fn staged(folder: &Path) -> usize {
    fs::read_dir(folder.join("staging")).unwrap().count()
}

#[tokio::test]
async fn blobs_are_plain_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(folder.path()).unwrap();
    let _ = store.put(&path("@scope/name/index.json"), "{}".into(), When::Absent).await.unwrap();
    assert_eq!(fs::read(folder.path().join("objects/@scope/name/index.json")).unwrap(), b"{}");
    assert_eq!(staged(folder.path()), 0);
    store.delete(&path("@scope/name/index.json")).await.unwrap();
    assert_eq!(fs::read_dir(folder.path().join("objects")).unwrap().count(), 0);
}

#[test]
fn a_new_folder_is_closed_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("deep/er/data");
    LocalDisk::open(&root).unwrap();
    assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o700);
}

/// One that an operator made is as open as they made it, and what is stored in it is private.
#[test]
fn what_is_stored_in_an_open_folder_is_closed_to_others() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    LocalDisk::open(folder.path()).unwrap();
    for part in ["objects", "staging", "locks"] {
        let mode = fs::metadata(folder.path().join(part)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{part}");
    }
}

#[test]
fn a_strangers_folder_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
    let error = LocalDisk::open(folder.path()).unwrap_err();
    assert!(matches!(error, LocalDiskError::Foreign { .. }));
    let text = error.to_string();
    assert!(
        text.ends_with("(thesis.txt) and no registry; name an empty folder, or one that does not exist"),
        "{text}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    LocalDisk::open(folder.path()).unwrap();
    fs::write(folder.path().join("version"), "2\n").unwrap();
    let error = LocalDisk::open(folder.path()).unwrap_err();
    assert!(matches!(error, LocalDiskError::Format { found, .. } if found == "2"));
}

#[test]
fn a_file_is_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(LocalDisk::open(file).unwrap_err(), LocalDiskError::Disk { .. }));
}

#[test]
fn an_opening_that_was_cut_short_is_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["objects", "staging", "lost+found"] {
        fs::create_dir(folder.path().join(part)).unwrap();
    }
    LocalDisk::open(folder.path()).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("version")).unwrap(), "1\n");
}

#[test]
fn opening_sweeps_abandoned_writes() {
    let folder = tempfile::tempdir().unwrap();
    LocalDisk::open(folder.path()).unwrap();
    fs::write(folder.path().join("staging/dead"), "half a blo").unwrap();
    let living = File::create(folder.path().join("staging/living")).unwrap();
    living.lock().unwrap();
    LocalDisk::open(folder.path()).unwrap();
    assert!(!folder.path().join("staging/dead").exists());
    assert!(folder.path().join("staging/living").exists());
}

#[tokio::test]
async fn a_folder_left_empty_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(folder.path()).unwrap();
    fs::create_dir_all(folder.path().join("objects/left/by/a/crash")).unwrap();
    assert_eq!(store.list_folders(&BlobPrefix::ROOT).await.unwrap(), Vec::<String>::new());
    let _ = store.put(&path("left/by/luck"), "".into(), When::Absent).await.unwrap();
    assert_eq!(store.list_folders(&BlobPrefix::ROOT).await.unwrap(), ["left"]);
}

/// What stands where the blob was: each hides it, and none proves that it is gone.
#[tokio::test]
async fn what_stands_in_the_place_of_a_blob_hides_it() {
    type Obstacle = (&'static str, fn(&Path));
    let obstacles: [Obstacle; 7] = [
        ("a dangling link", |at| symlink("nowhere", at).unwrap()),
        ("a link to itself", |at| symlink(at, at).unwrap()),
        ("a link to a file", |at| symlink("/etc/hostname", at).unwrap()),
        ("a folder", |at| fs::create_dir(at).unwrap()),
        ("a full folder", |at| fs::create_dir_all(at.join("sub")).unwrap()),
        ("a socket", |at| drop(UnixListener::bind(at).unwrap())),
        ("a file above it", |at| {
            fs::remove_dir(at.parent().unwrap()).unwrap();
            fs::write(at.parent().unwrap(), "").unwrap();
        }),
    ];
    for (what, raise) in obstacles {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalDisk::open(folder.path()).unwrap();
        let blob = path("pear/index.json");
        let _ = store.put(&blob, "{}".into(), When::Absent).await.unwrap();
        let at = folder.path().join("objects/pear/index.json");
        fs::remove_file(&at).unwrap();
        raise(&at);
        let failed: Vec<_> = conformance::hidden_blob_report(&store, &blob)
            .await
            .into_iter()
            .filter_map(|check| check.failure)
            .collect();
        assert!(failed.is_empty(), "{what}: {failed:?}");
        assert_eq!(staged(folder.path()), 0, "{what}");
    }
}

#[tokio::test]
async fn links_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    fs::write(&outside, "secret").unwrap();
    let store = LocalDisk::open(folder.path().join("data")).unwrap();
    symlink(&outside, folder.path().join("data/objects/link")).unwrap();
    symlink(folder.path(), folder.path().join("data/objects/folder")).unwrap();
    assert!(store.get(&path("link")).await.is_err());
    assert!(store.open(&path("link"), None).await.is_err());
    let unlisted = store.list_folders(&BlobPrefix::ROOT).await.unwrap_err();
    let why = unlisted.source().unwrap().to_string();
    assert!(why.ends_with("is neither a file nor a folder: move it out of the store's folder"), "{why}");
    assert!(store.put(&path("link"), "mine".into(), When::Always).await.is_err());
    assert_eq!(fs::read_to_string(outside).unwrap(), "secret");
}

#[test]
fn a_part_that_is_a_link_is_refused_and_nothing_behind_it_is_deleted() {
    for part in ["staging", "locks", "objects"] {
        let folder = tempfile::tempdir().unwrap();
        let (data, outside) = (folder.path().join("data"), folder.path().join("outside"));
        drop(LocalDisk::open(&data).unwrap());
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("mine"), "kept").unwrap();
        fs::remove_dir_all(data.join(part)).unwrap();
        symlink(&outside, data.join(part)).unwrap();
        let refused = LocalDisk::open(&data).unwrap_err();
        assert!(matches!(refused, LocalDiskError::Link { .. }), "{refused}");
        assert!(LocalDisk::check(&data).is_err());
        let names: Vec<_> = fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["mine"]);
    }
}

/// Kernels with coarse clocks give two writes one time, and the next file the inode of the last.
#[tokio::test]
async fn etags_differ_where_the_clock_stands_still_or_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(folder.path()).unwrap();
    let blob = path("blob");
    let PutOutcome::Stored(first) = store.put(&blob, "one".into(), When::Always).await.unwrap() else {
        panic!()
    };
    // As if the clock had been an hour ahead when the blob was written.
    let file = File::options().write(true).open(folder.path().join("objects/blob")).unwrap();
    let ahead = file.metadata().unwrap().modified().unwrap() + Duration::from_hours(1);
    file.set_modified(ahead).unwrap();
    let ahead_of = |etag: &str| u128::from_str_radix(etag.split('-').next().unwrap(), 16).unwrap();
    let PutOutcome::Stored(second) = store.put(&blob, "two".into(), When::Always).await.unwrap() else {
        panic!()
    };
    assert!(ahead_of(second.as_str()) > ahead_of(first.as_str()) + 3_600_000_000_000);
    store.delete(&blob).await.unwrap();
    let PutOutcome::Stored(third) = store.put(&blob, "six".into(), When::Absent).await.unwrap() else {
        panic!()
    };
    assert!(ahead_of(third.as_str()) > ahead_of(second.as_str()));
    assert_eq!(store.get(&blob).await.unwrap().unwrap().etag, third);
}

/// The lock is held by another process, so to speak. Writers that wait for it must leave threads to the others.
#[test]
fn waiting_writers_hold_no_threads() {
    let folder = tempfile::tempdir().unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(2).build().unwrap();
    let root = folder.path().to_owned();
    let done =
        runtime.block_on(async { timeout(Duration::from_secs(30), read_among_waiting_writers(&root)).await });
    runtime.shutdown_background();
    assert!(done.is_ok(), "the read waited for a thread");
}

async fn read_among_waiting_writers(root: &Path) {
    let store = LocalDisk::open(root).unwrap().without_fsync();
    let _ = store.put(&path("hot"), "first".into(), When::Absent).await.unwrap();
    let lock = fs::read_dir(root.join("locks")).unwrap().next().unwrap().unwrap();
    let lock = File::open(lock.path()).unwrap();
    lock.lock().unwrap();
    let writers: Vec<_> = (0..250)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.put(&path("hot"), "next".into(), When::Always).await.unwrap() })
        })
        .collect();
    while staged(root) < 250 {
        yield_now().await;
    }
    assert_eq!(store.get(&path("hot")).await.unwrap().unwrap().bytes, "first");
    lock.unlock().unwrap();
    for writer in writers {
        assert!(matches!(writer.await.unwrap(), PutOutcome::Stored(_)));
    }
    assert_eq!(store.get(&path("hot")).await.unwrap().unwrap().bytes, "next");
}

/// A delete may remove a folder as empty just when a write is about to put a file there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn folders_that_come_and_go_fail_no_write() {
    let folder = tempfile::tempdir().unwrap();
    // Without waiting for the disk, so that writes and deletes meet as often as can be.
    let store = LocalDisk::open(folder.path()).unwrap().without_fsync();
    let tasks = (0..8).map(|neighbor| {
        let (store, path) = (store.clone(), path(&format!("a/b/c/d/e/f/g/h/{neighbor}")));
        tokio::spawn(async move {
            for _ in 0..400 {
                let stored = store.put(&path, "here".into(), When::Absent).await.unwrap();
                assert!(matches!(stored, PutOutcome::Stored(_)));
                store.delete(&path).await.unwrap();
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    assert_eq!(fs::read_dir(folder.path().join("objects")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_write_that_failed_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(folder.path()).unwrap();
    let _ = store.put(&path("a/file"), "here".into(), When::Always).await.unwrap();
    // Neither a folder nor something below a file can become a blob.
    for taken in ["a", "a/file/below"] {
        let error = store.put(&path(taken), "no".into(), When::Always).await.unwrap_err();
        assert!(matches!(error, registry_core::storage::BlobError::Refused { .. }), "{error:?}");
    }
    assert_eq!(staged(folder.path()), 0);
    assert_eq!(store.get(&path("a/file")).await.unwrap().unwrap().bytes, "here");
}

#[test]
fn says_which_folder_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(folder.path()).unwrap();
    assert_eq!(store.to_string(), format!("local disk {}", folder.path().display()));
}
