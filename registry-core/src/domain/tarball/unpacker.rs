use std::cell::RefCell;
use std::io::{self, Read};

use flate2::bufread::GzDecoder;

use super::TarballError;

/// Decompresses gzip with one member, and stops one byte after the limit. Of several members, pnpm and deno read only
/// the first.
///
/// The reason for stopping is in `failure`, since the tar reader's error retains only its text.
pub(super) struct Unpacker<'a> {
    member: GzDecoder<&'a [u8]>,
    limit: u64,
    left: u64,
    failure: &'a RefCell<Option<TarballError>>,
}

/// The magic number of a gzip member.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

impl<'a> Unpacker<'a> {
    pub(super) fn new(
        bytes: &'a [u8],
        limit: u64,
        failure: &'a RefCell<Option<TarballError>>,
    ) -> Result<Self, TarballError> {
        if bytes.starts_with(&MAGIC) {
            Ok(Self { member: GzDecoder::new(bytes), limit, left: limit, failure })
        } else {
            Err(TarballError::NotGzip)
        }
    }

    fn fail(&self, failure: TarballError) -> io::Error {
        let text = failure.to_string();
        self.failure.replace(Some(failure));
        io::Error::other(text)
    }
}

impl Read for Unpacker<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One more than the limit, to distinguish an archive that just fits.
        let most =
            usize::try_from(self.left.saturating_add(1)).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.member.read(&mut buffer[..most]).map_err(|_| self.fail(TarballError::CorruptGzip))?;
        if read > 0 || most == 0 {
            self.left = self
                .left
                .checked_sub(read as u64)
                .ok_or_else(|| self.fail(TarballError::UnpackedTooLarge { limit: self.limit }))?;
            return Ok(read);
        }
        let rest = *self.member.get_ref();
        if rest.iter().all(|byte| *byte == 0) {
            return Ok(0);
        }
        Err(self.fail(TarballError::TrailingData))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(bytes: &[u8], limit: u64) -> Result<Vec<u8>, TarballError> {
        let failure = RefCell::new(None);
        let mut unpacked = Vec::new();
        match Unpacker::new(bytes, limit, &failure)?.read_to_end(&mut unpacked) {
            Ok(_) => Ok(unpacked),
            Err(_) => Err(failure.take().unwrap()),
        }
    }

    #[test]
    fn unpacks_one_member_and_no_more() {
        assert_eq!(unpack(&gzip(b"one"), 100).unwrap(), b"one");
        for several in [[gzip(b"one"), gzip(b" two")], [gzip(b""), gzip(b"one")], [gzip(b"one"), gzip(b"")]] {
            assert_eq!(unpack(&several.concat(), 100), Err(TarballError::TrailingData));
        }
    }

    #[test]
    fn zeros_may_follow_and_nothing_else() {
        assert_eq!(unpack(&[gzip(b"one"), vec![0; 1000]].concat(), 100).unwrap(), b"one");
        for garbage in [&b"x"[..], b"\0\0x", b"\x1f", b"\0\x1f\x8b"] {
            assert_eq!(unpack(&[&gzip(b"one"), garbage].concat(), 100), Err(TarballError::TrailingData));
        }
    }

    #[test]
    fn the_limit_counts_what_is_unpacked() {
        let hundred = gzip(&[7; 100]);
        assert_eq!(unpack(&hundred, 100).unwrap().len(), 100);
        assert_eq!(unpack(&hundred, 99), Err(TarballError::UnpackedTooLarge { limit: 99 }));
        assert_eq!(unpack(&gzip(b"x"), 0), Err(TarballError::UnpackedTooLarge { limit: 0 }));
        assert_eq!(unpack(&gzip(b""), 0).unwrap(), b"");
        assert_eq!(unpack(&gzip(b"x"), u64::MAX).unwrap(), b"x");
    }

    #[test]
    fn damage_is_distinguished_from_other_formats() {
        let good = gzip(&[7; 1000]);
        assert_eq!(unpack(b"", 100), Err(TarballError::NotGzip));
        assert_eq!(unpack(b"PK\x03\x04", 100), Err(TarballError::NotGzip));
        assert_eq!(unpack(&good[..good.len() - 1], 5000), Err(TarballError::CorruptGzip));
        assert_eq!(unpack(&good[..3], 5000), Err(TarballError::CorruptGzip));
        assert_eq!(unpack(&[&good[..], &MAGIC].concat(), 5000), Err(TarballError::TrailingData));
        let mut wrong_checksum = good.clone();
        let checksum = good.len() - 8;
        wrong_checksum[checksum] ^= 1;
        assert_eq!(unpack(&wrong_checksum, 5000), Err(TarballError::CorruptGzip));
    }
}
