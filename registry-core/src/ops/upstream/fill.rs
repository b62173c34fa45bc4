use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use sha1::Sha1;
use sha2::{Digest as _, Sha512};
use tokio::sync::{mpsc, oneshot, watch};

use crate::blob::{BlobETag, BlobError, BlobPath, OpenBlob};
use crate::upstream::{UpstreamError, UpstreamTarball};
use crate::{Error, Registry};

use super::tarball_sources::{Digest, TarballSource};

/// Chunks on their way to a client or to the store.
const CHUNKS: usize = 8;
/// A client that takes nothing for so long is cut off, since others may wait for the same tarball.
const PATIENCE: Duration = Duration::from_secs(30);

type Chunk = Result<Bytes, BlobError>;

/// The tarballs that are on their way from an upstream into the store. Each is fetched once at a time.
#[derive(Debug, Default)]
pub(crate) struct Fills(Mutex<HashMap<BlobPath, watch::Receiver<Option<Outcome>>>>);

/// How a fetch ended.
type Outcome = Result<Ended, Arc<Error>>;

#[derive(Debug, Clone, Copy)]
enum Ended {
    Kept,
    Gone,
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

impl Fills {
    /// Begins a fetch, or joins the one that is under way.
    fn join(
        &self,
        path: &BlobPath,
    ) -> Result<watch::Sender<Option<Outcome>>, watch::Receiver<Option<Outcome>>> {
        let mut fills = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = fills.get(path) {
            return Err(under_way.clone());
        }
        let (sender, receiver) = watch::channel(None);
        fills.insert(path.clone(), receiver);
        Ok(sender)
    }

    fn leave(&self, path: &BlobPath) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }
}

/// A fetch, which leaves the list when it ends, however it ends.
struct UnderWay<'a> {
    registry: &'a Registry,
    path: &'a BlobPath,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.registry.parts.upstream.fills.leave(self.path);
    }
}

impl Registry {
    /// Fetches a tarball into the store. Goes on to its end also if the client goes away.
    pub(super) async fn fill(&self, source: &TarballSource, streaming: bool) -> Result<Filling, Error> {
        let ended = match self.parts.upstream.fills.join(&source.path) {
            Err(under_way) => under_way,
            Ok(ended) => {
                let under_way = ended.subscribe();
                let (length, told_length) = oneshot::channel();
                let (client, chunks) = mpsc::channel(CHUNKS);
                let (registry, source) = (self.clone(), source.clone());
                tokio::spawn(async move {
                    let under_way = UnderWay { registry: &registry, path: &source.path };
                    let client = streaming.then_some(client);
                    let outcome = registry.fetch(&source, length, client).await;
                    drop(under_way);
                    ended.send_replace(Some(outcome.map_err(Arc::new)));
                });
                // Without a length, a client could not tell a tarball that was cut off from a whole one.
                if let (true, Ok(Some(length))) = (streaming, told_length.await) {
                    let etag = BlobETag::new("streaming");
                    return Ok(Filling::Streaming(OpenBlob { stream: receive(chunks), length, etag }));
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
        client: Option<mpsc::Sender<Chunk>>,
    ) -> Result<Ended, Error> {
        let Some(tarball) = source.upstream.upstream.tarball(&source.url).await? else {
            return Ok(Ended::Gone);
        };
        // Of no bytes, none could be kept back until the digest is right.
        let has_length = tarball.length.is_some_and(|length| length > 0);
        // A client that goes away before it hears of the length takes nothing along.
        let client = client.filter(|_| has_length && length.send(tarball.length).is_ok());
        let (store, chunks) = mpsc::channel(CHUNKS);
        let storing = self.parts.store.put_stream(&source.path, receive(chunks));
        let (pumped, stored) = futures::future::join(pump(source, tarball, store, client), storing).await;
        pumped?;
        stored?;
        Ok(Ended::Kept)
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

/// Moves a tarball from the upstream to the store and the client, and checks it on the way. The client gets the
/// last chunk only when the whole has turned out right.
async fn pump(
    source: &TarballSource,
    tarball: UpstreamTarball,
    store: mpsc::Sender<Chunk>,
    mut client: Option<mpsc::Sender<Chunk>>,
) -> Result<(), Error> {
    let UpstreamTarball { mut stream, length } = tarball;
    let mut check = Check::new(&source.digest);
    let mut held = Bytes::new();
    let mut received = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = match chunk {
            // HTTP/2 ends many a body with nothing, for which the last bytes must not be let go.
            Ok(chunk) if chunk.is_empty() => continue,
            Ok(chunk) => chunk,
            Err(error) => return refuse(source, &store, client.as_ref(), error).await,
        };
        received += chunk.len() as u64;
        if length.is_some_and(|length| received > length) {
            break;
        }
        check.update(&chunk);
        let ready = std::mem::replace(&mut held, chunk.clone());
        // Where the store stopped taking, its own error tells why.
        let _ = store.send(Ok(chunk)).await;
        if !ready.is_empty() && !give(client.as_ref(), ready).await {
            client = None;
        }
    }
    if length.is_some_and(|length| length != received) || !check.holds() {
        let reason = format!("the tarball at {} is not the one that the packument names", source.url);
        let error = UpstreamError::Unusable { upstream: source.upstream.to_string(), reason };
        return refuse(source, &store, client.as_ref(), error).await;
    }
    drop(store);
    give(client.as_ref(), held).await;
    Ok(())
}

async fn give(client: Option<&mpsc::Sender<Chunk>>, chunk: Bytes) -> bool {
    let Some(client) = client else { return false };
    matches!(tokio::time::timeout(PATIENCE, client.send(Ok(chunk))).await, Ok(Ok(())))
}

/// Ends the store's stream and the client's with an error: neither keeps what came so far.
async fn refuse(
    source: &TarballSource,
    store: &mpsc::Sender<Chunk>,
    client: Option<&mpsc::Sender<Chunk>>,
    error: UpstreamError,
) -> Result<(), Error> {
    let broken = || BlobError::Stream { path: source.path.to_string(), source: error.to_string().into() };
    let _ = store.send(Err(broken())).await;
    if let Some(client) = client {
        let _ = tokio::time::timeout(PATIENCE, client.send(Err(broken()))).await;
    }
    Err(error.into())
}

fn receive(chunks: mpsc::Receiver<Chunk>) -> BoxStream<'static, Chunk> {
    stream::unfold(chunks, async |mut chunks| chunks.recv().await.map(|chunk| (chunk, chunks))).boxed()
}

/// A digest in the making, and what it must be.
enum Check<'a> {
    Sha512(Box<Sha512>, &'a [u8; 64]),
    Sha1(Sha1, &'a str),
}

impl<'a> Check<'a> {
    fn new(digest: &'a Digest) -> Self {
        match digest {
            Digest::Sha512(integrity) => Self::Sha512(Box::default(), integrity.sha512()),
            Digest::Sha1(shasum) => Self::Sha1(Sha1::new(), shasum),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha512(hash, _) => hash.update(bytes),
            Self::Sha1(hash, _) => hash.update(bytes),
        }
    }

    fn holds(self) -> bool {
        match self {
            Self::Sha512(hash, expected) => hash.finalize()[..] == expected[..],
            Self::Sha1(hash, expected) => const_hex::encode(hash.finalize()) == expected,
        }
    }
}
