use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use registry_core::storage::{BlobETag, BlobError, BlobPath, BlobPrefix, ByteStream, When};

use super::super::check::{Verdict, ensure};
use super::checks;
use super::ground::{Ground, gather, pattern, stream_of};

checks![
    a_stream_is_stored_in_order,
    a_stream_replaces_what_is_there,
    a_long_stream_is_whole,
    a_stream_is_not_polled_after_its_end,
    a_failing_stream_stores_nothing,
    a_failing_stream_leaves_the_old_blob,
];

async fn a_stream_is_stored_in_order(ground: Ground) -> Verdict {
    for (name, chunks, wanted) in [
        ("none", vec![], ""),
        ("empty", vec!["", ""], ""),
        ("one", vec!["whole"], "whole"),
        ("many", vec!["a", "", "bc", "def", ""], "abcdef"),
    ] {
        let path = ground.path(name);
        let chunks = chunks.into_iter().map(|chunk| Bytes::from_static(chunk.as_bytes())).collect();
        let etag = ground.store.put_stream(&path, stream_of(chunks)).await?;
        ground.expect(&path, wanted).await?;
        check_etag(&ground, &path, &etag).await?;
    }
    Ok(())
}

/// A stream need not bear it.
async fn a_stream_is_not_polled_after_its_end(ground: Ground) -> Verdict {
    for chunks in [0, 1, 3] {
        let path = ground.path(&format!("polled/{chunks}"));
        let polled_after_end = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&polled_after_end);
        let mut left = Some(chunks);
        let stream = stream::poll_fn(move |_| {
            told.fetch_or(left.is_none(), Ordering::Relaxed);
            left = left.and_then(|left: usize| left.checked_sub(1));
            Poll::Ready(left.map(|_| Ok(Bytes::from_static(b"chunk"))))
        });
        ground.store.put_stream(&path, stream.boxed()).await?;
        ensure!(
            !polled_after_end.load(Ordering::Relaxed),
            "a stream of {chunks} chunks was polled after its end"
        );
    }
    Ok(())
}

async fn a_stream_replaces_what_is_there(ground: Ground) -> Verdict {
    let path = ground.path("replaced");
    let first = ground.put(&path, "first", When::Always).await?;
    let second = ground.store.put_stream(&path, stream_of(vec!["other".into()])).await?;
    ground.expect(&path, "other").await?;
    ensure!(first != second, "{path}: put_stream of other bytes kept {first:?}");
    ground.put_in_vain(&path, When::Matches(first)).await?;
    ground.put(&path, "third", When::Matches(second)).await?;
    ground.expect(&path, "third").await
}

async fn a_long_stream_is_whole(ground: Ground) -> Verdict {
    let path = ground.path("long");
    // Longer than one part of an upload, and of no round length.
    let bytes = pattern(18 * 1024 * 1024 + 5);
    let chunks = bytes.chunks(700_001).map(Bytes::copy_from_slice).collect();
    let etag = ground.store.put_stream(&path, stream_of(chunks)).await?;
    let open = ground.open(&path, None).await?;
    ensure!(open.length == bytes.len() as u64, "{path}: {} bytes instead of {}", open.length, bytes.len());
    ensure!(gather(open.stream).await? == bytes, "{path}: not the bytes that were streamed");
    check_etag(&ground, &path, &etag).await
}

async fn a_failing_stream_stores_nothing(ground: Ground) -> Verdict {
    for (name, length) in [("at_once", 0), ("soon", 10), ("late", 20 * 1024 * 1024)] {
        let path = ground.path(name);
        stream_in_vain(&ground, &path, length).await?;
        ground.expect_missing(&path).await?;
    }
    let left = ground.list(&BlobPrefix::ROOT).await?;
    ensure!(left.is_empty(), "a stream that failed left {:?} in the listing", left[0].path);
    Ok(())
}

async fn a_failing_stream_leaves_the_old_blob(ground: Ground) -> Verdict {
    let path = ground.path("old");
    let etag = ground.put(&path, "old", When::Always).await?;
    for length in [0, 10, 20 * 1024 * 1024] {
        stream_in_vain(&ground, &path, length).await?;
        ground.expect(&path, "old").await?;
        check_etag(&ground, &path, &etag).await?;
    }
    Ok(())
}

async fn check_etag(ground: &Ground, path: &BlobPath, etag: &BlobETag) -> Verdict {
    let found = ground.get(path).await?.etag;
    ensure!(found == *etag, "{path}: now {found:?}, but {etag:?} was told");
    Ok(())
}

/// Streams `length` bytes and then an error, which must be answered as the stream's own.
async fn stream_in_vain(ground: &Ground, path: &BlobPath, length: usize) -> Verdict {
    match ground.store.put_stream(path, failing(path, length)).await {
        Ok(_) => ensure!(false, "{path}: a stream that failed after {length} bytes was stored"),
        Err(BlobError::Stream { .. }) => {}
        Err(other) => ensure!(false, "{path}: the error of the stream came back as {other:?}"),
    }
    Ok(())
}

fn failing(path: &BlobPath, length: usize) -> ByteStream {
    let bytes = pattern(length);
    let chunks: Vec<_> = bytes.chunks(1024 * 1024).map(Bytes::copy_from_slice).map(Ok).collect();
    let error = BlobError::Stream { path: path.to_string(), source: "the client hung up".into() };
    stream::iter(chunks).chain(stream::once(async { Err(error) })).boxed()
}
