/// Settings for organizations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrganizationSettings {
    /// Who may create an organization. Default: callers who administer its scope.
    pub create: OrganizationCreation,
    /// Whether a grant to a team also admits members whom the access rules reject. Otherwise a grant only lets
    /// members publish to packages of others where the rules let them publish to their own. Default: yes.
    pub grants_beyond_rules: bool,
}

impl Default for OrganizationSettings {
    fn default() -> Self {
        Self { create: OrganizationCreation::Administrators, grants_beyond_rules: true }
    }
}

/// Who may create an organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OrganizationCreation {
    /// Every signed-in caller. Names that the rules refer to, as a group or as a scope, and names of providers'
    /// groups are reserved for administrators.
    Anyone,
    /// Principals that the rule for the scope of the same name lists under `administer`.
    #[default]
    Administrators,
    /// No caller.
    Nobody,
}
