use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Deserialize;

use super::{ProviderName, UpstreamUrl};

/// `[github]`: signing in with GitHub. Off where the table is missing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GithubTable {
    /// Where people sign in: github.com, or a GitHub Enterprise Server.
    pub url: UpstreamUrl,
    /// Where programs ask; `None` is where `url` has it.
    pub api_url: Option<UpstreamUrl>,
    /// The client id of the OAuth app; without one, personal tokens alone are taken.
    pub client_id: Option<String>,
    /// The environment variable that holds its client secret.
    pub client_secret_env: String,
    /// The file that holds it; wins over the variable.
    pub client_secret_file: Option<PathBuf>,
    /// Who is in none of these gets nothing; empty lets everybody in who has an account there.
    pub organizations: Vec<String>,
    /// Who is in the group `github-admins`.
    pub admins: Vec<String>,
    /// For how long an answer about a token is believed.
    pub cache_seconds: u32,
    /// For how much longer while GitHub is down.
    pub stale_seconds: u32,
    /// For how long tokens of the registry stay good after GitHub last vouched for their holder.
    pub membership_hours: NonZeroU32,
    /// How long GitHub may take to answer.
    pub timeout_seconds: NonZeroU32,
    /// PEM files with certificates to trust beside the system's.
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

/// Another provider says who people are, and strangers may give themselves any name that is free.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "another provider ([htpasswd], [openid] or [github]) and sign-up together would let a stranger take a colleague's name \
     before they come: write sign_up = false under [accounts]. Accounts that are there stay"
)]
pub struct TwoSourcesOfNames;

impl super::Settings {
    /// Refuses that names come from another provider and from whoever reaches the server, whichever is asked first.
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
