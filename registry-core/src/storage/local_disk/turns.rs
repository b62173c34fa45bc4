use std::array;
use std::fs::{File, FileTimes, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::storage::BlobPath;

/// How many threads of Tokio's blocking pool writers may hold at once. A disk gets no faster beyond that, and
/// readers need threads too.
const WRITING_THREADS: usize = 32;

/// The queues of this process's writers, one before each lock file: waiters wait here, in order and without
/// holding a thread, and only the first asks for the lock that other processes see.
#[derive(Debug)]
pub(super) struct Turns {
    queues: [Arc<Mutex<()>>; 256],
    slots: Arc<Semaphore>,
}

/// The right to ask for the lock of one path, and the thread to do it on.
#[derive(Debug)]
pub(super) struct Turn {
    shard: u8,
    _queue: OwnedMutexGuard<()>,
    _slot: Option<OwnedSemaphorePermit>,
}

/// The lock of a 256th of all paths, against every other task and process. Freed by the kernel if we die.
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

    /// A thread to write on.
    pub(super) async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        // Fails only when closed, which nobody does.
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    /// Waits until it is this writer's turn. The queue comes before the thread: who holds a thread waits for
    /// nobody in this process.
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
    /// Blocks until no other process holds the lock. The descriptor is a fresh one: locks belong to descriptors.
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
    /// When the last file was deleted under this lock, or later: the lock file's own time is where it is kept.
    pub(super) fn last_deletion(&self) -> io::Result<SystemTime> {
        self.file.metadata()?.modified()
    }

    /// Remembers that a file of this time was deleted, so that a new file at its path never gets that time.
    pub(super) fn record_deletion(&self, modified: SystemTime) -> io::Result<()> {
        if modified > self.last_deletion()? {
            self.file.set_times(FileTimes::new().set_modified(modified))?;
        }
        Ok(())
    }
}
