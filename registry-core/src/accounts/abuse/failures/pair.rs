use std::net::IpAddr;

use super::super::rate::network_of;
use super::counter::{CODES, NAME, Policy};

/// Names are truncated to this many bytes. No account has a longer one.
const LONGEST_NAME: usize = 128;

/// The kind of secret that is guessed. Each kind is counted separately, so that guesses at one, which strangers can
/// make, do not block the holder from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Guessed {
    Password,
    /// A password that no new account can have, sent with a login that may be a sign-up. Older accounts may have it.
    RefusedPassword,
    /// A one-time password or a recovery code, by a caller who knows the password or has a token.
    OneTimePassword,
    /// The digits of a terminal login, which any caller may send.
    DeviceDigits,
}

impl Guessed {
    /// Returns how many guesses are free from everywhere together.
    pub(super) fn policy_of_a_name(self) -> &'static Policy {
        match self {
            Self::Password | Self::RefusedPassword | Self::DeviceDigits => &NAME,
            Self::OneTimePassword => &CODES,
        }
    }
}

/// A name, and the kind of secret that is guessed.
pub(super) type GuessedName = (Guessed, String);

/// The key by which guesses are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::accounts::abuse) struct GuessKey {
    pub(in crate::accounts::abuse) guessed: Guessed,
    name: String,
    pub(in crate::accounts::abuse) network: Option<IpAddr>,
}

impl GuessKey {
    pub(in crate::accounts::abuse) fn new(guessed: Guessed, name: &str, address: Option<IpAddr>) -> Self {
        let name = name.chars().take(LONGEST_NAME).flat_map(char::to_lowercase).collect();
        Self { guessed, name, network: address.map(network_of) }
    }

    pub(super) fn name(&self) -> GuessedName {
        (self.guessed, self.name.clone())
    }

    /// Returns the pair under which known networks are recorded: all kinds of password share one.
    pub(super) fn of_its_holder(&self) -> Self {
        let guessed = match self.guessed {
            Guessed::RefusedPassword => Guessed::Password,
            guessed => guessed,
        };
        Self { guessed, ..self.clone() }
    }
}
