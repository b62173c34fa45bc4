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

use crate::Error;
use crate::error::BoxError;
use crate::proxy::Proxy;
use crate::storage::{BlobETag, BlobError, BlobPath, BlobRange, BlobStore, ByteStream, OpenBlob};
use crate::upstream::TarballEncoding;

use super::progress::Progress;
use super::readings::{Pumped, Reading, Readings};
use super::tarball_sources::TarballSource;

/// Chunks on their way to a client or to the store.
const CHUNKS: usize = 8;
/// So long in all a fetch waits for the client that it was begun for, since others may wait for the same tarball. A
/// client that is slower gets the rest from the store.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) type Chunk = Result<Bytes, BlobError>;

/// How long a tarball that is too large is not asked for again. It stays as large as it is, since its digest is in the
/// path; only the upstream may have been wrong about its length.
const TOO_LARGE_FOR: Duration = Duration::from_mins(10);
/// Of how many tarballs it is known that they are too large.
const TOO_LARGE: u64 = 10_000;

/// The tarballs that are on their way from an upstream into the store. Each is fetched once at a time.
#[derive(Debug)]
pub(crate) struct Fills {
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

/// Where the client that a fetch was begun for hears of the length, and takes the chunks.
type Waiting = (oneshot::Sender<Option<u64>>, Option<mpsc::Sender<Bytes>>);

/// How one attempt ended.
enum Fetched {
    Ended(Ended),
    /// It is the right one once it is inflated, and was stored as it was sent.
    IsCompressed,
}

/// What a request for a tarball that is not kept gets.
pub(super) enum Filling {
    /// The tarball itself, as it comes. It ends in an error if it turns out to be a wrong one.
    Streaming(OpenBlob),
    /// It is in the store now.
    Kept,
    /// The upstream does not have it any more.
    Gone,
}

impl Default for Fills {
    fn default() -> Self {
        let too_large = Cache::builder().max_capacity(TOO_LARGE).time_to_live(TOO_LARGE_FOR).build();
        Self { under_way: Mutex::default(), too_large }
    }
}

impl Fills {
    /// Begins a fetch, or joins the one that is under way.
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

/// A fetch, which leaves the list when it ends, however it ends.
struct UnderWay<'a> {
    proxy: &'a Proxy,
    path: &'a BlobPath,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.proxy.parts.upstream.fills.leave(self.path);
    }
}

impl Proxy {
    /// Fetches a tarball into the store. Goes on to its end also if the client goes away.
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
                tokio::spawn(async move {
                    let under_way = UnderWay { proxy: &proxy, path: &source.path };
                    let client = streaming.then_some(client);
                    let outcome = proxy.fetch(&source, length, client).await;
                    drop(under_way);
                    ended.send_replace(Some(outcome));
                });
                // Without a length, a client could not tell a tarball that was cut off from a whole one.
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
        // An empty tarball cannot be withheld until its digest is verified; of one that is too large, compressed, or at
        // a host that the upstream chose, no byte may leave before.
        let may_stream = told_length.is_some_and(|length| length > 0)
            && !tarball.is_too_large()
            && encoding == TarballEncoding::Identity
            && elsewhere.is_none();
        // A client that goes away before it hears of the length takes nothing along.
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
                let is_too_large = matches!(error, Error::UpstreamTarballTooLarge { .. });
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

    /// What a client gets while a tarball is fetched: the chunks as they come, and if it takes them too slowly, the
    /// rest from the store. It has the whole only if the whole is right.
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
        // How much came is known once nothing comes any more.
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

/// The rest of a tarball from the store, once it is there.
async fn rest_of(
    store: &dyn BlobStore,
    path: &BlobPath,
    ended: watch::Receiver<Option<Outcome>>,
    start: u64,
) -> Result<ByteStream, BoxError> {
    match end_of(ended).await? {
        Ended::Gone => Err("the upstream has it no more".into()),
        Ended::Kept => {
            let rest = store.open(path, Some(BlobRange { start, end: None })).await?;
            Ok(rest.ok_or("it was deleted from the store, for want of room")?.stream)
        }
    }
}

async fn end_of(mut ended: watch::Receiver<Option<Outcome>>) -> Result<Ended, Error> {
    let outcome = ended.wait_for(Option::is_some).await;
    match outcome.as_deref() {
        Ok(Some(Ok(ended))) => Ok(*ended),
        Ok(Some(Err(error))) => Err(Error::Shared(Arc::clone(error))),
        Ok(None) | Err(_) => Err(Error::Internal("the fetch of a tarball broke off".into())),
    }
}

/// Moves a tarball from the upstream to the store and the client, checks it on the way, and tells its length. The
/// client gets the last chunk only when the whole has turned out right.
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
            // HTTP/2 ends many a body with nothing, for which the last bytes must not be let go.
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

/// A client that is waited for, but not for long.
struct SlowClient {
    client: Option<mpsc::Sender<Bytes>>,
    patience: Duration,
}

impl SlowClient {
    /// Gives it a chunk, or nothing from now on.
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

/// Ends the store's stream with an error, so that it keeps nothing of what came so far.
async fn refuse(source: &TarballSource, store: &mpsc::Sender<Chunk>, error: Error) -> Result<Pumped, Error> {
    let broken = BlobError::Stream { path: source.path.to_string(), source: error.to_string().into() };
    let _ = store.send(Err(broken)).await;
    Err(error)
}

fn receive(chunks: mpsc::Receiver<Chunk>) -> ByteStream {
    stream::unfold(chunks, async |mut chunks| chunks.recv().await.map(|chunk| (chunk, chunks))).boxed()
}
