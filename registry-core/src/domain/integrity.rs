use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

/// The SHA-512 of a tarball, in npm's format: `sha512-` and base64 (W3C Subresource Integrity).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Integrity {
    sha512: [u8; 64],
}

/// Why a text is not an integrity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntegrityError {
    /// No part of it begins with `sha512-`.
    #[error("an integrity must contain a sha512 digest, such as `sha512-…`")]
    NoSha512,
    /// The SHA-512 is not 64 bytes of base64.
    #[error("the sha512 digest is not 64 bytes in base64")]
    Malformed,
}

impl Integrity {
    /// Parses the SHA-512 from an integrity text, which may list other digests too.
    pub fn parse(integrity: &str) -> Result<Self, IntegrityError> {
        let encoded = integrity
            .split_ascii_whitespace()
            .find_map(|part| part.strip_prefix("sha512-"))
            .ok_or(IntegrityError::NoSha512)?;
        let encoded = encoded.split('?').next().unwrap_or(encoded);
        let digest = STANDARD.decode(encoded).map_err(|_| IntegrityError::Malformed)?;
        let sha512 = digest.try_into().map_err(|_| IntegrityError::Malformed)?;
        Ok(Self { sha512 })
    }

    /// Computes the integrity of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { sha512: Sha512::digest(bytes).into() }
    }

    /// Whether these bytes have this integrity.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        Self::of(bytes).sha512.ct_eq(&self.sha512).into()
    }

    /// Returns the digest.
    pub fn sha512(&self) -> &[u8; 64] {
        &self.sha512
    }
}

/// Computes the digests of a tarball that is read in chunks.
#[derive(Default)]
pub(crate) struct TarballDigests {
    sha512: Sha512,
    sha1: Sha1,
}

impl TarballDigests {
    /// Adds the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha512.update(bytes);
        self.sha1.update(bytes);
    }

    /// Returns the integrity and the SHA-1 in lowercase hex, as in npm's `shasum`.
    pub(crate) fn finish(self) -> (Integrity, String) {
        (Integrity { sha512: self.sha512.finalize().into() }, const_hex::encode(self.sha1.finalize()))
    }
}

/// Whether bytes have one of the strongest digests that an integrity text lists; `None` if it lists no digest that is
/// known here.
pub(crate) fn have_integrity(bytes: &[u8], integrity: &str) -> Option<bool> {
    let strongest = ["sha512-", "sha384-", "sha256-", "sha1-"].into_iter().find_map(|algorithm| {
        let listed = integrity.split_ascii_whitespace().filter_map(|part| part.strip_prefix(algorithm));
        let listed: Vec<_> = listed.map(|digest| digest.split('?').next().unwrap_or(digest)).collect();
        (!listed.is_empty()).then_some((algorithm, listed))
    });
    let (algorithm, listed) = strongest?;
    let actual = match algorithm {
        "sha512-" => STANDARD.encode(Sha512::digest(bytes)),
        "sha384-" => STANDARD.encode(Sha384::digest(bytes)),
        "sha256-" => STANDARD.encode(Sha256::digest(bytes)),
        _ => STANDARD.encode(Sha1::digest(bytes)),
    };
    Some(listed.contains(&actual.as_str()))
}

/// Computes the SHA-1 of bytes in lowercase hex, as in npm's `shasum`.
pub(crate) fn shasum_of(bytes: &[u8]) -> String {
    const_hex::encode(Sha1::digest(bytes))
}

impl TryFrom<String> for Integrity {
    type Error = IntegrityError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Integrity> for String {
    fn from(integrity: Integrity) -> Self {
        integrity.to_string()
    }
}

impl fmt::Display for Integrity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha512-{}", STANDARD.encode(self.sha512))
    }
}

impl fmt::Debug for Integrity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Integrity({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_digest_decides() {
        let (good, other) = (b"pear".as_slice(), b"plum".as_slice());
        let sha1 = |bytes: &[u8]| format!("sha1-{}", STANDARD.encode(Sha1::digest(bytes)));
        let sha256 = |bytes: &[u8]| format!("sha256-{}", STANDARD.encode(Sha256::digest(bytes)));
        let sha384 = |bytes: &[u8]| format!("sha384-{}?option", STANDARD.encode(Sha384::digest(bytes)));
        let sha512 = |bytes: &[u8]| Integrity::of(bytes).to_string();
        for (integrity, holds) in [
            (sha1(good), Some(true)),
            (format!("{} {}", sha1(other), sha256(good)), Some(true)),
            (format!("{} {}", sha384(other), sha256(good)), Some(false)),
            (format!("{} {}", sha384(good), sha1(good)), Some(true)),
            (format!("{} {}", sha512(other), sha512(good)), Some(true)),
            (format!("{} {}", sha1(good), sha512(other)), Some(false)),
            ("md5-x".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(have_integrity(good, &integrity), holds, "{integrity}");
        }
    }
}
