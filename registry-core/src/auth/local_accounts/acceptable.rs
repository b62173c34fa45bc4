use secrecy::{ExposeSecret as _, SecretString};

use crate::auth::ProfileField;
use crate::vocabulary::is_confusing_name;

/// The longest name in bytes.
const LONGEST_NAME: usize = 64;
/// The shortest password in characters.
const SHORTEST_PASSWORD: usize = 8;
/// The longest password in bytes.
pub(super) const LONGEST_PASSWORD: usize = 1024;
/// The longest email address in bytes, the limit of SMTP.
const LONGEST_EMAIL: usize = 254;
/// The longest profile field in bytes.
const LONGEST_FIELD: usize = 512;

/// Returns whether an account could have this name. Names of older accounts may end in any of these characters.
pub(super) fn is_name(name: &str) -> bool {
    let small = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= LONGEST_NAME
        && name.bytes().next().is_some_and(small)
        && name.bytes().all(|byte| small(byte) || b"-_.".contains(&byte))
}

/// Returns what is wrong with a sign-up.
pub(super) fn check(name: &str, password: &SecretString, email: Option<&str>) -> Result<(), String> {
    if !is_name(name) || is_confusing_name(name) {
        return Err(format!(
            "an account name has 1 to {LONGEST_NAME} lowercase letters, digits, hyphens, underscores and \
             periods, and begins and ends with a letter or a digit; choose another name"
        ));
    }
    check_password(password)?;
    check_email(email)
}

/// Returns what is wrong with a new password.
pub(super) fn check_password(password: &SecretString) -> Result<(), String> {
    let password = password.expose_secret();
    if password.chars().count() < SHORTEST_PASSWORD {
        return Err(format!("a password has at least {SHORTEST_PASSWORD} characters; choose a longer one"));
    }
    if password.len() > LONGEST_PASSWORD {
        return Err(format!("a password has at most {LONGEST_PASSWORD} bytes; choose a shorter one"));
    }
    Ok(())
}

/// Returns what is wrong with an email address.
pub(super) fn check_email(email: Option<&str>) -> Result<(), String> {
    if email.is_some_and(|email| email.len() > LONGEST_EMAIL || email.chars().any(char::is_control)) {
        return Err(format!(
            "an email address has at most {LONGEST_EMAIL} bytes and no control characters; give another one \
             or none"
        ));
    }
    Ok(())
}

/// Returns what is wrong with a profile field.
pub(super) fn check_field(field: ProfileField, text: &str) -> Result<(), String> {
    if text.len() > LONGEST_FIELD || text.chars().any(char::is_control) {
        return Err(format!(
            "{} has at most {LONGEST_FIELD} bytes and no control characters; give a shorter one",
            field.as_str()
        ));
    }
    Ok(())
}
