use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::OpenIdSettings;
use crate::auth::Principal;
use crate::auth::external_identity::ExternalIdentity;
use crate::storage::{BlobPath, Key};
use crate::vocabulary::{BoxError, is_usual_name};

/// The most groups that are read from one token.
const MOST_GROUPS: usize = 1000;

/// The claim with the email address.
const EMAIL: &str = "email";

/// Why a valid token yields no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unnamed {
    /// It has no name, or an invalid one.
    NoName,
    /// Its email address is not verified.
    UnverifiedEmail,
}

/// An account at an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    issuer: String,
    /// Never changes, while a name can be given up and taken over by another account.
    subject: String,
    name: String,
    email: Option<String>,
    /// As the issuer spells them.
    groups: Vec<String>,
}

impl Member {
    /// Reads the claims of a valid token.
    pub(super) fn of(claims: &Map<String, Value>, settings: &OpenIdSettings) -> Result<Self, Unnamed> {
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
        let subject = text("sub").filter(|subject| (1..=255).contains(&subject.len()));
        let subject = subject.ok_or(Unnamed::NoName)?;
        let name = text(&settings.name_claim).filter(|name| is_usual_name(name)).ok_or(Unnamed::NoName)?;
        let is_verified = settings.trust_unverified_email || is_true(claims.get("email_verified"));
        if settings.name_claim == EMAIL && !is_verified {
            return Err(Unnamed::UnverifiedEmail);
        }
        let groups = match claims.get(&settings.groups_claim) {
            Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(group)) => vec![group.as_str()],
            _ => Vec::new(),
        };
        let is_group =
            |group: &&str| (1..=255).contains(&group.len()) && !group.chars().any(char::is_control);
        Ok(Self {
            issuer: settings.issuer.url.clone(),
            subject: subject.to_owned(),
            name: name.to_owned(),
            email: text(EMAIL).filter(|email| is_verified && email.len() <= 254).map(str::to_owned),
            groups: groups.into_iter().filter(is_group).take(MOST_GROUPS).map(str::to_owned).collect(),
        })
    }

    pub(super) fn principal(&self, settings: &OpenIdSettings) -> Principal {
        let mut principal = Principal { email: self.email.clone(), ..Principal::user(&self.name) }
            .with_subject(format!("{} {}", self.issuer, self.subject));
        principal.groups.extend(self.groups.iter().map(|group| format!("{}{group}", settings.group_prefix)));
        principal
    }

    /// Returns whether this issuer vouched for the account; the settings may have changed since.
    pub(super) fn is_of(&self, settings: &OpenIdSettings) -> bool {
        self.issuer == settings.issuer.url
    }
}

impl ExternalIdentity for Member {
    fn name(&self) -> &str {
        &self.name
    }

    fn is(&self, other: &Self) -> bool {
        self.issuer == other.issuer && self.subject == other.subject
    }

    fn path(name: &str) -> Result<BlobPath, BoxError> {
        Ok(Key::OpenIdAccount(&name.to_ascii_lowercase()).path()?)
    }
}

/// Some issuers send booleans as text.
fn is_true(claim: Option<&Value>) -> bool {
    match claim {
        Some(Value::Bool(is_true)) => *is_true,
        Some(Value::String(text)) => text == "true",
        _ => false,
    }
}
