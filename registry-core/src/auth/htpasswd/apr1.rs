use md5::{Digest as _, Md5};
use subtle::ConstantTimeEq as _;

const PREFIX: &str = "$apr1$";
const LONGEST_SALT: usize = 8;
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Which digest bytes each group of four characters encodes.
const GROUPS: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];

/// A password hash of Apache's own kind: a thousand rounds of MD5.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Apr1 {
    salt: Box<str>,
    text: [u8; 22],
}

impl Apr1 {
    /// Parses `$apr1$salt$hash`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (salt, hash) = text.strip_prefix(PREFIX)?.split_once('$')?;
        let fits = salt.len() <= LONGEST_SALT && hash.bytes().all(|byte| ALPHABET.contains(&byte));
        let text = hash.as_bytes().try_into().ok()?;
        fits.then(|| Self { salt: salt.into(), text })
    }

    pub(super) fn to_text(&self) -> String {
        format!("{PREFIX}{}${}", self.salt, String::from_utf8_lossy(&self.text))
    }

    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        to_text(&digest(password, self.salt.as_bytes())).ct_eq(&self.text).into()
    }
}

fn digest(password: &[u8], salt: &[u8]) -> [u8; 16] {
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update(PREFIX).chain_update(salt);
    for part in password.chunks(inner.len()) {
        first.update(&inner[..part.len()]);
    }
    let mut bits = password.len();
    while bits > 0 {
        // Odd, but it is what Apache does.
        first.update(if bits & 1 == 1 { &[0][..] } else { &password[..1] });
        bits >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..1000 {
        let mut next = Md5::new();
        let is_odd = round % 2 == 1;
        next.update(if is_odd { password } else { &digest });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if is_odd { &digest } else { password });
        digest = next.finalize();
    }
    digest.into()
}

fn to_text(digest: &[u8; 16]) -> [u8; 22] {
    let mut text = [0; 22];
    let groups = GROUPS.iter().map(|[high, middle, low]| {
        u32::from(digest[*high]) << 16 | u32::from(digest[*middle]) << 8 | u32::from(digest[*low])
    });
    for (mut value, characters) in groups.chain([u32::from(digest[11])]).zip(text.chunks_mut(4)) {
        for character in characters {
            *character = ALPHABET[value as usize & 0x3f];
            value >>= 6;
        }
    }
    text
}
