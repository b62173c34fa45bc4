use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Deserialize;

use super::{ProviderName, UpstreamUrl};

/// `[github]`: signing in with GitHub. Off if the table is missing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GithubTable {
    /// The base URL of the sign-in pages: github.com, or a GitHub Enterprise Server.
    pub url: UpstreamUrl,
    /// The base URL of the API; `None` derives it from `url`.
    pub api_url: Option<UpstreamUrl>,
    /// The client id of the OAuth app; without one, only personal access tokens are accepted.
    pub client_id: Option<String>,
    /// The environment variable with the client secret.
    pub client_secret_env: String,
    /// The file with the client secret; takes precedence over the variable.
    pub client_secret_file: Option<PathBuf>,
    /// The organizations whose members may sign in; empty admits every GitHub account.
    pub organizations: Vec<String>,
    /// The logins in the group `github-admins`.
    pub admins: Vec<String>,
    /// How long an answer about a token is cached.
    pub cache_seconds: u32,
    /// How much longer it is served while GitHub is down.
    pub stale_seconds: u32,
    /// How long registry tokens stay valid after GitHub last confirmed their owner.
    pub membership_hours: NonZeroU32,
    /// The timeout of requests to GitHub.
    pub timeout_seconds: NonZeroU32,
    /// PEM files with certificates to trust in addition to the system's.
    pub certificate_files: Vec<PathBuf>,
}

impl Default for GithubTable {
    #[expect(clippy::expect_used, reason = "the URL is written here")]
    fn default() -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            url: "https://github.com".parse().expect("a URL"),
            api_url: None,
            client_id: None,
            client_secret_env: "REGISTRY_GITHUB_CLIENT_SECRET".into(),
            client_secret_file: None,
            organizations: Vec::new(),
            admins: Vec::new(),
            cache_seconds: 60,
            stale_seconds: 3600,
            membership_hours: at_least_one(24),
            timeout_seconds: at_least_one(10),
            certificate_files: Vec::new(),
        }
    }
}

/// Another provider and sign-up are both on, so that a stranger could take the name of another provider's user.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "with another provider ([htpasswd], [openid] or [github]), sign-up lets a stranger take the name of a \
     colleague who signs in later: write sign_up = false under [accounts]. Existing accounts stay"
)]
pub struct TwoSourcesOfNames;

impl super::Settings {
    /// Rejects names from both another provider and sign-up, regardless of their order.
    pub fn refuse_two_sources_of_names(&self) -> Result<(), TwoSourcesOfNames> {
        let listed = self.provider_order();
        let signs_up = self.accounts.sign_up && listed.contains(&ProviderName::Local);
        if signs_up && listed.iter().any(|name| *name != ProviderName::Local) {
            Err(TwoSourcesOfNames)
        } else {
            Ok(())
        }
    }
}
