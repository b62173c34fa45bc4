use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use moka::sync::Cache;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::Error;
use crate::error::BoxError;
use crate::error::ProxyError;
use crate::proxy::Proxy;
use crate::storage::{BlobETag, BlobError, BlobPath, BlobRange, BlobStore, ByteStream, OpenBlob};
use crate::traces::inner_span;
use crate::upstream::TarballEncoding;

use super::progress::Progress;
use super::readings::{Pumped, Reading, Readings};
use super::tarball_sources::TarballSource;

/// Chunks buffered for a client or the store.
const CHUNKS: usize = 8;
/// The total time that a fetch waits for its own client, since other clients may wait for the same tarball. A slower
/// client gets the rest from the store.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) type Chunk = Result<Bytes, BlobError>;

/// How long an oversized tarball is not requested again. Its digest is in the path, so its size cannot change; only the
/// upstream may have announced a wrong length.
const TOO_LARGE_FOR: Duration = Duration::from_mins(10);
/// How many oversized tarballs are remembered.
const TOO_LARGE: u64 = 10_000;

/// The tarballs being fetched from upstreams into the store. Each is fetched by one task at a time.
#[derive(Debug)]
pub(crate) struct InflightFills {
    under_way: Mutex<HashMap<BlobPath, watch::Receiver<Option<Outcome>>>>,
    too_large: Cache<BlobPath, Arc<Error>>,
}

/// How a fetch ended.
type Outcome = Result<Ended, Arc<Error>>;

#[derive(Debug, Clone, Copy)]
enum Ended {
    Kept,
    Gone,
}

/// The channels through which the client that began a fetch receives the length and the chunks.
type Waiting = (oneshot::Sender<Option<u64>>, Option<mpsc::Sender<Bytes>>);

/// How one attempt ended.
enum Fetched {
    Ended(Ended),
    /// The digest matches only after decompression, and the stored bytes are the compressed ones.
    IsCompressed,
}

/// The answer to a request for a tarball that is not cached.
pub(super) enum Filling {
    /// The tarball itself, streamed. The stream ends in an error if the digest does not match.
    Streaming(OpenBlob),
    /// The tarball is now in the store.
    Kept,
    /// The upstream no longer has it.
    Gone,
}

impl Default for InflightFills {
    fn default() -> Self {
        let too_large = Cache::builder().max_capacity(TOO_LARGE).time_to_live(TOO_LARGE_FOR).build();
        Self { under_way: Mutex::default(), too_large }
    }
}

impl InflightFills {
    /// Begins a fetch, or joins the one in flight.
    fn join(
        &self,
        path: &BlobPath,
    ) -> Result<watch::Sender<Option<Outcome>>, watch::Receiver<Option<Outcome>>> {
        let mut fills = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = fills.get(path) {
            return Err(under_way.clone());
        }
        let (sender, receiver) = watch::channel(None);
        fills.insert(path.clone(), receiver);
        Ok(sender)
    }

    fn leave(&self, path: &BlobPath) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }
}

/// A fetch in flight, which is deregistered on drop.
struct FillGuard<'a> {
    proxy: &'a Proxy,
    path: &'a BlobPath,
}

impl Drop for FillGuard<'_> {
    fn drop(&mut self) {
        self.proxy.parts.upstream.fills.leave(self.path);
    }
}

impl Proxy {
    /// Fetches a tarball into the store. Runs to its end even if the client goes away.
    pub(super) async fn fill(&self, source: &TarballSource, streaming: bool) -> Result<Filling, Error> {
        if let Some(error) = self.parts.upstream.fills.too_large.get(&source.path) {
            return Err(Error::Shared(error));
        }
        let ended = match self.parts.upstream.fills.join(&source.path) {
            Err(under_way) => under_way,
            Ok(ended) => {
                let under_way = ended.subscribe();
                let (length, told_length) = oneshot::channel();
                let (client, chunks) = mpsc::channel(CHUNKS);
                let (proxy, source, path) = (self.clone(), source.clone(), source.path.clone());
                // A span of its own, since it may outlast that of the request.
                let span = inner_span!("fetch tarball");
                let fetching = async move {
                    let under_way = FillGuard { proxy: &proxy, path: &source.path };
                    let client = streaming.then_some(client);
                    let outcome = proxy.fetch(&source, length, client).await;
                    drop(under_way);
                    ended.send_replace(Some(outcome));
                };
                tokio::spawn(fetching.instrument(span));
                // Without a length, a client could not tell a truncated tarball from a whole one.
                if let (true, Ok(Some(length))) = (streaming, told_length.await) {
                    let etag = BlobETag::new("streaming");
                    let stream = self.follow(path, chunks, under_way, length);
                    return Ok(Filling::Streaming(OpenBlob { stream, length, etag }));
                }
                under_way
            }
        };
        match end_of(ended).await? {
            Ended::Kept => Ok(Filling::Kept),
            Ended::Gone => Ok(Filling::Gone),
        }
    }

    async fn fetch(
        &self,
        source: &TarballSource,
        length: oneshot::Sender<Option<u64>>,
        client: Option<mpsc::Sender<Bytes>>,
    ) -> Outcome {
        if let Fetched::Ended(ended) = self.fetch_as(source, Reading::AsSent, Some((length, client))).await? {
            return Ok(ended);
        }
        match self.fetch_as(source, Reading::Inflated, None).await? {
            Fetched::Ended(ended) => Ok(ended),
            Fetched::IsCompressed => Err(Arc::new(source.wrong().into())),
        }
    }

    async fn fetch_as(
        &self,
        source: &TarballSource,
        reading: Reading,
        waiting: Option<Waiting>,
    ) -> Result<Fetched, Arc<Error>> {
        let found = source.upstream.upstream.tarball(&source.url).await.map_err(Error::from)?;
        let Some(tarball) = found else { return Ok(Fetched::Ended(Ended::Gone)) };
        let (encoding, elsewhere, told_length) =
            (tarball.encoding, tarball.elsewhere.clone(), tarball.length);
        let most = self.parts.limits.upstream_tarball_bytes;
        let tarball = Progress::new(&source.upstream, &source.url, tarball, most);
        // An empty tarball cannot be withheld until its digest is verified. An oversized or compressed one, or one at a
        // host that the upstream chose, must not be streamed before verification.
        let may_stream = told_length.is_some_and(|length| length > 0)
            && !tarball.is_too_large()
            && encoding == TarballEncoding::Identity
            && elsewhere.is_none();
        // A client that goes away before it receives the length gets no chunks.
        let client = waiting
            .and_then(|(length, client)| client.filter(|_| may_stream && length.send(told_length).is_ok()));
        let (store, chunks) = mpsc::channel(CHUNKS);
        let storing = self.parts.store.put_stream(&source.path, receive(chunks));
        let readings = Readings::new(source, reading, encoding, most);
        let pumping = pump(source, tarball, readings, store, client);
        let (pumped, stored) = futures::future::join(pumping, storing).await;
        match pumped {
            Ok(Pumped::Right(bytes)) => {
                stored.map_err(Error::from)?;
                self.note_fill(&source.path, bytes);
                Ok(Fetched::Ended(Ended::Kept))
            }
            Ok(Pumped::IsCompressed) => Ok(Fetched::IsCompressed),
            Err(error) => {
                let is_too_large = matches!(error, Error::Proxy(ProxyError::TarballTooLarge { .. }));
                let error = Arc::new(match elsewhere {
                    Some(host) => source.failed_elsewhere(host, error),
                    None => error,
                });
                if is_too_large {
                    self.parts.upstream.fills.too_large.insert(source.path.clone(), Arc::clone(&error));
                }
                Err(error)
            }
        }
    }

    /// Returns the client's stream during a fetch: the chunks as they arrive, or the rest from the store if the client
    /// is too slow. The stream completes only if the digest matches.
    fn follow(
        &self,
        path: BlobPath,
        chunks: mpsc::Receiver<Bytes>,
        ended: watch::Receiver<Option<Outcome>>,
        length: u64,
    ) -> ByteStream {
        let store = Arc::clone(&self.parts.store);
        let live = stream::unfold((chunks, 0), |(mut chunks, received)| async move {
            let chunk = chunks.recv().await?;
            let received = received + chunk.len() as u64;
            Some(((chunk, received), (chunks, received)))
        });
        // How much arrived is known once the channel closes.
        let received = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&received);
        let live = live.map(move |(chunk, received)| {
            counted.store(received, Ordering::Relaxed);
            Ok(chunk)
        });
        let rest = async move {
            let start = received.load(Ordering::Relaxed);
            if start == length {
                return stream::empty().boxed();
            }
            match rest_of(&**store.blobs(), &path, ended, start).await {
                Ok(rest) => rest,
                Err(source) => {
                    let broken = BlobError::Stream { path: path.to_string(), source };
                    stream::once(async { Err(broken) }).boxed()
                }
            }
        };
        live.chain(stream::once(rest).flatten()).boxed()
    }
}

/// Returns the rest of a tarball from the store, once it is stored.
async fn rest_of(
    store: &dyn BlobStore,
    path: &BlobPath,
    ended: watch::Receiver<Option<Outcome>>,
    start: u64,
) -> Result<ByteStream, BoxError> {
    match end_of(ended).await? {
        Ended::Gone => Err("the upstream no longer has it".into()),
        Ended::Kept => {
            let rest = store.open(path, Some(BlobRange { start, end: None })).await?;
            Ok(rest.ok_or("it was evicted from the store")?.stream)
        }
    }
}

async fn end_of(mut ended: watch::Receiver<Option<Outcome>>) -> Result<Ended, Error> {
    let outcome = ended.wait_for(Option::is_some).await;
    match outcome.as_deref() {
        Ok(Some(Ok(ended))) => Ok(*ended),
        Ok(Some(Err(error))) => Err(Error::Shared(Arc::clone(error))),
        Ok(None) | Err(_) => Err(Error::Internal("the fetch of a tarball was interrupted".into())),
    }
}

/// Moves a tarball from the upstream to the store and the client, verifies it on the way, and returns its length. The
/// client receives the last chunk only after the digest matched.
async fn pump(
    source: &TarballSource,
    mut tarball: Progress,
    mut readings: Readings<'_>,
    store: mpsc::Sender<Chunk>,
    client: Option<mpsc::Sender<Bytes>>,
) -> Result<Pumped, Error> {
    let mut client = SlowClient { client, patience: PATIENCE };
    let mut held = Bytes::new();
    loop {
        let chunk = match tarball.next().await {
            // HTTP/2 often ends a body with an empty frame, which must not release the withheld last chunk.
            Ok(Some(chunk)) if chunk.is_empty() => continue,
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(error) => return refuse(source, &store, error).await,
        };
        if tarball.is_too_long() {
            break;
        }
        let ready = std::mem::replace(&mut held, chunk.clone());
        readings.read(chunk, &store).await;
        client.give(ready).await;
    }
    match readings.end(tarball.is_whole(), tarball.received(), &store).await {
        Some(Pumped::Right(bytes)) => {
            drop(store);
            client.give(held).await;
            Ok(Pumped::Right(bytes))
        }
        Some(Pumped::IsCompressed) => {
            let _ = refuse(source, &store, source.wrong().into()).await;
            Ok(Pumped::IsCompressed)
        }
        None => refuse(source, &store, source.wrong().into()).await,
    }
}

/// A client that the fetch waits for up to [`PATIENCE`].
struct SlowClient {
    client: Option<mpsc::Sender<Bytes>>,
    patience: Duration,
}

impl SlowClient {
    /// Sends a chunk, or stops sending for good.
    async fn give(&mut self, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        let Some(client) = &self.client else { return };
        let Err(TrySendError::Full(chunk)) = client.try_send(chunk) else {
            if client.is_closed() {
                self.client = None;
            }
            return;
        };
        let begun = Instant::now();
        let is_given = matches!(tokio::time::timeout(self.patience, client.send(chunk)).await, Ok(Ok(())));
        self.patience = self.patience.saturating_sub(begun.elapsed());
        if !is_given {
            self.client = None;
        }
    }
}

/// Ends the store's stream with an error, so that the store discards the chunks received so far.
async fn refuse(source: &TarballSource, store: &mpsc::Sender<Chunk>, error: Error) -> Result<Pumped, Error> {
    let broken = BlobError::Stream { path: source.path.to_string(), source: error.to_string().into() };
    let _ = store.send(Err(broken)).await;
    Err(error)
}

fn receive(chunks: mpsc::Receiver<Chunk>) -> ByteStream {
    stream::unfold(chunks, async |mut chunks| chunks.recv().await.map(|chunk| (chunk, chunks))).boxed()
}
