use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Packument, Person};

/// What the owners of a package decided of it, beside what the access rules say. By default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Protection {
    /// Whether it is private: hidden from those whom the rules let in without naming them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restricted: bool,
    /// Whether a second factor is needed to change it.
    #[serde(skip_serializing_if = "is_default")]
    pub mfa: MfaPolicy,
}

/// Whether a second factor is needed to change a package, in npm's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MfaPolicy {
    /// Only of accounts that ask for one with every write.
    #[default]
    None,
    /// Always: tokens that need no one-time password do not change it.
    Publish,
    /// Of whoever shows no token that needs none.
    Automation,
}

/// Whether nothing was decided, which is not written down.
pub(super) fn is_default<Value: Default + PartialEq>(value: &Value) -> bool {
    *value == Value::default()
}

/// Whom a package is for, where not simply for whom the rules let read it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audience(Option<Arc<[String]>>);

impl Audience {
    /// Reads it out of a packument.
    pub fn of(packument: &Packument<'_>) -> Self {
        Self::of_owners(packument.protection.restricted, &packument.maintainers)
    }

    /// That of a package with these owners.
    pub fn of_owners(restricted: bool, owners: &[Person]) -> Self {
        Self(restricted.then(|| owners.iter().map(|owner| owner.name.clone()).collect()))
    }

    /// Whether the package is private.
    pub fn is_restricted(&self) -> bool {
        self.0.is_some()
    }

    /// Whether `principal` may see it as one of its owners, or because it is not private. A package without owners
    /// is everybody's.
    pub fn includes(&self, principal: &str) -> bool {
        self.0
            .as_ref()
            .is_none_or(|owners| owners.is_empty() || owners.iter().any(|owner| owner == principal))
    }

    /// About how many bytes of memory this takes.
    pub fn weight(&self) -> usize {
        self.0.as_ref().map_or(0, |owners| owners.iter().map(|owner| owner.len() + 24).sum())
    }
}
