use std::collections::BTreeMap;

use crate::accounts::Accounts;
use crate::auth::Caller;
use crate::domain::PackageName;
use crate::events::{CredentialRejection, EventKind};

/// The longest name that is emitted. npm and GitHub tokens, which users sometimes paste as a name, are longer.
const LONGEST_NAME: usize = 39;

impl Accounts {
    /// Emits an event for a rejected credential. `tried` is the name that came with a password. The event queue
    /// aggregates similar events of a minute.
    pub(crate) fn emit_rejection(&self, caller: &Caller, reason: CredentialRejection, tried: Option<&str>) {
        let name = tried.filter(|name| could_be_a_name(name)).map(str::to_owned);
        self.authorization.emit(caller, None, EventKind::CredentialRefused { reason, name });
    }

    /// Emits an event for a rejected identity token of a build.
    pub(crate) fn emit_id_token_rejection(
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
    fn a_possible_token_is_not_a_name() {
        for name in ["ana", "Ana-1", "ana.b_c"] {
            assert!(could_be_a_name(name), "{name}");
        }
        let token = format!("npm_{}", "a".repeat(36));
        for name in ["", "a b", "ana\r\nx", "ána", token.as_str()] {
            assert!(!could_be_a_name(name), "{name}");
        }
    }
}
