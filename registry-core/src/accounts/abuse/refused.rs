use std::collections::BTreeMap;

use crate::accounts::Accounts;
use crate::auth::Caller;
use crate::domain::PackageName;
use crate::events::EventKind;

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

impl Accounts {
    /// Tells the sink of a credential that was refused. `tried` is the name that was shown with a password. The queue of
    /// events tells what is alike once a minute.
    pub(crate) fn tell_of_refused(&self, caller: &Caller, refused: Refused, tried: Option<&str>) {
        let reason = refused.as_str().to_owned();
        let name = tried.filter(|name| could_be_a_name(name)).map(str::to_owned);
        self.authorization.emit(caller, None, EventKind::CredentialRefused { reason, name });
    }

    /// Tells the sink of an identity token of a build that was refused.
    pub(crate) fn tell_of_refused_id_token(
        &self,
        caller: &Caller,
        package: &PackageName,
        reason: String,
        claims: BTreeMap<String, String>,
    ) {
        self.authorization.emit(caller, Some(package), EventKind::IdTokenRefused { reason, claims });
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
