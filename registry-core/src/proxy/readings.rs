use tokio::sync::mpsc;

use bytes::Bytes;

use crate::upstream::TarballEncoding;

use super::check::Check;
use super::fill::Chunk;
use super::inflating::{Inflating, PIECE};
use super::tarball_sources::TarballSource;

/// Which reading of the bytes that an upstream sends is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    AsSent,
    Inflated,
}

/// What became of a tarball that came whole.
pub(super) enum Pumped {
    /// What was stored is right, and has so many bytes.
    Right(u64),
    /// What was stored is not, and what it inflates to is.
    IsCompressed,
}

/// The bytes of a tarball, and what they inflate to where the upstream calls them compressed once more. Many servers
/// say that of any `.tgz` and mean its own compression, so the digest decides.
pub(super) struct Readings<'a> {
    stored: Reading,
    as_sent: Check<'a>,
    inflated: Option<(Inflating, Check<'a>)>,
}

impl<'a> Readings<'a> {
    /// Of `most` bytes at most, once they are inflated.
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

    /// Checks a chunk, and stores it as it is to be read. Where the store stopped taking, its own error tells why.
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

    /// What the digest says; `None` if it fits no reading.
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
