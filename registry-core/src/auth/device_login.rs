use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{Identified, PasswordLogin};

/// What is given as the password in a terminal, to log in with a code that is typed into a page of the provider.
pub const DEVICE_PASSWORD: &str = "device";

/// Whether somebody wants to log in with a code, unless it is their password.
pub(crate) fn asks_for_device(login: &PasswordLogin) -> bool {
    login.password.expose_secret() == DEVICE_PASSWORD
}

/// A login at a terminal that has begun.
#[derive(Debug, Clone)]
pub struct DeviceLogin {
    /// The page to open in any browser.
    pub url: Url,
    /// What to type there. Not secret.
    pub user_code: String,
    /// How long to wait before each poll.
    pub interval: Duration,
    /// How long the code can be typed.
    pub expires_in: Duration,
    /// What the provider needs to finish this login, kept by the registry until then and shown to nobody.
    pub state: SecretString,
}

/// What came of polling for the end of a login at a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DevicePoll {
    /// The code was not typed yet.
    Waiting {
        /// How much longer than was said at first to wait before each poll from now on; zero if not at all.
        slower_by: Duration,
    },
    /// The login ended, one way or the other: there is nothing left to poll for.
    Finished(Identified),
}
