//! Timestamps of certificate logs inside of a certificate (RFC 6962, section 3.2).

use sha2::{Digest as _, Sha256};

use chrono::DateTime;

use super::certificate::SignerCertificate;
use super::trusted_root::{Authority, Log};

/// What stands before the digest of the issuer's key: the version, and that a timestamp of a certificate is signed.
const V1: u8 = 0;
const CERTIFICATE_TIMESTAMP: u8 = 0;
const PRECERTIFICATE: [u8; 2] = [0, 1];

/// A timestamp, as it is read.
struct LogTimestamp<'a> {
    log: &'a [u8],
    /// Milliseconds since 1970, in 8 bytes.
    time: &'a [u8],
    extensions: &'a [u8],
    signature: &'a [u8],
}

/// Whether one of these logs has the certificate, which `issuer` issued.
pub(super) fn is_logged(certificate: &SignerCertificate, issuer: &Authority, logs: &[Log]) -> bool {
    let signed = |timestamp: &LogTimestamp<'_>| -> Option<Vec<u8>> {
        let key = Sha256::digest(certificate.issuer_key(&issuer.certificates)?);
        let body = certificate.without_log_timestamps()?;
        let length = u32::try_from(body.len()).ok().filter(|length| *length < 1 << 24)?;
        let mut signed = vec![V1, CERTIFICATE_TIMESTAMP];
        signed.extend_from_slice(timestamp.time);
        signed.extend_from_slice(&PRECERTIFICATE);
        signed.extend_from_slice(&key);
        signed.extend_from_slice(&length.to_be_bytes()[1..]);
        signed.extend_from_slice(&body);
        signed.extend_from_slice(&u16::try_from(timestamp.extensions.len()).ok()?.to_be_bytes());
        signed.extend_from_slice(timestamp.extensions);
        Some(signed)
    };
    let is_by = |timestamp: &LogTimestamp<'_>| {
        let milliseconds = timestamp.time.iter().fold(0_i64, |time, byte| (time << 8) | i64::from(*byte));
        let time = DateTime::from_timestamp_millis(milliseconds);
        let Some(message) = signed(timestamp) else { return false };
        logs.iter().any(|log| {
            log.id == timestamp.log
                && time.is_some_and(|time| log.valid_for.contains(time))
                && log.key.verifies(&message, timestamp.signature)
        })
    };
    let list = certificate.log_timestamps().unwrap_or_default();
    read_list(&list).unwrap_or_default().iter().any(is_by)
}

fn read_list(list: &[u8]) -> Option<Vec<LogTimestamp<'_>>> {
    let (mut rest, after) = take_prefixed(list)?;
    if !after.is_empty() {
        return None;
    }
    let mut timestamps = Vec::new();
    while !rest.is_empty() {
        let (timestamp, after) = take_prefixed(rest)?;
        timestamps.extend(read_timestamp(timestamp));
        rest = after;
    }
    Some(timestamps)
}

fn read_timestamp(bytes: &[u8]) -> Option<LogTimestamp<'_>> {
    let (version, rest) = bytes.split_first()?;
    let (log, rest) = rest.split_at_checked(32)?;
    let (time, rest) = rest.split_at_checked(8)?;
    let (extensions, rest) = take_prefixed(rest)?;
    // The algorithm: what the key verifies with is enough.
    let (_, rest) = rest.split_at_checked(2)?;
    let (signature, rest) = take_prefixed(rest)?;
    (*version == V1 && rest.is_empty()).then_some(LogTimestamp { log, time, extensions, signature })
}

/// Splits off what stands behind its length in two bytes.
fn take_prefixed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(2)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes([length[0], length[1]])))
}
