use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bcrypt::HashParts;
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

use super::apr1::Apr1;

/// A higher cost takes minutes per check.
const HIGHEST_COST: u32 = 18;

/// A password hash in a format that Apache and Verdaccio write. Has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Hash {
    Bcrypt { text: Box<str>, cost: u32 },
    Apr1(Apr1),
    Sha1([u8; 20]),
}

impl Hash {
    /// Parses a hash, or says what the text is instead. The error contains nothing of the text, which may be a
    /// password.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.starts_with("$2") {
            let parts: HashParts = text.parse().map_err(|_| "is a bcrypt hash that is cut off or damaged")?;
            if text.starts_with("$2x$") || parts.get_cost() < 4 {
                return Err("is a bcrypt hash of an unsupported version");
            }
            if parts.get_cost() > HIGHEST_COST {
                return Err("is a bcrypt hash that costs too much to check: the cost may be 18 at most");
            }
            return Ok(Self::Bcrypt { text: text.into(), cost: parts.get_cost() });
        }
        if text.starts_with("$apr1$") {
            return Apr1::parse(text).map(Self::Apr1).ok_or("is an APR1 hash that is cut off or damaged");
        }
        if let Some(base64) = text.strip_prefix("{SHA}") {
            let digest = STANDARD.decode(base64).ok().and_then(|digest| digest.try_into().ok());
            return digest.map(Self::Sha1).ok_or("is a SHA-1 hash that is cut off or damaged");
        }
        Err(if text.is_empty() {
            "is missing"
        } else if text.starts_with('$') || text.starts_with('{') {
            "is hashed in an unsupported way"
        } else if text.len() == 13
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte))
        {
            "is plain text or hashed with Unix crypt, and neither is supported"
        } else {
            "is plain text, which is not supported"
        })
    }

    /// Returns whether the hash is of `password`. May take long.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        match self {
            // Fails only for malformed hashes, which `parse` rejects.
            Self::Bcrypt { text, .. } => bcrypt::verify(password, text).unwrap_or(false),
            Self::Apr1(apr1) => apr1.is_of(password),
            Self::Sha1(digest) => Sha1::digest(password).ct_eq(digest).into(),
        }
    }

    /// Returns a text that identifies the hash.
    pub(super) fn identity(&self) -> String {
        match self {
            Self::Bcrypt { text, .. } => text.to_string(),
            Self::Apr1(apr1) => apr1.to_text(),
            Self::Sha1(digest) => const_hex::encode(digest),
        }
    }

    /// Returns the relative cost of a check.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Self::Sha1(_) => 0,
            Self::Apr1(_) => 1,
            Self::Bcrypt { cost, .. } => *cost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "averyveryverylongpasswordthatismorethan16bytes";

    /// Made with `openssl passwd -apr1`, `openssl sha1 -binary | base64` and `crypt` of libxcrypt.
    #[test]
    fn agrees_with_hashes_of_other_programs() {
        for (password, hash) in [
            ("secret", "$apr1$8sFt66rZ$eup.HOtZcQ/VrnApBM3rR/"),
            ("", "$apr1$8sFt66rZ$QkOfebwJVEOpEluExHsip."),
            ("ünïcödé pass", "$apr1$8sFt66rZ$4WSM4jm11shWINtHQhPTf."),
            (LONG, "$apr1$8sFt66rZ$db8DawqqzLK3nO0520y3u."),
            ("secret", "$2a$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"),
            ("secret", "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"),
            ("secret", "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"),
            ("", "$2y$05$abcdefghijklmnopqrstuu0oImNDIy4flhldV9YqunRgBAePKmw7m"),
            ("secret", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="),
        ] {
            let parsed = Hash::parse(hash).unwrap();
            for tried in ["secret", "", "ünïcödé pass", LONG, "Secret"] {
                assert_eq!(parsed.is_of(tried.as_bytes()), tried == password, "{hash} of {tried:?}");
            }
        }
    }

    #[test]
    fn unsupported_hashes_are_reported_without_their_text() {
        for (text, said) in [
            ("", "is missing"),
            ("hunter2", "is plain text, which is not supported"),
            ("rl0uE0Pv.2bIs", "is plain text or hashed with Unix crypt, and neither is supported"),
            ("$1$salt$hash", "is hashed in an unsupported way"),
            ("$2y$05$abc", "is a bcrypt hash that is cut off or damaged"),
            (
                "$2y$31$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
                "is a bcrypt hash that costs too much to check: the cost may be 18 at most",
            ),
            ("$apr1$8sFt66rZ$eup.HOtZcQ/VrnApBM3rR", "is an APR1 hash that is cut off or damaged"),
            ("{SHA}5en6G6MezRroT3XK", "is a SHA-1 hash that is cut off or damaged"),
        ] {
            assert_eq!(Hash::parse(text).err(), Some(said));
        }
    }
}
