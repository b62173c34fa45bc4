use futures::stream::{self, StreamExt, TryStreamExt};
use registry_core::storage::{BlobPrefix, When};

use super::super::check::{Failure, Verdict, ensure};
use super::checks;
use super::ground::Ground;

checks![
    a_listing_is_sorted_by_bytes,
    a_prefix_is_whole_segments,
    a_listing_tells_length_and_time,
    a_long_listing_is_whole,
    folders_are_named_once_and_sorted,
    a_folder_is_gone_with_its_last_blob,
];

/// In bytewise order: capitals before lowercase letters, `-` and `.` before the `/` of a folder, that before digits.
const SORTED: [&str; 8] = ["B", "a-/x", "a.b", "a/x", "a/y/z", "a0/x", "b", "é"];

async fn a_listing_is_sorted_by_bytes(ground: Ground) -> Verdict {
    for name in SORTED.iter().rev() {
        ground.put(&ground.path(name), *name, When::Always).await?;
    }
    let wanted: Vec<String> = SORTED.iter().map(|name| format!("conformance/{name}")).collect();
    for prefix in [BlobPrefix::ROOT, BlobPrefix::folder(super::paths::path("conformance")?)] {
        let listed: Vec<String> =
            ground.list(&prefix).await?.iter().map(|blob| blob.path.to_string()).collect();
        ensure!(listed == wanted, "list {prefix}: {listed:?} instead of {wanted:?}");
    }
    Ok(())
}

async fn a_prefix_is_whole_segments(ground: Ground) -> Verdict {
    for name in ["a/x", "a/deep/er/y", "ab/x", "a-b", "A/x"] {
        ground.put(&ground.path(name), "", When::Always).await?;
    }
    for (folder, wanted) in [
        ("a", vec!["conformance/a/deep/er/y", "conformance/a/x"]),
        ("a/deep", vec!["conformance/a/deep/er/y"]),
        ("a/x", vec![]),
        ("nothing", vec![]),
    ] {
        let listed: Vec<String> =
            ground.list(&ground.folder(folder)).await?.iter().map(|blob| blob.path.to_string()).collect();
        ensure!(listed == wanted, "list {folder}: {listed:?} instead of {wanted:?}");
    }
    Ok(())
}

async fn a_listing_tells_length_and_time(ground: Ground) -> Verdict {
    let (empty, full) = (ground.path("empty"), ground.path("full"));
    ground.put(&empty, "", When::Always).await?;
    ground.put(&full, "twelve bytes", When::Always).await?;
    let listed = ground.list(&BlobPrefix::ROOT).await?;
    let lengths: Vec<u64> = listed.iter().map(|blob| blob.length).collect();
    ensure!(lengths == [0, 12], "lengths {lengths:?} instead of [0, 12]");
    for blob in listed {
        let since_epoch = blob.last_modified.timestamp();
        ensure!(
            since_epoch > 1_600_000_000,
            "{} was last written {}, says the listing",
            blob.path,
            blob.last_modified
        );
    }
    Ok(())
}

async fn a_long_listing_is_whole(ground: Ground) -> Verdict {
    // More than the thousand that many stores give in one answer.
    let names: Vec<String> = (0..1100).map(|number| format!("many/{number:04}")).collect();
    stream::iter(names.clone())
        .map(|name| {
            let ground = ground.clone();
            async move { ground.put(&ground.path(&name), "", When::Absent).await }
        })
        .buffer_unordered(16)
        .try_for_each(|_| async { Ok::<(), Failure>(()) })
        .await?;
    let listed: Vec<String> =
        ground.list(&BlobPrefix::ROOT).await?.iter().map(|blob| blob.path.to_string()).collect();
    let wanted: Vec<String> = names.iter().map(|name| format!("conformance/{name}")).collect();
    ensure!(
        listed == wanted,
        "{} blobs were put, and the listing of {} is another",
        wanted.len(),
        listed.len()
    );
    Ok(())
}

async fn folders_are_named_once_and_sorted(ground: Ground) -> Verdict {
    for name in ["b/x", "a/x", "a/y", "a/deep/z", "a-b/x", "C/x", "file"] {
        ground.put(&ground.path(name), "", When::Always).await?;
    }
    for (prefix, wanted) in [
        (BlobPrefix::ROOT, vec!["conformance"]),
        (BlobPrefix::folder(super::paths::path("conformance")?), vec!["C", "a", "a-b", "b"]),
        (ground.folder("a"), vec!["deep"]),
        (ground.folder("b"), vec![]),
        (ground.folder("file"), vec![]),
        (ground.folder("nothing"), vec![]),
    ] {
        let folders = ground.store.list_folders(&prefix).await?;
        ensure!(folders == wanted, "list_folders {prefix}: {folders:?} instead of {wanted:?}");
    }
    Ok(())
}

async fn a_folder_is_gone_with_its_last_blob(ground: Ground) -> Verdict {
    let (one, other) = (ground.path("deep/er/one"), ground.path("deep/other"));
    ground.put(&one, "", When::Always).await?;
    ground.put(&other, "", When::Always).await?;
    let deep = ground.folder("deep");
    ground.store.delete(&one).await?;
    let folders = ground.store.list_folders(&deep).await?;
    ensure!(folders.is_empty(), "list_folders {deep}: {folders:?}, though nothing is below");
    ground.store.delete(&other).await?;
    let folders = ground.store.list_folders(&BlobPrefix::ROOT).await?;
    ensure!(folders.is_empty(), "list_folders of the root: {folders:?}, though the store is empty");
    Ok(())
}
