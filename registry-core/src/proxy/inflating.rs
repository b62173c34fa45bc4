use std::io::Write as _;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;

/// The input size of one inflate step, since each byte may become a thousand.
pub(super) const PIECE: usize = 4 << 10;

/// Decompresses a tarball that arrived compressed once more. Stops producing bytes once the input is no gzip or the
/// output too large.
pub(super) struct Inflating {
    decoder: MultiGzDecoder<Vec<u8>>,
    given: u64,
    most: u64,
    is_broken: bool,
}

impl Inflating {
    /// Produces `most` decompressed bytes at most.
    pub(super) fn new(most: u64) -> Self {
        Self { decoder: MultiGzDecoder::new(Vec::new()), given: 0, most, is_broken: false }
    }

    /// Decompresses a piece of at most [`PIECE`] bytes.
    pub(super) fn inflate(&mut self, piece: &[u8]) -> Bytes {
        if !self.is_broken {
            self.is_broken = self.decoder.write_all(piece).is_err();
        }
        self.take()
    }

    /// Returns the rest, and whether the whole input was gzip.
    pub(super) fn end(&mut self) -> (Bytes, bool) {
        if !self.is_broken {
            self.is_broken = self.decoder.try_finish().is_err();
        }
        (self.take(), !self.is_broken)
    }

    /// How many bytes were produced.
    pub(super) fn given(&self) -> u64 {
        self.given
    }

    fn take(&mut self) -> Bytes {
        let inflated = std::mem::take(self.decoder.get_mut());
        if self.is_broken {
            return Bytes::new();
        }
        self.given += inflated.len() as u64;
        self.is_broken = self.given > self.most;
        inflated.into()
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn inflate(bytes: &[u8], most: u64) -> Option<Vec<u8>> {
        let mut inflating = Inflating::new(most);
        let mut inflated: Vec<u8> = bytes.chunks(7).flat_map(|piece| inflating.inflate(piece)).collect();
        let (rest, is_whole) = inflating.end();
        inflated.extend(rest);
        is_whole.then_some(inflated)
    }

    #[test]
    fn gzip_is_inflated_within_the_limit_and_nothing_else_is() {
        let bytes = b"the bytes of a tarball".repeat(1000);
        let compressed = gzip(&bytes);
        assert_eq!(inflate(&compressed, 22_000), Some(bytes.clone()));
        assert_eq!(inflate(&compressed, 21_999), None);
        assert_eq!(inflate(&compressed[..compressed.len() - 1], 22_000), None);
        assert_eq!(inflate(&bytes, 22_000), None);
    }
}
