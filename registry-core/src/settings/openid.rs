use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Deserialize;

use super::IssuerUrl;

/// `[openid]`: signing in with an OpenID Connect issuer. Off if the table is missing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenIdTable {
    /// The issuer, as its tokens spell it.
    pub issuer: IssuerUrl,
    /// The registry's client id there.
    pub client_id: String,
    /// The environment variable with the client secret. `None` is `REGISTRY_OPENID_CLIENT_SECRET`, which need not be
    /// set: not every client has a secret.
    #[serde(default)]
    pub client_secret_env: Option<String>,
    /// The file with the client secret; takes precedence over the variable.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// The scopes to request, besides `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim with the user's name.
    #[serde(default = "name_claim")]
    pub name_claim: String,
    /// Whether to trust email addresses that the issuer does not mark as verified.
    #[serde(default)]
    pub trust_unverified_email: bool,
    /// The claim with the user's groups.
    #[serde(default = "groups_claim")]
    pub groups_claim: String,
    /// The prefix of these groups in access rules.
    #[serde(default = "group_prefix")]
    pub group_prefix: String,
    /// The audience of signed tokens that are accepted as credentials too.
    #[serde(default)]
    pub audience: Option<String>,
    /// How long registry tokens stay valid after their owner last signed in.
    #[serde(default = "membership_hours")]
    pub membership_hours: NonZeroU32,
    /// PEM files with certificates to trust in addition to the system's.
    #[serde(default)]
    pub certificate_files: Vec<PathBuf>,
}

fn scopes() -> Vec<String> {
    vec!["profile".into(), "email".into()]
}

fn name_claim() -> String {
    "preferred_username".into()
}

fn groups_claim() -> String {
    "groups".into()
}

fn group_prefix() -> String {
    "openid:".into()
}

fn membership_hours() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(23)
}
