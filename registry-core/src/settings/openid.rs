use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Deserialize;

use super::IssuerUrl;

/// `[openid]`: signing in with an issuer of OpenID Connect. Off where the table is missing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenIdTable {
    /// The issuer, as its tokens spell it.
    pub issuer: IssuerUrl,
    /// What the registry is called there.
    pub client_id: String,
    /// The environment variable that holds its client secret. `None` is `REGISTRY_OPENID_CLIENT_SECRET`, which need not be
    /// set: not every client has a secret.
    #[serde(default)]
    pub client_secret_env: Option<String>,
    /// The file that holds it; wins over the variable.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// What is asked for, besides `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim that names somebody.
    #[serde(default = "name_claim")]
    pub name_claim: String,
    /// Whether mail addresses are believed that the issuer does not call verified.
    #[serde(default)]
    pub trust_unverified_email: bool,
    /// The claim that lists somebody's groups.
    #[serde(default = "groups_claim")]
    pub groups_claim: String,
    /// What each group begins with in access rules.
    #[serde(default = "group_prefix")]
    pub group_prefix: String,
    /// Signed tokens that are meant for this are taken as credentials too.
    #[serde(default)]
    pub audience: Option<String>,
    /// For how long tokens of the registry stay good after their holder last signed in.
    #[serde(default = "membership_hours")]
    pub membership_hours: NonZeroU32,
    /// PEM files with certificates to trust beside the system's.
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
