use std::array;
use std::fs::{File, FileTimes, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::storage::BlobPath;

/// The most threads of Tokio's blocking pool that writers hold at once. More would not make a disk faster, and readers
/// need threads too.
const WRITING_THREADS: usize = 32;

/// The queues of this process's writers, one per lock file. Waiters queue here in order and without holding a thread,
/// and only the first acquires the lock that other processes see.
#[derive(Debug)]
pub(super) struct Turns {
    queues: [Arc<Mutex<()>>; 256],
    slots: Arc<Semaphore>,
}

/// The right to acquire the lock of one path, and a thread slot for doing so.
#[derive(Debug)]
pub(super) struct Turn {
    shard: u8,
    _queue: OwnedMutexGuard<()>,
    _slot: Option<OwnedSemaphorePermit>,
}

/// The lock of a 256th of all paths, against every other task and process. The kernel releases it if the process dies.
#[derive(Debug)]
pub(super) struct ShardLock {
    // Before the turn, since fields are dropped in this order: the next in the queue finds the lock free.
    file: File,
    _turn: Turn,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            queues: array::from_fn(|_| Arc::new(Mutex::new(()))),
            slots: Arc::new(Semaphore::new(WRITING_THREADS)),
        }
    }

    /// Acquires a thread slot for a write.
    pub(super) async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        // Fails only if closed, and the semaphore is never closed.
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    /// Waits for this writer's turn. The queue comes before the thread slot: a writer with a slot waits for no other
    /// writer in this process.
    pub(super) async fn take(&self, path: &BlobPath) -> Turn {
        let shard = shard(path);
        let queue = Arc::clone(&self.queues[usize::from(shard)]).lock_owned().await;
        Turn { shard, _queue: queue, _slot: self.slot().await }
    }
}

/// The same in every build and on every machine: processes that disagree would not exclude each other.
fn shard(path: &BlobPath) -> u8 {
    Sha256::digest(path.as_str())[0]
}

impl Turn {
    /// Blocks until no other process holds the lock. Opens a new descriptor, since locks belong to descriptors.
    pub(super) fn lock(self, locks: &Path) -> io::Result<ShardLock> {
        let path = locks.join(format!("{:02x}", self.shard));
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        loop {
            match file.lock() {
                Ok(()) => return Ok(ShardLock { file, _turn: self }),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl ShardLock {
    /// When the last file was deleted under this lock, or later: stored as the lock file's own time.
    pub(super) fn last_deletion(&self) -> io::Result<SystemTime> {
        self.file.metadata()?.modified()
    }

    /// Records the deletion of a file with this time, so that a new file at its path never has the same time.
    pub(super) fn record_deletion(&self, modified: SystemTime) -> io::Result<()> {
        if modified > self.last_deletion()? {
            self.file.set_times(FileTimes::new().set_modified(modified))?;
        }
        Ok(())
    }
}
