use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// The seconds for which a password is shown.
const PERIOD: i64 = 30;
/// The permitted clock drift between a phone and the registry, in periods.
const DRIFT: u64 = 1;

/// Returns the number of the period that a moment is in, counted as authenticator apps do.
pub(crate) fn period_at(unix_seconds: i64) -> u64 {
    u64::try_from(unix_seconds.div_euclid(PERIOD)).unwrap_or_default()
}

/// Returns the six digits that an authenticator app with this secret shows in a period (RFC 6238 with SHA-1, which all
/// apps support).
pub(crate) fn digits_in(secret: &[u8], period: u64) -> String {
    // HMAC accepts a key of any length.
    let Ok(mac) = Hmac::<Sha1>::new_from_slice(secret) else { return String::new() };
    let hash: [u8; 20] = mac.chain_update(period.to_be_bytes()).finalize().into_bytes().into();
    let at = usize::from(hash[19] & 0xf);
    let bits = u32::from_be_bytes([hash[at], hash[at + 1], hash[at + 2], hash[at + 3]]) & 0x7fff_ffff;
    format!("{:06}", bits % 1_000_000)
}

/// Returns the period, the current one or an adjacent one, in which the app shows `digits`.
pub(crate) fn period_of(secret: &[u8], digits: &str, now: u64) -> Option<u64> {
    use subtle::ConstantTimeEq as _;
    let mut found = None;
    // All are tried, so that the time discloses nothing.
    for period in now.saturating_sub(DRIFT)..=now.saturating_add(DRIFT) {
        if bool::from(digits_in(secret, period).as_bytes().ct_eq(digits.as_bytes())) {
            found = Some(period);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of RFC 6238, appendix B, reduced to their last six digits.
    #[test]
    fn matches_the_test_vectors_of_the_standard() {
        let secret = b"12345678901234567890";
        for (seconds, digits) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(digits_in(secret, period_at(seconds)), digits, "{seconds}");
        }
    }

    #[test]
    fn clocks_may_be_half_a_minute_apart() {
        let secret = b"12345678901234567890";
        let digits = digits_in(secret, 100);
        let found = [98, 99, 100, 101, 102].map(|now| period_of(secret, &digits, now));
        assert_eq!(found, [None, Some(100), Some(100), Some(100), None]);
        assert_eq!(period_of(secret, "", 100), None);
        assert_eq!(period_of(secret, &digits[..5], 100), None);
    }
}
