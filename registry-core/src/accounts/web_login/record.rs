use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::session_token::{SessionToken, hash_of, is_hash_of};
use crate::Error;

/// For how long a login may go on: longer than pnpm asks, and than it takes to find one's telephone.
pub(super) const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// A login in the browser, as it is stored. Of secrets of this registry there are hashes alone.
#[derive(Serialize, Deserialize)]
pub(super) struct Session {
    /// Of the secret that opens the page.
    page: String,
    /// Of the secret that the client polls with.
    poll: String,
    pub(super) started: DateTime<Utc>,
    /// What the client calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<String>,
    /// Where the client is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<IpAddr>,
    pub(super) purpose: Purpose,
    /// Of the secret of the browser in which the login was gone on with first. No other one may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    browser: Option<String>,
    pub(super) phase: Phase,
}

/// What a login in the browser is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Purpose {
    /// A token for the client.
    Login {
        /// Whether the client wants an account to be made.
        create: bool,
    },
    /// The second factor of somebody who is logged in.
    SecondFactor {
        /// Who that is.
        account: String,
        /// What they are known by, and for which alone the second factor counts.
        by: String,
        /// What they want to do, as method and path.
        action: String,
        /// Whether the page shows what is to be typed into the terminal. Otherwise the client polls for it.
        shown: bool,
    },
}

/// How far a login has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    /// Nobody has said yet who they are.
    Open,
    /// The browser is at the page of a provider.
    AtProvider {
        provider: String,
        /// What the provider needs to finish.
        state: String,
        /// Of the `state` that the browser will bring back, where the provider's page takes one.
        returns: Option<String>,
    },
    /// The browser came back, and the provider is asked who it is.
    Returning,
    /// The account has a second factor.
    NeedsCode(Who),
    /// It is known who is at the browser; the client can take the token.
    Approved(Who),
    /// The second factor was shown; the client can take what proves it.
    Proven,
    /// The client has taken what there was.
    Taken,
    /// What proves a second factor was given out.
    Granted {
        /// Of the proof.
        proof: String,
        until: DateTime<Utc>,
        first_used: Option<DateTime<Utc>>,
    },
}

/// Who turned out to be at the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Who {
    pub(super) provider: String,
    pub(super) account: String,
    /// When they began to say so.
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

    /// Whether the login was gone on with in another browser than the one that holds this secret.
    pub(super) fn is_elsewhere(&self, browser: Option<&SecretString>) -> bool {
        match (&self.browser, browser) {
            (None, _) => false,
            (Some(hash), Some(browser)) => !is_hash_of(hash, browser),
            (Some(_), None) => true,
        }
    }

    /// Goes on in this browser, and from now on in no other one.
    pub(super) fn bind(&mut self, browser: &SecretString) -> Result<(), Error> {
        if self.is_elsewhere(Some(browser)) {
            return Err(Error::WebLoginElsewhere);
        }
        self.browser.get_or_insert_with(|| hash_of(browser.expose_secret()));
        Ok(())
    }

    /// Whether somebody may say, or say anew, who they are.
    pub(super) fn is_undecided(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::AtProvider { .. } | Phase::Returning)
    }
}
