use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::try_join_all;
use futures::stream::{self, StreamExt};
use registry_core::storage::{BlobError, BlobPath, BlobPrefix, PutOutcome, When};
use tokio::sync::Barrier;
use tokio::task::{spawn, yield_now};
use tokio::time::timeout;

use super::super::check::{Failure, Verdict, ensure};
use super::checks;
use super::ground::{Ground, brief, pattern};

checks![
    dropped_writes_lose_no_acknowledged_write,
    dropped_creations_leave_all_or_nothing,
    a_dropped_stream_stores_nothing,
    a_dropped_delete_leaves_no_lock,
];

/// A future that is dropped at its `polls`-th wait, unless it is done by then.
struct DroppedAt<Work> {
    work: Option<Pin<Box<Work>>>,
    polls: usize,
}

fn dropped_at<Work: Future>(polls: usize, work: Work) -> DroppedAt<Work> {
    DroppedAt { work: Some(Box::pin(work)), polls }
}

impl<Work: Future> Future for DroppedAt<Work> {
    type Output = Option<Work::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = self.work.as_mut() else { return Poll::Ready(None) };
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        self.polls = self.polls.saturating_sub(1);
        if self.polls > 0 {
            return Poll::Pending;
        }
        self.work = None;
        Poll::Ready(None)
    }
}

async fn dropped_writes_lose_no_acknowledged_write(ground: Ground) -> Verdict {
    let path = ground.path("log");
    ground.put(&path, "", When::Absent).await?;
    let start = Arc::new(Barrier::new(8));
    let writers = (0..8).map(|writer| {
        let (ground, path, start) = (ground.clone(), path.clone(), Arc::clone(&start));
        spawn(async move {
            start.wait().await;
            let mut acknowledged = Vec::new();
            for round in 0..16 {
                // Most are dropped while the store is at work, each at another of its steps.
                let dropped = append(&ground, &path, format!("dropped {writer}.{round};"));
                dropped_at(1 + (writer + round) % 8, dropped).await.transpose()?;
                let entry = format!("kept {writer}.{round};");
                append(&ground, &path, entry.clone()).await?;
                acknowledged.push(entry);
            }
            Ok::<_, Failure>(acknowledged)
        })
    });
    let written = try_join_all(writers).await?;
    let log = ground.get(&path).await?.bytes;
    let log = std::str::from_utf8(&log)?;
    for acknowledged in written {
        for entry in acknowledged? {
            let times = log.matches(&entry).count();
            ensure!(times == 1, "an acknowledged write is there {times} times after others were dropped");
        }
    }
    Ok(())
}

/// Adds `entry` by compare-and-swap.
async fn append(ground: &Ground, path: &BlobPath, entry: String) -> Verdict {
    loop {
        let blob = ground.get(path).await?;
        let longer = Bytes::from([&blob.bytes[..], entry.as_bytes()].concat());
        // Others come in here.
        yield_now().await;
        if let PutOutcome::Stored(_) = ground.store.put(path, longer, When::Matches(blob.etag)).await? {
            return Ok(());
        }
    }
}

async fn dropped_creations_leave_all_or_nothing(ground: Ground) -> Verdict {
    let (dropped, kept) = (pattern(20_000), pattern(30_000));
    let mut created = Vec::new();
    for round in 0..160 {
        // Deep, so that a store of folders is at work for a while between looking and storing.
        let path = ground.path(&format!("{round}/a/b/c/d/e/f/g/h/i/j/k/l/m/n/blob"));
        let first = dropped_at(1 + round % 3, ground.store.put(&path, dropped.clone(), When::Absent));
        let first = first.await.transpose()?;
        let second = ground.store.put(&path, kept.clone(), When::Absent).await?;
        if let (Some(PutOutcome::Stored(_)), PutOutcome::Stored(_)) = (&first, &second) {
            ensure!(false, "{path} was created twice");
        }
        created.push((path, if second == PutOutcome::Conflict { &dropped } else { &kept }));
    }
    // At the end only: a dropped write that was still under way has ended by now.
    for (path, bytes) in created {
        ground.expect(&path, bytes.clone()).await?;
    }
    Ok(())
}

async fn a_dropped_stream_stores_nothing(ground: Ground) -> Verdict {
    let path = ground.path("streamed");
    ground.put(&path, "old", When::Always).await?;
    for polls in 1..12 {
        let chunks = std::iter::repeat_with(|| Ok::<_, BlobError>(Bytes::from(vec![0; 1024 * 1024])));
        let endless = stream::iter(chunks.take(10)).chain(stream::pending()).boxed();
        // Once all is sent, nothing wakes it again.
        let writing = dropped_at(polls, ground.store.put_stream(&path, endless));
        let patience = Duration::from_millis(50);
        if let Ok(Some(done)) = timeout(patience, writing).await {
            ensure!(false, "a stream without an end was stored: {done:?}");
        }
        let found = ground.get(&path).await?.bytes;
        ensure!(found == "old", "{path}: {} after a stream was dropped", brief(&found));
    }
    let left: Vec<_> = ground.list(&BlobPrefix::ROOT).await?;
    ensure!(left.len() == 1, "dropped streams show in the listing: {} blobs instead of one", left.len());
    Ok(())
}

async fn a_dropped_delete_leaves_no_lock(ground: Ground) -> Verdict {
    let path = ground.path("deleted");
    for polls in 1..6 {
        ground.put(&path, "here", When::Always).await?;
        dropped_at(polls, ground.store.delete(&path)).await.transpose()?;
        ground.put(&path, "again", When::Always).await?;
        ground.expect(&path, "again").await?;
    }
    Ok(())
}
