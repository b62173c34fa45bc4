use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::randomness::{Randomness, random_bytes};
use crate::storage::{BlobPath, BlobPathError, Key};

/// Bytes of an id and of each secret: 128 and 160 bits.
const ID: usize = 16;
const SECRET: usize = 20;

/// What one party to a browser login holds: the id of the login, and a secret of that party. The page's token cannot
/// poll, and the client's token cannot open the page.
///
/// The format is `{expires}-{id}-{secret}`. The expiry is part of the key in the store, so a token with another
/// expiry names a login that does not exist.
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

    /// Returns a token of the same login for another party.
    pub(super) fn for_another(&self, randomness: &dyn Randomness) -> Self {
        Self { secret: new_secret(randomness), ..self.clone() }
    }

    /// Parses a token; `None` if it is malformed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (expires, rest) = text.split_once('-')?;
        let (id, secret) = rest.split_once('-')?;
        let ten_digits = expires.len() == 10 && expires.bytes().all(|byte| byte.is_ascii_digit());
        (ten_digits && is_hex(id, ID) && is_hex(secret, SECRET)).then_some(())?;
        Some(Self { expires: expires.parse().ok()?, id: id.into(), secret: secret.into() })
    }

    /// Returns the token as clients and browsers send it.
    pub(crate) fn text(&self) -> SecretString {
        format!("{}-{}-{}", self.expires, self.id, self.secret.expose_secret()).into()
    }

    /// Returns the id of the login. Not a secret.
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

/// Creates a secret for a party to a login.
pub(crate) fn new_secret(randomness: &dyn Randomness) -> SecretString {
    const_hex::encode(random_bytes::<SECRET>(randomness)).into()
}

/// Returns whether a text has the form of a [`new_secret`].
pub(crate) fn is_secret(text: &str) -> bool {
    is_hex(text, SECRET)
}

fn is_hex(text: &str, bytes: usize) -> bool {
    text.len() == 2 * bytes && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns the SHA-256 of a text in hex, the only form in which secrets are stored.
pub(super) fn hash_of(text: &str) -> String {
    const_hex::encode(Sha256::digest(text))
}

/// Compares `hash` with the hash of `secret` in constant time.
pub(super) fn is_hash_of(hash: &str, secret: &SecretString) -> bool {
    hash_of(secret.expose_secret()).as_bytes().ct_eq(hash.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::SystemRandomness;

    #[test]
    fn parses_only_what_it_writes() {
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
