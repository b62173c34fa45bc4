use crate::organizations::{OrganizationCreation, OrganizationSettings};
use serde::Deserialize;

/// `[organizations]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrganizationSection {
    /// Who may create an organization.
    pub create: OrganizationMakers,
    /// Whether a grant to a team also admits members whom the access rules exclude.
    pub grants_beyond_rules: bool,
}

/// Who may create an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrganizationMakers {
    /// Every signed-in account.
    Anyone,
    /// Principals that the rule for the scope of the same name lists under `administer`.
    Administrators,
    /// No caller.
    Nobody,
}

impl Default for OrganizationSection {
    fn default() -> Self {
        Self { create: OrganizationMakers::Administrators, grants_beyond_rules: true }
    }
}

impl OrganizationSection {
    /// Converts the section to the library's settings.
    pub(crate) fn to_settings(&self) -> OrganizationSettings {
        let create = match self.create {
            OrganizationMakers::Anyone => OrganizationCreation::Anyone,
            OrganizationMakers::Administrators => OrganizationCreation::Administrators,
            OrganizationMakers::Nobody => OrganizationCreation::Nobody,
        };
        OrganizationSettings { create, grants_beyond_rules: self.grants_beyond_rules }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_library() {
        assert_eq!(OrganizationSection::default().to_settings(), OrganizationSettings::default());
    }
}
