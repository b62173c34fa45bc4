use secrecy::{ExposeSecret as _, SecretString};

/// The longest name in bytes.
const LONGEST_NAME: usize = 64;
/// The shortest password in characters.
const SHORTEST_PASSWORD: usize = 3;
/// The longest password in bytes.
pub(super) const LONGEST_PASSWORD: usize = 1024;
/// The longest mail address in bytes, as SMTP has it.
const LONGEST_EMAIL: usize = 254;

/// Whether an account could have this name.
pub(super) fn is_name(name: &str) -> bool {
    let small = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= LONGEST_NAME
        && name.bytes().next().is_some_and(small)
        && name.bytes().all(|byte| small(byte) || b"-_.".contains(&byte))
}

/// Says what is wrong with what somebody wants to sign up with.
pub(super) fn check(name: &str, password: &SecretString, email: Option<&str>) -> Result<(), String> {
    if !is_name(name) {
        return Err(format!(
            "an account name has 1 to {LONGEST_NAME} small letters, digits, hyphens, underscores and periods, \
             and begins with a letter or a digit; choose another name"
        ));
    }
    let password = password.expose_secret();
    if password.chars().count() < SHORTEST_PASSWORD {
        return Err(format!("a password has at least {SHORTEST_PASSWORD} characters; choose a longer one"));
    }
    if password.len() > LONGEST_PASSWORD {
        return Err(format!("a password has at most {LONGEST_PASSWORD} bytes; choose a shorter one"));
    }
    if email.is_some_and(|email| email.len() > LONGEST_EMAIL || email.chars().any(char::is_control)) {
        return Err(format!(
            "a mail address has at most {LONGEST_EMAIL} bytes and no control characters; give another one or none"
        ));
    }
    Ok(())
}
