use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;

use chrono::{DateTime, TimeDelta, Utc};

use super::rate::{RateLimiter, network_of};
use crate::Registry;
use crate::auth::Caller;
use crate::domain::PackageName;
use crate::events::EventKind;

/// How many refused credentials are told of in a minute, whoever shows them. Each takes a line in the audit log, and
/// nobody must be able to fill that without an account.
const TOLD_IN_A_MINUTE: u32 = 100;
/// The longest name that is told. Tokens of npm and GitHub, which some write where the name belongs, are longer.
const LONGEST_NAME: usize = 39;

/// A credential that nobody was identified by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Refused {
    /// An `Authorization` header that is none, or of a kind that nobody here knows, or more than one.
    Malformed,
    /// A token that is nobody's, or was.
    UnknownToken,
    /// A token after its time.
    ExpiredToken,
    /// A token from outside its networks.
    TokenElsewhere,
    /// Name and password that do not belong together.
    WrongPassword,
    /// A credential that is good at its provider, for a name that another provider owns.
    NameOfAnother,
}

impl Refused {
    fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownToken => "unknown-token",
            Self::ExpiredToken => "expired-token",
            Self::TokenElsewhere => "token-elsewhere",
            Self::WrongPassword => "wrong-password",
            Self::NameOfAnother => "name-of-another",
        }
    }
}

/// Who was told of already.
#[derive(Debug)]
pub(super) struct RefusedCredentials {
    by_network: RateLimiter<(Option<IpAddr>, Refused)>,
    id_tokens: RateLimiter<(Option<IpAddr>, String)>,
    of_all: RateLimiter<()>,
}

impl RefusedCredentials {
    pub(super) fn new() -> Self {
        let minute = TimeDelta::minutes(1);
        let of_all = NonZeroU32::new(TOLD_IN_A_MINUTE).unwrap_or(NonZeroU32::MIN);
        Self {
            by_network: RateLimiter::new(NonZeroU32::MIN, minute),
            id_tokens: RateLimiter::new(NonZeroU32::MIN, minute),
            of_all: RateLimiter::new(of_all, minute),
        }
    }

    fn is_to_be_told(&self, address: Option<IpAddr>, refused: Refused, now: DateTime<Utc>) -> bool {
        let network = address.map(network_of);
        self.by_network.take((network, refused), now).is_ok() && self.of_all.take((), now).is_ok()
    }

    fn is_id_token_to_be_told(&self, address: Option<IpAddr>, reason: &str, now: DateTime<Utc>) -> bool {
        let whose = (address.map(network_of), reason.to_owned());
        self.id_tokens.take(whose, now).is_ok() && self.of_all.take((), now).is_ok()
    }
}

impl Registry {
    /// Tells the sink of a credential that was refused: once a minute for each network and reason. `tried` is the name
    /// that was shown with a password.
    pub(crate) fn tell_of_refused(&self, caller: &Caller, refused: Refused, tried: Option<&str>) {
        if self.parts.abuse.refused.is_to_be_told(caller.address, refused, self.parts.clock.now()) {
            let reason = refused.as_str().to_owned();
            let name = tried.filter(|name| could_be_a_name(name)).map(str::to_owned);
            self.emit(caller, None, EventKind::CredentialRefused { reason, name });
        }
    }

    /// Tells the sink of an identity token of a build that was refused: once a minute for each network and reason.
    pub(in crate::ops) fn tell_of_refused_id_token(
        &self,
        caller: &Caller,
        package: &PackageName,
        reason: String,
        claims: BTreeMap<String, String>,
    ) {
        let now = self.parts.clock.now();
        if self.parts.abuse.refused.is_id_token_to_be_told(caller.address, &reason, now) {
            self.emit(caller, Some(package), EventKind::IdTokenRefused { reason, claims });
        }
    }
}

fn could_be_a_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_and_reason_is_told_of_once_a_minute_and_of_all_a_hundred() {
        let told = RefusedCredentials::new();
        let at = |seconds: i64| DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap();
        let from = |number: u8| Some(IpAddr::from([192, 0, 2, number]));
        assert!(told.is_to_be_told(from(1), Refused::UnknownToken, at(0)));
        assert!(!told.is_to_be_told(from(1), Refused::UnknownToken, at(59)));
        assert!(told.is_to_be_told(from(1), Refused::WrongPassword, at(59)));
        assert!(told.is_to_be_told(from(1), Refused::UnknownToken, at(60)));
        let others = (2..=255).filter(|number| told.is_to_be_told(from(*number), Refused::Malformed, at(60)));
        assert!((90..=100).contains(&others.count()));
    }

    #[test]
    fn so_is_each_reason_to_refuse_a_build() {
        let told = RefusedCredentials::new();
        let at = |seconds: i64| DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap();
        assert!(told.is_id_token_to_be_told(None, "its signature is wrong", at(0)));
        assert!(!told.is_id_token_to_be_told(None, "its signature is wrong", at(59)));
        assert!(told.is_id_token_to_be_told(None, "it has expired", at(59)));
        assert!(told.is_id_token_to_be_told(None, "its signature is wrong", at(60)));
    }

    #[test]
    fn what_could_be_a_token_is_no_name() {
        for name in ["ana", "Ana-1", "ana.b_c"] {
            assert!(could_be_a_name(name), "{name}");
        }
        let token = format!("npm_{}", "a".repeat(36));
        for name in ["", "a b", "ana\r\nx", "ána", token.as_str()] {
            assert!(!could_be_a_name(name), "{name}");
        }
    }
}
