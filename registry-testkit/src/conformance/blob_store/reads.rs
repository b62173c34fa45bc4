use std::collections::HashSet;

use registry_core::storage::{BlobETag, BlobRange, Fetched, PutOutcome, When};

use super::super::check::{Verdict, ensure};
use super::checks;
use super::ground::{Ground, brief, gather, pattern};

checks![
    a_missing_blob_is_an_answer,
    a_blob_reads_as_it_was_written,
    the_etag_changes_with_each_write,
    an_unchanged_blob_is_not_given_again,
    a_range_is_cut_at_the_end,
    a_big_blob_is_whole,
    a_folder_is_not_a_blob,
    an_open_blob_outlives_its_successor,
];

async fn a_missing_blob_is_an_answer(ground: Ground) -> Verdict {
    let path = ground.path("nothing/here");
    ground.expect_missing(&path).await?;
    let range = BlobRange { start: 5, end: Some(9) };
    ensure!(ground.store.open(&path, Some(range)).await?.is_none(), "open {path} with a range: there");
    let fetched = ground.store.get_if_changed(&path, &BlobETag::new("\"0\"")).await?;
    ensure!(fetched == Fetched::Missing, "get_if_changed {path}: {fetched:?} instead of Missing");
    Ok(())
}

async fn a_blob_reads_as_it_was_written(ground: Ground) -> Verdict {
    for (name, content) in [("full", "content"), ("empty", "")] {
        let path = ground.path(name);
        let etag = ground.put(&path, content, When::Always).await?;
        let blob = ground.get(&path).await?;
        ensure!(blob.bytes == content, "get {path}: {} instead of {content:?}", brief(&blob.bytes));
        ensure!(blob.etag == etag, "get {path}: {:?}, but put answered {etag:?}", blob.etag);
        let open = ground.open(&path, None).await?;
        ensure!(open.etag == etag, "open {path}: {:?}, but put answered {etag:?}", open.etag);
        ensure!(open.length == content.len() as u64, "open {path}: length {}", open.length);
        let streamed = gather(open.stream).await?;
        ensure!(streamed == content.as_bytes(), "open {path}: {} instead of {content:?}", brief(&streamed));
    }
    Ok(())
}

async fn the_etag_changes_with_each_write(ground: Ground) -> Verdict {
    let path = ground.path("etag");
    let mut seen = HashSet::new();
    for write in 0..64 {
        // All of one length, and now and then over nothing: size, time and place on disk alone tell nothing.
        let content = format!("write {write:02}");
        if write % 8 == 7 {
            ground.store.delete(&path).await?;
        }
        let etag = ground.put(&path, content, When::Always).await?;
        ensure!(
            seen.insert(etag.clone()),
            "write {write} of {path} got {etag:?}, which an earlier write had"
        );
    }
    Ok(())
}

async fn an_unchanged_blob_is_not_given_again(ground: Ground) -> Verdict {
    let path = ground.path("changing");
    let first = ground.put(&path, "one", When::Always).await?;
    let fetched = ground.store.get_if_changed(&path, &first).await?;
    ensure!(fetched == Fetched::Unchanged, "with the last ETag: {fetched:?} instead of Unchanged");
    let second = ground.put(&path, "two", When::Always).await?;
    match ground.store.get_if_changed(&path, &first).await? {
        Fetched::Changed(blob) => {
            ensure!(
                blob.bytes == "two",
                "with an outdated ETag: {} instead of the new bytes",
                brief(&blob.bytes)
            );
            ensure!(blob.etag == second, "with an outdated ETag: {:?} instead of {second:?}", blob.etag);
        }
        other => ensure!(false, "with an outdated ETag: {other:?} instead of Changed"),
    }
    ground.store.delete(&path).await?;
    let fetched = ground.store.get_if_changed(&path, &second).await?;
    ensure!(fetched == Fetched::Missing, "after delete: {fetched:?} instead of Missing");
    Ok(())
}

async fn a_range_is_cut_at_the_end(ground: Ground) -> Verdict {
    let path = ground.path("ranges");
    ground.put(&path, "0123456789", When::Always).await?;
    let empty = ground.path("empty");
    ground.put(&empty, "", When::Always).await?;
    let cases = [
        (&path, 0, None, "0123456789"),
        (&path, 3, None, "3456789"),
        (&path, 3, Some(5), "34"),
        (&path, 0, Some(10), "0123456789"),
        (&path, 8, Some(1000), "89"),
        (&path, 9, Some(10), "9"),
        (&path, 4, Some(4), ""),
        (&path, 6, Some(2), ""),
        (&path, 10, None, ""),
        (&path, 10, Some(12), ""),
        (&path, 1000, None, ""),
        (&empty, 0, None, ""),
        (&empty, 0, Some(1), ""),
    ];
    for (path, start, end, wanted) in cases {
        let open = ground.open(path, Some(BlobRange { start, end })).await?;
        let length = if path == &empty { 0 } else { 10 };
        ensure!(
            open.length == length,
            "range {start}..{end:?}: the length of the whole is told as {}",
            open.length
        );
        let found = gather(open.stream).await?;
        ensure!(
            found == wanted.as_bytes(),
            "range {start}..{end:?}: {} instead of {wanted:?}",
            brief(&found)
        );
    }
    Ok(())
}

async fn a_big_blob_is_whole(ground: Ground) -> Verdict {
    let path = ground.path("big");
    let bytes = pattern(5 * 1024 * 1024 + 17);
    ground.put(&path, bytes.clone(), When::Always).await?;
    ground.expect(&path, bytes.clone()).await?;
    let streamed = gather(ground.open(&path, None).await?.stream).await?;
    ensure!(streamed == bytes, "open {path}: {} that are not the bytes put", brief(&streamed));
    let (start, end) = (300_000, 3_700_001);
    let range = BlobRange { start: start as u64, end: Some(end as u64) };
    let part = gather(ground.open(&path, Some(range)).await?.stream).await?;
    ensure!(part == bytes[start..end], "open {path} from {start} to {end}: {} that are others", brief(&part));
    Ok(())
}

async fn a_folder_is_not_a_blob(ground: Ground) -> Verdict {
    let (folder, inside) = (ground.path("folder"), ground.path("folder/inside"));
    ground.put(&inside, "here", When::Always).await?;
    // That something else stands in its place may be an error; that the folder is given as a blob may not be.
    for found in [
        ground.store.get(&folder).await.map(|blob| blob.is_some()),
        ground.store.open(&folder, None).await.map(|blob| blob.is_some()),
    ] {
        ensure!(!found.unwrap_or(false), "{folder} is a folder, and was given as a blob");
    }
    let put = ground.store.put(&folder, "in vain".into(), When::Matches(BlobETag::new("\"0\""))).await;
    ensure!(!matches!(put, Ok(PutOutcome::Stored(_))), "put {folder}: stored, though the condition fails");
    ground.store.delete(&folder).await.ok();
    ground.expect(&inside, "here").await
}

async fn an_open_blob_outlives_its_successor(ground: Ground) -> Verdict {
    let path = ground.path("replaced");
    let old = pattern(3 * 1024 * 1024);
    ground.put(&path, old.clone(), When::Always).await?;
    for replace in [true, false] {
        ground.put(&path, old.clone(), When::Always).await?;
        let open = ground.open(&path, None).await?;
        if replace {
            ground.put(&path, vec![0; old.len()], When::Always).await?;
        } else {
            ground.store.delete(&path).await?;
        }
        // An error is an honest answer too; a mixture is not.
        if let Ok(bytes) = gather(open.stream).await {
            ensure!(bytes == old, "a blob that was replaced or deleted while it was read gave other bytes");
        }
    }
    Ok(())
}
