use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

/// A credential of a client. Its `Debug` shows no secret.
#[derive(Debug, Clone)]
pub enum Credential {
    /// `Authorization: Bearer …`.
    Bearer(SecretString),
    /// `Authorization: Basic …`.
    Basic {
        /// The part before the first colon.
        name: String,
        /// The rest.
        password: SecretString,
    },
}

impl Credential {
    /// Parses an `Authorization` header (RFC 6750 and RFC 7617, scheme in any case); `None` for other schemes.
    pub fn from_authorization(header: &str) -> Option<Self> {
        let (scheme, value) = header.split_once(' ')?;
        let value = value.trim();
        if value.is_empty() {
            return None;
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::Bearer(value.into()));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let decoded = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
            let (name, password) = decoded.split_once(':')?;
            return Some(Self::Basic { name: name.into(), password: password.into() });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn reads_both_schemes_in_any_case() {
        let Some(Credential::Bearer(token)) = Credential::from_authorization("bEARER  abc ") else {
            panic!("not a bearer")
        };
        assert_eq!(token.expose_secret(), "abc");
        let Some(Credential::Basic { name, password }) = Credential::from_authorization("Basic YW5hOnB3OjE=")
        else {
            panic!("not basic")
        };
        assert_eq!((name.as_str(), password.expose_secret()), ("ana", "pw:1"));
    }

    #[test]
    fn rejects_other_headers() {
        for header in ["", "Bearer", "Bearer ", "Basic !!", "Basic YW5h", "Digest x"] {
            assert!(Credential::from_authorization(header).is_none(), "{header:?}");
        }
    }
}
