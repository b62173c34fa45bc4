use std::fmt;

use secrecy::SecretString;

/// What a caller must show before an operation goes on. Nothing was changed and nothing is wrong: the caller repeats the
/// request, with what is asked for as its one-time password.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Challenge {
    /// A one-time password: the account has a second factor, and the request has none.
    OneTimePassword,
    /// The digits of a login at a terminal, once its user has entered the code. Only a login asks for them.
    DeviceCode(DeviceCode),
}

/// A code that the user of a terminal enters on a page of the provider.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeviceCode {
    /// The page, which any browser may open.
    pub url: String,
    /// The code to enter there.
    pub user_code: String,
    /// Proves that the client that returns is at the same terminal.
    pub digits: SecretString,
}

/// The text for the user. It does not contain the digits.
impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneTimePassword => f.write_str(
                "You must provide a one-time password: try again with the digits that your authenticator app shows, \
                 or with a recovery code. If your client does not ask for it, pass it with --otp",
            ),
            Self::DeviceCode(DeviceCode { url, user_code, .. }) => write!(
                f,
                "enter the code {user_code} at {url} on any device; when it says that you are done, give the digits that \
                 this registry showed you as the one-time password"
            ),
        }
    }
}
