use std::time::Duration;

use secrecy::SecretString;

use super::{IssuerSettings, OpenIdError};

/// Who signs people in, and how its claims become names and groups. `Debug` shows no secret.
///
/// [`OpenIdSettings::new`] fills in what fits; every field may then be changed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenIdSettings {
    /// The issuer.
    pub issuer: IssuerSettings,
    /// What the registry is called there.
    pub client_id: String,
    /// Its secret there. Default: none, for a public client.
    pub client_secret: Option<SecretString>,
    /// What is asked for, besides `openid`. Default: `profile` and `email`.
    pub scopes: Vec<String>,
    /// The claim that names somebody. Default: `preferred_username`. With `email`, people are let in whose address the
    /// issuer calls verified (`email_verified`).
    pub name_claim: String,
    /// Whether mail addresses are believed that the issuer does not call verified: for issuers at which nobody can give
    /// themselves the address of another person, and that do not say so. Default: no.
    pub trust_unverified_email: bool,
    /// The claim that lists somebody's groups. Default: `groups`.
    pub groups_claim: String,
    /// What each group begins with in access rules. Default: `openid:`.
    pub group_prefix: String,
    /// Signed tokens of the issuer that are meant for this audience are taken as credentials too. Default: none are.
    pub audience: Option<String>,
    /// For how long tokens that the registry itself made stay good after the issuer last vouched for their holder.
    /// Default 24 hours.
    pub membership: Duration,
}

impl OpenIdSettings {
    /// The defaults, for the client of this id at this issuer.
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
        // Groups of other providers are not to be had by naming a group so.
        if !self.group_prefix.ends_with(':') || self.group_prefix == "github:" {
            return refused(
                "the prefix of groups",
                "must end with a : and be no other provider's, such as `openid:`",
            );
        }
        // The identity of a build is not to pass for that of a person.
        match self.audience.as_deref() {
            Some(audience)
                if audience.is_empty() || audience.starts_with("npm:") || audience == self.client_id =>
            {
                refused(
                    "the audience",
                    "must be one of its own: not empty, not the client id, and nothing with npm:",
                )
            }
            _ => Ok(()),
        }
    }
}
