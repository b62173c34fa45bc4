use data_encoding::BASE32_NOPAD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::one_time_password::period_of;
use crate::events::SecondFactorMode;
use crate::randomness::{Randomness, random_bytes};

/// How many recovery codes an account has.
const RECOVERY_CODES: usize = 5;

/// The second factor of an account, as it is stored.
///
/// The secret is stored in plain text, since digits cannot be checked against a hash. An attacker who reads the store
/// still lacks the password, of which only a hash is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct TwoFactor {
    /// In Base32, as apps read it.
    secret: String,
    pub(super) mode: TwoFactorMode,
    /// Whether the holder has not confirmed yet that their app has the secret.
    pub(super) pending: bool,
    /// The SHA-256 of each unused code, in hex. The codes have 256 random bits.
    #[serde(default)]
    pub(super) recovery: Vec<String>,
    /// The last period whose digits were accepted, and the credential that showed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<LastTaken>,
}

#[derive(Serialize, Deserialize)]
struct LastTaken {
    period: u64,
    /// The id of the credential. `None` after a login, whose digits cannot be reused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

/// When a one-time password is required besides the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TwoFactorMode {
    /// At logins, and to change the account and its tokens.
    AuthOnly,
    /// Also for each change to a package.
    AuthAndWrites,
}

impl From<TwoFactorMode> for SecondFactorMode {
    fn from(mode: TwoFactorMode) -> Self {
        match mode {
            TwoFactorMode::AuthOnly => Self::AuthOnly,
            TwoFactorMode::AuthAndWrites => Self::AuthAndWrites,
        }
    }
}

impl TwoFactorMode {
    /// Returns npm's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthOnly => "auth-only",
            Self::AuthAndWrites => "auth-and-writes",
        }
    }
}

/// The result of a check of a one-time password.
pub(super) enum PresentedFactor {
    /// Valid. The record has changed and must be stored.
    Taken { recovery: bool },
    /// Valid: the same credential already used it, for another request of the same command.
    Again,
    /// Wrong or already used.
    Wrong,
}

impl TwoFactor {
    pub(super) fn pending(mode: TwoFactorMode, randomness: &dyn Randomness) -> Self {
        let secret: [u8; 20] = random_bytes(randomness);
        Self { secret: BASE32_NOPAD.encode(&secret), mode, pending: true, recovery: Vec::new(), last: None }
    }

    /// Returns the URL that an authenticator app scans.
    pub(super) fn url(&self, issuer: &str, account: &str) -> SecretString {
        use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (issuer, account) = (encoded(issuer), encoded(account));
        format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", self.secret).into()
    }

    /// Checks a one-time password or a recovery code that the credential `by` shows in the period `now`.
    pub(super) fn show(&mut self, password: &SecretString, by: Option<&str>, now: u64) -> PresentedFactor {
        let typed: String = password.expose_secret().split_whitespace().collect();
        let code = typed.to_ascii_lowercase();
        if code.len() == 64 {
            return self.show_recovery_code(&code);
        }
        let Ok(secret) = BASE32_NOPAD.decode(self.secret.as_bytes()) else { return PresentedFactor::Wrong };
        let Some(period) = period_of(&secret, &typed, now) else { return PresentedFactor::Wrong };
        match &self.last {
            Some(last) if period == last.period && by.is_some() && last.by.as_deref() == by => {
                return PresentedFactor::Again;
            }
            Some(last) if period <= last.period => return PresentedFactor::Wrong,
            _ => {}
        }
        self.last = Some(LastTaken { period, by: by.map(Into::into) });
        PresentedFactor::Taken { recovery: false }
    }

    fn show_recovery_code(&mut self, code: &str) -> PresentedFactor {
        let hash = hash_of(code);
        match self.recovery.iter().position(|known| *known == hash) {
            Some(at) => {
                self.recovery.remove(at);
                PresentedFactor::Taken { recovery: true }
            }
            None => PresentedFactor::Wrong,
        }
    }

    /// Replaces the recovery codes. They have 64 hex digits each, because npm accepts nothing else but six digits.
    pub(super) fn renew_recovery_codes(&mut self, randomness: &dyn Randomness) -> Vec<SecretString> {
        let codes: Vec<String> =
            (0..RECOVERY_CODES).map(|_| const_hex::encode(random_bytes::<32>(randomness))).collect();
        self.recovery = codes.iter().map(|code| hash_of(code)).collect();
        codes.into_iter().map(Into::into).collect()
    }
}

fn hash_of(code: &str) -> String {
    const_hex::encode(Sha256::digest(code))
}
