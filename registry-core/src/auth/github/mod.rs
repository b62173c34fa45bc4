//! Users, organizations and teams of GitHub.
//!
//! A user signs in with a personal token, or with a token that GitHub issued for the registry's OAuth app.
//! Organizations and teams become groups, `github:acme` and `github:acme/platform`, and the configured admins are in
//! the group [`ADMINS`]. The access rules decide what they may do.
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
//! // Other providers' credentials are left to the next provider, without a request to GitHub.
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
use self::connection::connections;
use self::member::{Member, Policy, Standing, ask, is_login};
use self::token_kind::TokenKind;
use self::trouble::Trouble;
use super::AuthError;
use super::external_identity::{MakeProvider, Records, Remembered};
use crate::clock::Clock;
use crate::randomness::Randomness;
use crate::storage::BlobStore;
use crate::vocabulary::BoxError;

pub use error::GithubError;
pub use settings::{GithubApp, GithubSettings};

/// The group of the configured admins, for access rules: `administer = ["group:github-admins"]`. No organization's
/// group can have this name, since those begin with `github:`.
pub const ADMINS: &str = "github-admins";

/// Users, organizations and teams of one GitHub, configured by [`GithubSettings`].
///
/// - Answers about a token are cached in memory, under its hash, for [`GithubSettings::cache`]; while GitHub is down,
///   or its rate limit is used up, for [`GithubSettings::stale`] longer. Then callers without a cached answer get an
///   error: they are neither let in nor rejected.
/// - For each admitted account, the store holds login, organizations and teams, and no token. These records answer
///   for tokens of the registry, for [`GithubSettings::membership`]. Each use of a GitHub token renews that time, and
///   ends it at once when GitHub reports that the account has left.
/// - A login belongs to the GitHub user that first used it here, even if another user takes the login over at GitHub.
///   To admit the new user, remove `_accounts/github/LOGIN.json` and `_names/LOGIN.json` from the store.
/// - Register it last: it answers every password that no earlier provider knew.
pub struct Github {
    settings: GithubSettings,
    policy: Policy,
    api: Api,
    answers: Answers,
    records: Records<Member>,
    randomness: Arc<dyn Randomness>,
}

impl Github {
    /// Checks the settings without contacting GitHub. Call it within a tokio runtime that outlives this provider; the
    /// process must have installed a default `rustls` crypto provider.
    pub fn new(
        settings: GithubSettings,
        store: Arc<dyn BlobStore>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, GithubError> {
        Ok(Self::prepare(settings)?(store, clock, randomness))
    }

    /// Checks the settings as [`Self::new`] does, and returns what makes the provider.
    pub(crate) fn prepare(settings: GithubSettings) -> Result<MakeProvider<Self>, GithubError> {
        let mut names = settings.restricted_organizations.iter().chain(&settings.admins);
        if let Some(name) = names.find(|name| !is_login(name)) {
            return Err(GithubError::Name { name: name.clone() });
        }
        let connections = connections(&settings)?;
        Ok(Box::new(|store, clock, randomness| Self {
            policy: Policy::new(&settings),
            api: Api::new(&settings, connections, Arc::clone(&clock)),
            answers: Answers::new(&settings, Arc::clone(&clock), &*randomness),
            records: Records::new(store, clock, Arc::clone(&randomness), settings.membership),
            randomness,
            settings,
        }))
    }

    /// Returns the standing of a token; `None` if it is not GitHub's.
    async fn standing(&self, token: &SecretString) -> Result<Option<Standing>, AuthError> {
        let Some(kind) = TokenKind::of(token.expose_secret()) else { return Ok(None) };
        let standing = self.answers.standing(token, self.ask_and_keep(kind, token)).await;
        standing.map(Some).map_err(|trouble| self.unavailable(trouble))
    }

    /// Asks GitHub about a token, and stores the account for later use of its registry tokens.
    async fn ask_and_keep(&self, kind: TokenKind, token: &SecretString) -> Result<Standing, Trouble> {
        let standing = ask(&self.api, &self.policy, kind, token).await?;
        let not_kept = |error: BoxError| Trouble::down(format!("its answer cannot be stored: {error}"));
        match &standing {
            Standing::In(member) => {
                if self.records.keep(member).await.map_err(not_kept)? == Remembered::NameOfAnother {
                    tracing::warn!(login = %member.login, id = member.id, "a GitHub login now belongs to another user");
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
