use std::net::IpAddr;

use super::super::rate::network_of;
use super::counter::{CODES, NAME, Policy};

/// How much of a name is looked at. No account has a longer one.
const LONGEST_NAME: usize = 128;

/// What is guessed at. Each is counted for itself, so that guesses at one, which strangers can make, do not keep the
/// holder from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Guessed {
    Password,
    /// A password that no new account can have, at a login that may be a sign-up. Accounts of before may have it.
    RefusedPassword,
    /// A one-time password or a recovery code, by a caller who knows the password or has a token.
    OneTimePassword,
    /// The digits of a login at a terminal, which any caller may show.
    DeviceDigits,
}

impl Guessed {
    /// How many guesses are free from everywhere together.
    pub(super) fn policy_of_a_name(self) -> &'static Policy {
        match self {
            Self::Password | Self::RefusedPassword | Self::DeviceDigits => &NAME,
            Self::OneTimePassword => &CODES,
        }
    }
}

/// A name, and what is guessed at.
pub(super) type GuessedName = (Guessed, String);

/// Whose guesses are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::accounts::abuse) struct Pair {
    pub(in crate::accounts::abuse) guessed: Guessed,
    name: String,
    pub(in crate::accounts::abuse) network: Option<IpAddr>,
}

impl Pair {
    pub(in crate::accounts::abuse) fn new(guessed: Guessed, name: &str, address: Option<IpAddr>) -> Self {
        let name = name.chars().take(LONGEST_NAME).flat_map(char::to_lowercase).collect();
        Self { guessed, name, network: address.map(network_of) }
    }

    pub(super) fn name(&self) -> GuessedName {
        (self.guessed, self.name.clone())
    }

    /// The same for what shows where its holder is known: all passwords are one.
    pub(super) fn of_its_holder(&self) -> Self {
        let guessed = match self.guessed {
            Guessed::RefusedPassword => Guessed::Password,
            guessed => guessed,
        };
        Self { guessed, ..self.clone() }
    }
}
