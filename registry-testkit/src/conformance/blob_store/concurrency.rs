use std::sync::Arc;

use bytes::Bytes;
use futures::future::{try_join, try_join_all};
use registry_core::storage::{BlobPath, PutOutcome, When};
use tokio::sync::Barrier;
use tokio::task::{JoinHandle, spawn, yield_now};

use super::super::check::{Failure, Verdict, ensure};
use super::checks;
use super::ground::{Ground, gather};

checks![
    of_many_creations_one_wins,
    of_many_replacements_of_one_state_one_wins,
    increments_are_not_lost,
    a_reader_sees_old_or_new,
    neighbors_come_and_go_undisturbed,
];

const WRITERS: usize = 64;

async fn of_many_creations_one_wins(ground: Ground) -> Verdict {
    for round in 0..4 {
        let path = ground.path(&format!("new/{round}"));
        one_wins(&ground, &path, round, &When::Absent).await?;
    }
    Ok(())
}

async fn of_many_replacements_of_one_state_one_wins(ground: Ground) -> Verdict {
    let path = ground.path("replaced");
    ground.put(&path, "no writer yet", When::Always).await?;
    for round in 0..4 {
        let etag = ground.get(&path).await?.etag;
        one_wins(&ground, &path, round, &When::Matches(etag)).await?;
    }
    Ok(())
}

/// Lets many tasks put at once under one condition.
///
/// Every round writes other bytes: where `ETag`s are digests, a blob replaced by its own content keeps its `ETag`.
async fn one_wins(ground: &Ground, path: &BlobPath, round: usize, when: &When) -> Verdict {
    let writers = (0..WRITERS).map(|writer| {
        let (ground, path, when) = (ground.clone(), path.clone(), when.clone());
        task(async move {
            let bytes = Bytes::from(format!("round {round} writer {writer:02}"));
            Ok((bytes.clone(), ground.store.put(&path, bytes, when).await?))
        })
    });
    let mut winners = Vec::new();
    for (bytes, outcome) in try_join_all(writers).await? {
        if let PutOutcome::Stored(etag) = outcome {
            winners.push((bytes, etag));
        }
    }
    ensure!(winners.len() == 1, "{} of {WRITERS} writers at once were told that they stored", winners.len());
    let blob = ground.get(path).await?;
    ensure!(
        winners[0] == (blob.bytes, blob.etag),
        "{path}: another writer's bytes than the winner's are there"
    );
    Ok(())
}

async fn increments_are_not_lost(ground: Ground) -> Verdict {
    const TASKS: usize = 8;
    const EACH: usize = 8;
    let path = ground.path("counter");
    ground.put(&path, "0", When::Absent).await?;
    let start = Arc::new(Barrier::new(TASKS));
    let tasks = (0..TASKS).map(|_| {
        let (ground, path, start) = (ground.clone(), path.clone(), Arc::clone(&start));
        task(async move {
            start.wait().await;
            for _ in 0..EACH {
                increment(&ground, &path).await?;
            }
            Ok(())
        })
    });
    try_join_all(tasks).await?;
    ground.expect(&path, (TASKS * EACH).to_string()).await
}

async fn increment(ground: &Ground, path: &BlobPath) -> Verdict {
    loop {
        let blob = ground.get(path).await?;
        let count: usize = std::str::from_utf8(&blob.bytes)?.parse()?;
        let next = Bytes::from((count + 1).to_string());
        // Others come in here.
        yield_now().await;
        if let PutOutcome::Stored(_) = ground.store.put(path, next, When::Matches(blob.etag)).await? {
            return Ok(());
        }
    }
}

async fn a_reader_sees_old_or_new(ground: Ground) -> Verdict {
    const LENGTH: usize = 300_000;
    let path = ground.path("rewritten");
    ground.put(&path, vec![b'a'; LENGTH], When::Always).await?;
    let writer = {
        let (ground, path) = (ground.clone(), path.clone());
        task(async move {
            for letter in b'b'..=b'y' {
                ground.put(&path, vec![letter; LENGTH], When::Always).await?;
            }
            Ok(())
        })
    };
    let reader = {
        let (ground, path) = (ground.clone(), path.clone());
        task(async move {
            for _ in 0..40 {
                uniform(&ground.get(&path).await?.bytes, LENGTH)?;
                // A stream may break off with an error when its blob is replaced.
                if let Ok(bytes) = gather(ground.open(&path, None).await?.stream).await {
                    uniform(&bytes, LENGTH)?;
                }
            }
            Ok(())
        })
    };
    try_join(writer, reader).await?;
    ground.expect(&path, vec![b'y'; LENGTH]).await
}

/// Fails unless all bytes are of one write.
fn uniform(bytes: &[u8], length: usize) -> Verdict {
    ensure!(bytes.len() == length, "a reader saw {} bytes of a blob that always has {length}", bytes.len());
    ensure!(bytes.iter().all(|byte| *byte == bytes[0]), "a reader saw bytes of two writes in one blob");
    Ok(())
}

async fn neighbors_come_and_go_undisturbed(ground: Ground) -> Verdict {
    let tasks = (0..8).map(|neighbor| {
        let ground = ground.clone();
        task(async move {
            // Deep, so that a store of folders makes and removes many that the neighbors need.
            let path = ground.path(&format!("a/b/c/d/e/f/g/h/{neighbor}"));
            for visit in 0..24 {
                let content = format!("visit {visit}");
                ground.put(&path, content.clone(), When::Absent).await?;
                ground.expect(&path, content).await?;
                ground.store.delete(&path).await?;
                ground.expect_missing(&path).await?;
            }
            Ok(())
        })
    });
    try_join_all(tasks).await.map(drop)
}

/// Runs on any thread of the runtime.
async fn task<Done: Send + 'static>(
    work: impl Future<Output = Result<Done, Failure>> + Send + 'static,
) -> Result<Done, Failure> {
    let task: JoinHandle<_> = spawn(work);
    task.await?
}
