use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::future::pending;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use registry_core::storage::{
    Blob, BlobETag, BlobError, BlobPath, BlobPrefix, BlobRange, BlobStore, ByteStream, Fetched, ListedBlob,
    OpenBlob, PutOutcome, SignedUrlOptions, When,
};
use tokio::sync::oneshot;
use url::Url;

use super::world::{Call, Life, Reply, World};
use crate::faulty::{Faulty, Operation};

/// What tells which store it is. All replicas find the same one, and nothing of a history depends on when they ask for it.
const MARKER: &str = "_registry.json";

/// The way of one replica to the store that all share: each call waits until the director lets it have its effect, and
/// again until its answer is let through. After a crash nothing comes through any more.
pub(super) struct ReplicaStore<Store> {
    shared: Arc<Faulty<Store>>,
    world: Arc<World>,
    life: Life,
    is_alive: Arc<AtomicBool>,
}

impl<Store: BlobStore> ReplicaStore<Store> {
    pub(super) fn new(
        shared: Arc<Faulty<Store>>,
        world: Arc<World>,
        life: Life,
        is_alive: Arc<AtomicBool>,
    ) -> Self {
        Self { shared, world, life, is_alive }
    }

    async fn act<Done, Work>(
        &self,
        operation: Operation,
        path: &(dyn fmt::Display + Sync),
        work: impl FnOnce(Arc<Faulty<Store>>) -> Work + Send,
    ) -> Result<Done, BlobError>
    where
        Done: Send + 'static,
        Work: Future<Output = Result<Done, BlobError>> + Send + 'static,
    {
        if !self.is_alive.load(Ordering::Relaxed) {
            return pending().await;
        }
        let path = path.to_string();
        if path == MARKER {
            return work(Arc::clone(&self.shared)).await;
        }
        let (sender, answer) = oneshot::channel();
        let sender = Arc::new(Mutex::new(Some(sender)));
        let send = move |sender: &Mutex<Option<oneshot::Sender<_>>>, done| {
            let sender = sender.lock().unwrap_or_else(PoisonError::into_inner).take();
            // A waiter that is gone needs no answer.
            sender.map(|sender| sender.send(done).is_ok());
        };
        let error = BlobError::Unavailable {
            store: self.to_string(),
            path: path.clone(),
            source: "no answer came in time".into(),
        };
        let (work, late) = (work(Arc::clone(&self.shared)), Arc::clone(&sender));
        self.world.arrive(Call {
            life: self.life,
            operation,
            path,
            effect: Box::pin(async move {
                let done = work.await;
                Box::new(move || send(&sender, done)) as Reply
            }),
            fail: Box::new(move || send(&late, Err(error))),
            is_orphan: false,
        });
        match answer.await {
            Ok(answer) => answer,
            Err(_) => pending().await,
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "a wrapper that forgets a method hides it")]
impl<Store: BlobStore> BlobStore for ReplicaStore<Store> {
    async fn get(&self, path: &BlobPath) -> Result<Option<Blob>, BlobError> {
        let key = path.clone();
        self.act(Operation::Get, path, |store| async move { store.get(&key).await }).await
    }

    async fn get_if_changed(&self, path: &BlobPath, known: &BlobETag) -> Result<Fetched, BlobError> {
        let (key, known) = (path.clone(), known.clone());
        let work = |store: Arc<Faulty<Store>>| async move { store.get_if_changed(&key, &known).await };
        self.act(Operation::GetIfChanged, path, work).await
    }

    async fn open(&self, path: &BlobPath, range: Option<BlobRange>) -> Result<Option<OpenBlob>, BlobError> {
        let key = path.clone();
        self.act(Operation::Open, path, move |store| async move { store.open(&key, range).await }).await
    }

    async fn put(&self, path: &BlobPath, bytes: Bytes, when: When) -> Result<PutOutcome, BlobError> {
        let key = path.clone();
        self.act(Operation::Put, path, |store| async move { store.put(&key, bytes, when).await }).await
    }

    async fn put_stream(&self, path: &BlobPath, stream: ByteStream) -> Result<BlobETag, BlobError> {
        let bytes = stream.try_collect::<BytesMut>().await?.freeze();
        let key = path.clone();
        let work = |store: Arc<Faulty<Store>>| async move {
            store.put_stream(&key, stream::once(async { Ok(bytes) }).boxed()).await
        };
        self.act(Operation::PutStream, path, work).await
    }

    async fn delete(&self, path: &BlobPath) -> Result<(), BlobError> {
        let key = path.clone();
        self.act(Operation::Delete, path, |store| async move { store.delete(&key).await }).await
    }

    fn list(&self, prefix: &BlobPrefix) -> BoxStream<'static, Result<ListedBlob, BlobError>> {
        let (this, prefix) = (self.clone(), prefix.clone());
        let listed = async move {
            let below = prefix.clone();
            let work =
                |store: Arc<Faulty<Store>>| async move { store.list(&below).try_collect::<Vec<_>>().await };
            this.act(Operation::List, &prefix, work).await
        };
        stream::once(listed).map_ok(|listed| stream::iter(listed.into_iter().map(Ok))).try_flatten().boxed()
    }

    async fn list_folders(&self, prefix: &BlobPrefix) -> Result<Vec<String>, BlobError> {
        let below = prefix.clone();
        let work = |store: Arc<Faulty<Store>>| async move { store.list_folders(&below).await };
        self.act(Operation::ListFolders, prefix, work).await
    }

    async fn signed_url(
        &self,
        path: &BlobPath,
        expires: Duration,
        options: SignedUrlOptions,
    ) -> Result<Option<Url>, BlobError> {
        let key = path.clone();
        let work =
            move |store: Arc<Faulty<Store>>| async move { store.signed_url(&key, expires, options).await };
        self.act(Operation::SignedUrl, path, work).await
    }
}

impl<Store> Clone for ReplicaStore<Store> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            world: Arc::clone(&self.world),
            life: self.life,
            is_alive: Arc::clone(&self.is_alive),
        }
    }
}

impl<Store> fmt::Debug for ReplicaStore<Store> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReplicaStore").field("life", &self.life).finish_non_exhaustive()
    }
}

impl<Store: fmt::Display> fmt::Display for ReplicaStore<Store> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} on {}", self.life, self.shared)
    }
}
