use secrecy::SecretString;

use crate::randomness::{Randomness, random_bytes};

/// The prefix of every token, which scanners for leaked secrets recognize.
pub(super) const PREFIX: &str = "npm_";
/// Random characters after the prefix: 36 of 62, 214 bits.
const LENGTH: usize = 36;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(super) fn new_secret(randomness: &dyn Randomness) -> SecretString {
    let mut secret = String::from(PREFIX);
    while secret.len() < PREFIX.len() + LENGTH {
        for byte in random_bytes::<LENGTH>(randomness) {
            // 248 is the largest multiple of 62 in a byte: accepting more would favor the first characters.
            if byte < 248 && secret.len() < PREFIX.len() + LENGTH {
                secret.push(char::from(ALPHABET[usize::from(byte % 62)]));
            }
        }
    }
    secret.into()
}
