use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{Identified, PasswordLogin};

/// The password that a user types in a terminal to log in with a code on a page of the provider.
pub const DEVICE_PASSWORD: &str = "device";

/// Returns whether a login asks for a code, unless this is the account's actual password.
pub(crate) fn asks_for_device(login: &PasswordLogin) -> bool {
    login.password.expose_secret() == DEVICE_PASSWORD
}

/// A terminal login that has begun.
#[derive(Debug, Clone)]
pub struct DeviceLogin {
    /// The page to open in any browser.
    pub url: Url,
    /// The code to type there. Not secret.
    pub user_code: String,
    /// How long to wait before each poll.
    pub interval: Duration,
    /// How long the code is valid.
    pub expires_in: Duration,
    /// The provider's state of this login, which the registry stores until the login ends and never reveals.
    pub state: SecretString,
}

/// The result of polling a terminal login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DevicePoll {
    /// The user has not typed the code yet.
    Waiting {
        /// How much to add to the interval of all further polls; zero for no change.
        slower_by: Duration,
    },
    /// The login has ended, successfully or not: stop polling.
    Finished(Identified),
}
