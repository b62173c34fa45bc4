use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::randomness::{Randomness, random_bytes};
use crate::storage::{BlobPath, BlobPathError, Key};

/// Bytes of an id, and of each secret: 128 and 160 bits.
const ID: usize = 16;
const SECRET: usize = 20;

/// What one party to a login in the browser holds: which login it is, and a secret of that party alone. The page's does
/// not open what the client polls, and the other way round.
///
/// It is written `{expires}-{id}-{secret}`. When the login expires is a part of its key in the store, so that another
/// number is another login, which does not exist.
#[derive(Debug, Clone)]
pub(crate) struct SessionToken {
    pub(super) expires: i64,
    id: String,
    pub(super) secret: SecretString,
}

impl SessionToken {
    pub(super) fn new(expires: DateTime<Utc>, randomness: &dyn Randomness) -> Self {
        Self {
            expires: expires.timestamp(),
            id: const_hex::encode(random_bytes::<ID>(randomness)),
            secret: new_secret(randomness),
        }
    }

    /// Of the same login, for another party.
    pub(super) fn for_another(&self, randomness: &dyn Randomness) -> Self {
        Self { secret: new_secret(randomness), ..self.clone() }
    }

    /// Reads a token; `None` if it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (expires, rest) = text.split_once('-')?;
        let (id, secret) = rest.split_once('-')?;
        let ten_digits = expires.len() == 10 && expires.bytes().all(|byte| byte.is_ascii_digit());
        (ten_digits && is_hex(id, ID) && is_hex(secret, SECRET)).then_some(())?;
        Some(Self { expires: expires.parse().ok()?, id: id.into(), secret: secret.into() })
    }

    /// The token as clients and browsers carry it.
    pub(crate) fn text(&self) -> SecretString {
        format!("{}-{}-{}", self.expires, self.id, self.secret.expose_secret()).into()
    }

    /// Which login it is. No secret.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn path(&self) -> Result<BlobPath, BlobPathError> {
        Key::Session(self.expires, &hash_of(&self.id)).path()
    }

    pub(super) fn is_expired(&self, now: DateTime<Utc>) -> bool {
        now.timestamp() >= self.expires
    }
}

/// A secret of a party to a login.
pub(crate) fn new_secret(randomness: &dyn Randomness) -> SecretString {
    const_hex::encode(random_bytes::<SECRET>(randomness)).into()
}

/// Whether a text could be a secret of [`new_secret`].
pub(crate) fn is_secret(text: &str) -> bool {
    is_hex(text, SECRET)
}

fn is_hex(text: &str, bytes: usize) -> bool {
    text.len() == 2 * bytes && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The SHA-256 of a text in hex, which is all that is stored of a secret.
pub(super) fn hash_of(text: &str) -> String {
    const_hex::encode(Sha256::digest(text))
}

/// Whether `hash` is that of `secret`, in a time that tells nothing.
pub(super) fn is_hash_of(hash: &str, secret: &SecretString) -> bool {
    hash_of(secret.expose_secret()).as_bytes().ct_eq(hash.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::SystemRandomness;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let expires = DateTime::from_timestamp(1_767_323_045, 0).unwrap();
        let token = SessionToken::new(expires, &SystemRandomness);
        let text = token.text().expose_secret().to_owned();
        let read = SessionToken::parse(&text).unwrap();
        assert_eq!(read.text().expose_secret(), text);
        assert_eq!(read.path().unwrap(), token.for_another(&SystemRandomness).path().unwrap());
        for bad in [
            String::new(),
            text.to_uppercase(),
            format!("{text}0"),
            format!("+{text}"),
            text.replace('-', "/"),
            text[1..].to_owned(),
            text.replacen('-', "-../", 1),
        ] {
            assert!(SessionToken::parse(&bad).is_none(), "{bad}");
        }
    }
}
