use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Packument, Person};

/// What the owners of a package decided about access, in addition to the access rules. By default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Protection {
    /// Whether it is private: hidden from principals whom the access rules let in without naming them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restricted: bool,
    /// Whether a change requires a second factor.
    #[serde(skip_serializing_if = "is_default")]
    pub mfa: MfaPolicy,
}

/// Whether a change of a package requires a second factor, in npm's terms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MfaPolicy {
    /// Only for accounts that require one for every write.
    #[default]
    None,
    /// Always: tokens that bypass the second factor cannot change it.
    Publish,
    /// Unless the token bypasses the second factor.
    Automation,
}

/// Whether nothing was decided, in which case the field is omitted.
pub(super) fn is_default<Value: Default + PartialEq>(value: &Value) -> bool {
    *value == Value::default()
}

/// The readers of a package, where they are fewer than the access rules permit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audience(Option<Arc<[String]>>);

impl Audience {
    /// Reads the audience from a packument.
    pub fn of(packument: &Packument<'_>) -> Self {
        Self::of_owners(packument.protection.restricted, &packument.maintainers)
    }

    /// Returns the audience of a package with these owners.
    pub(crate) fn of_owners(restricted: bool, owners: &[Person]) -> Self {
        Self(restricted.then(|| owners.iter().map(|owner| owner.name.clone()).collect()))
    }

    /// Whether the package is private.
    pub(crate) fn is_restricted(&self) -> bool {
        self.0.is_some()
    }

    /// Whether `principal` may see it as one of its owners, or because it is not private. A package without owners
    /// belongs to every principal.
    pub(crate) fn includes(&self, principal: &str) -> bool {
        self.0
            .as_ref()
            .is_none_or(|owners| owners.is_empty() || owners.iter().any(|owner| owner == principal))
    }

    /// The approximate memory use in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.0.as_ref().map_or(0, |owners| owners.iter().map(|owner| owner.len() + 24).sum())
    }
}
