//! Users, organizations and teams of GitHub.
//!
//! A user is let in with a personal token, or with a token that GitHub made for the registry's OAuth app. Organizations
//! and teams become groups, `github:acme` and `github:acme/platform`, and the configured admins are in the group
//! [`ADMINS`]. What any of them may do, the access rules say.
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::auth::github::{Github, GithubSettings};
//! use registry_core::auth::{AuthProvider, Credential, Identified};
//! use registry_core::storage::ObjectStoreBlobs;
//! use registry_core::clock::SystemClock;
//! use registry_core::randomness::SystemRandomness;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! // Once, when the process starts.
//! let _ = rustls::crypto::ring::default_provider().install_default();
//!
//! let mut settings = GithubSettings::new("https://github.example".parse()?);
//! settings.restricted_organizations = vec!["Acme".into()];
//! settings.admins = vec!["ana".into()];
//! let store = Arc::new(ObjectStoreBlobs::in_memory());
//! let github = Github::new(settings, store, Arc::new(SystemClock), Arc::new(SystemRandomness))?;
//!
//! // What is not GitHub's is left to the next provider, and GitHub is not asked.
//! let foreign = Credential::Bearer("npm_0123456789abcdefghijklmnopqrstuvwxyz".into());
//! assert_eq!(github.identify(&foreign).await?, Identified::NotMine);
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answers;
mod api;
mod connection;
mod error;
mod member;
mod provider;
mod settings;
mod terminal_login;
mod token_kind;
mod trouble;
mod web_login;

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use self::answers::Answers;
use self::api::Api;
use self::member::{Member, Policy, Standing, ask, is_login};
use self::token_kind::TokenKind;
use self::trouble::Trouble;
use super::AuthError;
use super::vouched::{Records, Remembered};
use crate::clock::Clock;
use crate::randomness::Randomness;
use crate::storage::BlobStore;
use crate::vocabulary::BoxError;

pub use error::GithubError;
pub use settings::{GithubApp, GithubSettings};

/// The group of the configured admins, for access rules: `administer = ["group:github-admins"]`. No organization's
/// group can be called that, for those begin with `github:`.
pub const ADMINS: &str = "github-admins";

/// Users, organizations and teams of one GitHub, as [`GithubSettings`] say.
///
/// - Answers about a token are kept in memory, under its hash, for [`GithubSettings::cache`]; while GitHub is down, or
///   its rate limit is used up, for [`GithubSettings::stale`] longer. Then nobody is let in, and nobody is refused.
/// - Of somebody who was let in, the store keeps login, organizations and teams, and no token. From that, tokens which
///   the registry made for them are answered, for [`GithubSettings::membership`]. It begins anew whenever they show a
///   token of GitHub's, and ends at once when GitHub then says that they left.
/// - A login stays with the user of GitHub who was the first to show it here, also if it is given up there and taken
///   by somebody else. To let that one in, remove `_accounts/github/LOGIN.json` and
///   `_names/LOGIN.json` from the store.
/// - Ask it last: it has a word for every password that nobody before it knew.
pub struct Github {
    settings: GithubSettings,
    policy: Policy,
    api: Api,
    answers: Answers,
    records: Records<Member>,
    randomness: Arc<dyn Randomness>,
}

impl Github {
    /// Checks the settings and asks nothing yet. Call it within a tokio runtime, which must last as long as this; the
    /// process must have installed a default `rustls` crypto provider.
    pub fn new(
        settings: GithubSettings,
        store: Arc<dyn BlobStore>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, GithubError> {
        let mut names = settings.restricted_organizations.iter().chain(&settings.admins);
        if let Some(name) = names.find(|name| !is_login(name)) {
            return Err(GithubError::Name { name: name.clone() });
        }
        Ok(Self {
            policy: Policy::new(&settings),
            api: Api::new(&settings, Arc::clone(&clock))?,
            answers: Answers::new(&settings, Arc::clone(&clock), &*randomness),
            records: Records::new(store, clock, Arc::clone(&randomness), settings.membership),
            randomness,
            settings,
        })
    }

    /// What a token is worth; `None` if it is not GitHub's.
    async fn standing(&self, token: &SecretString) -> Result<Option<Standing>, AuthError> {
        let Some(kind) = TokenKind::of(token.expose_secret()) else { return Ok(None) };
        let standing = self.answers.standing(token, self.ask_and_keep(kind, token)).await;
        standing.map(Some).map_err(|trouble| self.unavailable(trouble))
    }

    /// Asks GitHub, and keeps what it says of its user for their tokens of the registry.
    async fn ask_and_keep(&self, kind: TokenKind, token: &SecretString) -> Result<Standing, Trouble> {
        let standing = ask(&self.api, &self.policy, kind, token).await?;
        let not_kept = |error: BoxError| Trouble::down(format!("what it said cannot be kept: {error}"));
        match &standing {
            Standing::In(member) => {
                if self.records.keep(member).await.map_err(not_kept)? == Remembered::NameOfAnother {
                    tracing::warn!(login = %member.login, id = member.id, "a login at GitHub has another owner now");
                    return Ok(Standing::Bad);
                }
            }
            Standing::Outside(member) => self.records.end(member).await.map_err(not_kept)?,
            Standing::Bad => {}
        }
        Ok(standing)
    }

    fn unavailable(&self, source: impl Into<BoxError>) -> AuthError {
        AuthError::Unavailable { provider: self.to_string(), source: source.into() }
    }
}

impl fmt::Display for Github {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "GitHub at {}", self.settings.url.host_str().unwrap_or_default())
    }
}

impl fmt::Debug for Github {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Github")
            .field("settings", &self.settings)
            .field("answers", &self.answers)
            .finish_non_exhaustive()
    }
}
