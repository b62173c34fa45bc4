use std::time::Duration;

use secrecy::SecretString;

use super::{IssuerSettings, OpenIdError};

/// An issuer that signs users in, and how its claims map to names and groups. `Debug` shows no secret.
///
/// [`OpenIdSettings::new`] sets the defaults; every field may then be changed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenIdSettings {
    /// The issuer.
    pub issuer: IssuerSettings,
    /// The registry's client id there.
    pub client_id: String,
    /// The registry's client secret there. Default: none, for a public client.
    pub client_secret: Option<SecretString>,
    /// The scopes to request besides `openid`. Default: `profile` and `email`.
    pub scopes: Vec<String>,
    /// The claim with the name. Default: `preferred_username`. With `email`, only addresses that the issuer calls
    /// verified (`email_verified`) are accepted.
    pub name_claim: String,
    /// Whether to trust email addresses that the issuer does not call verified: for issuers that verify addresses
    /// without saying so. Default: no.
    pub trust_unverified_email: bool,
    /// The claim with the groups. Default: `groups`.
    pub groups_claim: String,
    /// The prefix of each group in access rules. Default: `openid:`.
    pub group_prefix: String,
    /// The audience of issuer tokens that are accepted as credentials. Default: none is.
    pub audience: Option<String>,
    /// How long tokens of the registry stay valid after the issuer last vouched for their holder. Default 24 hours.
    pub membership: Duration,
}

impl OpenIdSettings {
    /// Returns the defaults for the client of this id at this issuer.
    pub fn new(issuer: IssuerSettings, client_id: impl Into<String>) -> Self {
        Self {
            issuer,
            client_id: client_id.into(),
            client_secret: None,
            scopes: vec!["profile".into(), "email".into()],
            name_claim: "preferred_username".into(),
            trust_unverified_email: false,
            groups_claim: "groups".into(),
            group_prefix: "openid:".into(),
            audience: None,
            membership: Duration::from_hours(24),
        }
    }

    pub(super) fn check(&self) -> Result<(), OpenIdError> {
        let refused = |setting, reason| Err(OpenIdError::Setting { setting, reason });
        for (setting, text) in [
            ("the client id", &self.client_id),
            ("the claim for names", &self.name_claim),
            ("the claim for groups", &self.groups_claim),
        ] {
            if text.is_empty() || text.chars().any(char::is_control) {
                return refused(setting, "is empty or has control characters: write it as the issuer has it");
            }
        }
        // A prefix must not imitate groups of other providers.
        if !self.group_prefix.ends_with(':') || self.group_prefix == "github:" {
            return refused(
                "the prefix of groups",
                "must end with a : and be no other provider's, such as `openid:`",
            );
        }
        // The identity token of a build must not pass for a user's.
        match self.audience.as_deref() {
            Some(audience)
                if audience.is_empty() || audience.starts_with("npm:") || audience == self.client_id =>
            {
                refused(
                    "the audience",
                    "must not be empty, must not be the client id, and must not begin with npm:",
                )
            }
            _ => Ok(()),
        }
    }
}
