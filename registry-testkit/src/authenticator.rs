use chrono::{DateTime, Utc};
use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use url::Url;

/// An authenticator app: scans a URL and shows six digits from then on.
///
/// ```
/// use chrono::DateTime;
/// use registry_testkit::Authenticator;
/// let scanned = "otpauth://totp/npm:ana?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=npm";
/// let app = Authenticator::scan(scanned);
/// // Of appendix B of RFC 6238.
/// assert_eq!(app.digits_at(DateTime::from_timestamp(59, 0).unwrap()), "287082");
/// ```
#[derive(Debug, Clone)]
pub struct Authenticator {
    secret: Vec<u8>,
}

impl Authenticator {
    /// Takes the secret out of an `otpauth` URL.
    ///
    /// # Panics
    ///
    /// If there is none in it.
    pub fn scan(url: &str) -> Self {
        let parsed = Url::parse(url).unwrap_or_else(|error| panic!("no URL: {url}: {error}"));
        assert_eq!((parsed.scheme(), parsed.host_str()), ("otpauth", Some("totp")), "{url}");
        let secret = parsed.query_pairs().find(|(key, _)| key == "secret");
        let (_, secret) = secret.unwrap_or_else(|| panic!("no secret: {url}"));
        Self::with_secret(&secret)
    }

    /// Takes the secret as a person types it, in Base32.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn with_secret(secret: &str) -> Self {
        let decoded = BASE32_NOPAD.decode(secret.as_bytes());
        Self { secret: decoded.unwrap_or_else(|error| panic!("no Base32: {secret}: {error}")) }
    }

    /// What it shows at a moment.
    ///
    /// # Panics
    ///
    /// Never: any secret is a key.
    pub fn digits_at(&self, moment: DateTime<Utc>) -> String {
        let period = moment.timestamp().div_euclid(30);
        let mac = Hmac::<Sha1>::new_from_slice(&self.secret)
            .unwrap_or_else(|error| panic!("any secret is a key: {error}"));
        let hash = mac.chain_update(period.to_be_bytes()).finalize().into_bytes();
        let at = usize::from(hash[19] % 16);
        let number = hash[at..at + 4].iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }
}
