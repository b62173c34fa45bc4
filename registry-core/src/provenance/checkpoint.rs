//! The signed state of a log: its size and its root, as a signed note.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::keys::VerifyingKey;

/// The length of the hint that stands before a signature.
const HINT: usize = 4;

/// The longest checkpoint in bytes: each signature is compared with all of it.
const LONGEST: usize = 8 << 10;
/// The most signatures, those of witnesses included.
const MOST_SIGNATURES: usize = 32;

/// A checkpoint, its signatures unverified.
pub(super) struct ParsedCheckpoint<'a> {
    /// What is signed.
    text: &'a str,
    signatures: Vec<Vec<u8>>,
    pub(super) size: u64,
    pub(super) root: Vec<u8>,
}

impl<'a> ParsedCheckpoint<'a> {
    /// Reads a checkpoint; `None` if it is not one.
    pub(super) fn parse(envelope: &'a str) -> Option<Self> {
        if envelope.len() > LONGEST {
            return None;
        }
        let end = envelope.find("\n\n")?;
        let (text, signatures) = (&envelope[..=end], &envelope[end + 2..]);
        let mut lines = text.lines().skip(1);
        let size = lines.next()?.parse().ok()?;
        let root = STANDARD.decode(lines.next()?).ok()?;
        let signature = |line: &str| {
            let (_, encoded) = line.strip_prefix("\u{2014} ")?.rsplit_once(' ')?;
            let signature = STANDARD.decode(encoded).ok()?;
            (signature.len() > HINT).then(|| signature[HINT..].to_vec())
        };
        let signatures: Vec<_> = signatures.lines().filter_map(signature).collect();
        (signatures.len() <= MOST_SIGNATURES).then_some(Self { text, signatures, size, root })
    }

    /// Whether a log signed it. The hint is not compared: what counts is that the key verifies.
    pub(super) fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        self.signatures.iter().any(|signature| key.verifies(self.text.as_bytes(), signature))
    }
}
