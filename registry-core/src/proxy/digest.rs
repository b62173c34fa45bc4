use sha1::Sha1;
use sha2::{Digest as _, Sha512};

use super::tarball_sources::Digest;

/// A digest being computed, and its expected value.
pub(super) enum Check<'a> {
    Sha512(Box<Sha512>, &'a [u8; 64]),
    Sha1(Sha1, &'a str),
}

impl<'a> Check<'a> {
    pub(super) fn new(digest: &'a Digest) -> Self {
        match digest {
            Digest::Sha512(integrity) => Self::Sha512(Box::default(), integrity.sha512()),
            Digest::Sha1(shasum) => Self::Sha1(Sha1::new(), shasum),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha512(hash, _) => hash.update(bytes),
            Self::Sha1(hash, _) => hash.update(bytes),
        }
    }

    pub(super) fn holds(self) -> bool {
        match self {
            Self::Sha512(hash, expected) => hash.finalize()[..] == expected[..],
            Self::Sha1(hash, expected) => const_hex::encode(hash.finalize()) == expected,
        }
    }
}
