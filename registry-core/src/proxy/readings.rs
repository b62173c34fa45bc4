use tokio::sync::mpsc;

use bytes::Bytes;

use crate::upstream::TarballEncoding;

use super::digest::Check;
use super::fill::Chunk;
use super::inflating::{Inflating, PIECE};
use super::tarball_sources::TarballSource;

/// Which reading of the received bytes is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    AsSent,
    Inflated,
}

/// The outcome for a completely received tarball.
pub(super) enum Pumped {
    /// The stored bytes match the digest; their number.
    Right(u64),
    /// The stored bytes do not match, but their decompressed form does.
    IsCompressed,
}

/// The bytes of a tarball, and their decompressed form if the upstream declares a content encoding. Many servers
/// declare one for every `.tgz` and mean its own compression, so the digest decides.
pub(super) struct Readings<'a> {
    stored: Reading,
    as_sent: Check<'a>,
    inflated: Option<(Inflating, Check<'a>)>,
}

impl<'a> Readings<'a> {
    /// Produces `most` decompressed bytes at most.
    pub(super) fn new(
        source: &'a TarballSource,
        stored: Reading,
        encoding: TarballEncoding,
        most: u64,
    ) -> Self {
        let inflated =
            (encoding == TarballEncoding::Gzip).then(|| (Inflating::new(most), Check::new(&source.digest)));
        let stored = if inflated.is_some() { stored } else { Reading::AsSent };
        Self { stored, as_sent: Check::new(&source.digest), inflated }
    }

    /// Hashes a chunk and stores the chosen reading. If the store stopped accepting, its own error says why.
    pub(super) async fn read(&mut self, chunk: Bytes, store: &mpsc::Sender<Chunk>) {
        self.as_sent.update(&chunk);
        if let Some((inflating, check)) = &mut self.inflated {
            for piece in chunk.chunks(PIECE) {
                let inflated = inflating.inflate(piece);
                check.update(&inflated);
                if self.stored == Reading::Inflated && !inflated.is_empty() {
                    let _ = store.send(Ok(inflated)).await;
                }
            }
        }
        if self.stored == Reading::AsSent {
            let _ = store.send(Ok(chunk)).await;
        }
    }

    /// Returns what the digest decides; `None` if it matches neither reading.
    pub(super) async fn end(
        self,
        is_whole: bool,
        received: u64,
        store: &mpsc::Sender<Chunk>,
    ) -> Option<Pumped> {
        let Self { stored, as_sent, inflated } = self;
        if !is_whole {
            return None;
        }
        if stored == Reading::AsSent && as_sent.holds() {
            return Some(Pumped::Right(received));
        }
        let (mut inflating, mut check) = inflated?;
        let (rest, is_gzip) = inflating.end();
        check.update(&rest);
        if !is_gzip || !check.holds() {
            return None;
        }
        if stored == Reading::AsSent {
            return Some(Pumped::IsCompressed);
        }
        if !rest.is_empty() {
            let _ = store.send(Ok(rest)).await;
        }
        Some(Pumped::Right(inflating.given()))
    }
}
