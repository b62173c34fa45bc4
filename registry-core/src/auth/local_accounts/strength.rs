use secrecy::{ExposeSecret as _, SecretString};
use zxcvbn::{Score, zxcvbn};

use super::{LocalAccounts, unavailable};
use crate::auth::AuthError;

/// How many characters of a password are examined. More would take long, and would not make it weaker.
const LOOKED_AT: usize = 40;

impl LocalAccounts {
    /// Rejects an easily guessed new password: a common one, or one made of known details of the account.
    pub(super) async fn check_strength(
        &self,
        password: &SecretString,
        known: &[&str],
    ) -> Result<(), AuthError> {
        let password = password.clone();
        let known: Vec<String> = known.iter().map(|text| start_of(text).to_owned()).collect();
        // The first call builds dictionaries, which takes some milliseconds.
        let guessed = tokio::task::spawn_blocking(move || is_guessed_soon(&password, &known));
        if !guessed.await.map_err(unavailable)? {
            return Ok(());
        }
        let reason = "this password is easily guessed: it is a common one, or made of the account's name; choose \
                      several words that do not belong together";
        Err(AuthError::Unacceptable { reason: reason.into() })
    }
}

/// Returns whether fewer than a million guesses find it.
fn is_guessed_soon(password: &SecretString, known: &[String]) -> bool {
    let known: Vec<&str> = known.iter().flat_map(|text| parts_of(text)).collect();
    zxcvbn(start_of(password.expose_secret()), &known).score() < Score::Two
}

/// Returns a name or an email address, and its parts.
fn parts_of(text: &str) -> impl Iterator<Item = &str> {
    std::iter::once(text).chain(text.split(|character: char| !character.is_alphanumeric()))
}

fn start_of(text: &str) -> &str {
    text.char_indices().nth(LOOKED_AT).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_easily_guessed_passwords() {
        let known = ["ana.miller".to_owned(), "ana@mail.example".to_owned()];
        for password in [
            "password",
            "12345678",
            "qwertyuiop",
            "P@ssw0rd1",
            "Summer2024",
            "iloveyou2",
            "trustno1",
            "abcdefgh",
            "aaaaaaaaaaaa",
            "ana12345",
            "Miller2026",
            "letmein!",
            "npmnpmnpm",
            "changeme",
        ] {
            assert!(is_guessed_soon(&password.into(), &known), "{password}");
        }
        for password in [
            "correct horse battery",
            "orange tree",
            "long enough",
            "Xk4!vq9Zt2",
            "a new password",
            "größe-münze",
        ] {
            assert!(!is_guessed_soon(&password.into(), &known), "{password}");
        }
        // Weak for one account only.
        let own = ["zwetschgenknoedel@mail.example".to_owned()];
        assert!(is_guessed_soon(&"zwetschgenknoedel1".into(), &own));
        assert!(!is_guessed_soon(&"zwetschgenknoedel1".into(), &known));
    }

    #[test]
    fn a_long_password_takes_no_longer_to_check() {
        let long = format!("{}{}", "x".repeat(39), "ü".repeat(500));
        assert_eq!(start_of(&long).chars().count(), 40);
        assert_eq!(start_of("short"), "short");
        assert!(is_guessed_soon(&"4@3$".repeat(256).into(), &[]));
    }
}
