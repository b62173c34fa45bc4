use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::LoginError;

use super::session_token::{SessionToken, hash_of, is_hash_of};

/// How long a login may take: longer than pnpm polls, and long enough to find a phone.
pub(super) const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// A browser login, as it is stored. Secrets of this registry are stored as hashes only.
#[derive(Serialize, Deserialize)]
pub(super) struct Session {
    /// The hash of the secret that opens the page.
    page: String,
    /// The hash of the secret that the client polls with.
    poll: String,
    pub(super) started: DateTime<Utc>,
    /// What the client calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<String>,
    /// The address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<IpAddr>,
    pub(super) purpose: Purpose,
    /// The hash of the secret of the browser that first continued the login. No other browser may continue it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    browser: Option<String>,
    pub(super) phase: Phase,
}

/// What a browser login is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Purpose {
    /// A token for the client.
    Login {
        /// Whether the client asks for a new account.
        create: bool,
    },
    /// The second factor of a logged-in account.
    SecondFactor {
        /// The account.
        account: String,
        /// The credential for which alone the second factor counts.
        by: String,
        /// The operation that needs it, in words, such as `publish @acme/pear@1.0.0`.
        action: String,
        /// The SHA-256 of the request that it describes. Empty in sessions of an older version, which confirm nothing.
        #[serde(default)]
        confirms: String,
        /// Whether the page displays a code to type into the terminal. Otherwise the client polls for it.
        shown: bool,
    },
}

/// The progress of a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    /// The user has not identified yet.
    Open,
    /// The browser is at the page of a provider.
    AtProvider {
        provider: String,
        /// What the provider needs to finish.
        state: String,
        /// The hash of the `state` that the browser will bring back, where the provider's page takes one.
        returns: Option<String>,
    },
    /// The browser came back, and the registry asks the provider for the account.
    Returning,
    /// The account has a second factor.
    NeedsCode(Who),
    /// The account at the browser is known; the client can take the token.
    Approved(Who),
    /// The second factor was shown; the client can take the proof.
    Proven,
    /// The client has taken the token.
    Taken,
    /// The client has taken the proof of a second factor.
    Granted {
        /// The hash of the proof.
        proof: String,
        until: DateTime<Utc>,
        first_used: Option<DateTime<Utc>>,
    },
}

/// The account that was identified at the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Who {
    pub(super) provider: String,
    pub(super) account: String,
    /// When the identification began.
    pub(super) since: DateTime<Utc>,
    /// The network of the browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) network: Option<IpAddr>,
}

impl Session {
    pub(super) fn new(
        page: &SessionToken,
        poll: &SessionToken,
        started: DateTime<Utc>,
        purpose: Purpose,
    ) -> Self {
        Self {
            page: hash_of(page.secret.expose_secret()),
            poll: hash_of(poll.secret.expose_secret()),
            started,
            client: None,
            address: None,
            purpose,
            browser: None,
            phase: Phase::Open,
        }
    }

    pub(super) fn is_page(&self, token: &SessionToken) -> bool {
        is_hash_of(&self.page, &token.secret)
    }

    pub(super) fn is_poll(&self, token: &SessionToken) -> bool {
        is_hash_of(&self.poll, &token.secret)
    }

    /// Returns whether the login was continued in another browser than the one that holds this secret.
    pub(super) fn is_elsewhere(&self, browser: Option<&SecretString>) -> bool {
        match (&self.browser, browser) {
            (None, _) => false,
            (Some(hash), Some(browser)) => !is_hash_of(hash, browser),
            (Some(_), None) => true,
        }
    }

    /// Binds the login to this browser.
    pub(super) fn bind(&mut self, browser: &SecretString) -> Result<(), Error> {
        if self.is_elsewhere(Some(browser)) {
            return Err(Error::Login(LoginError::WebLoginElsewhere));
        }
        self.browser.get_or_insert_with(|| hash_of(browser.expose_secret()));
        Ok(())
    }

    /// Returns whether the user may identify, or identify again.
    pub(super) fn is_undecided(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::AtProvider { .. } | Phase::Returning)
    }
}
