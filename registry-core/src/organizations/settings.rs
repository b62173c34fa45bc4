/// What an operator decides of organisations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrganizationSettings {
    /// Who may make an organisation. Default: whoever may administer its scope.
    pub create: OrganizationCreation,
    /// Whether a grant to a team also lets in whom the access rules keep out. Otherwise it only lets members publish
    /// to packages of others where the rules let them publish to their own. Default: yes.
    pub grants_beyond_rules: bool,
}

impl Default for OrganizationSettings {
    fn default() -> Self {
        Self { create: OrganizationCreation::Administrators, grants_beyond_rules: true }
    }
}

/// Who may make an organisation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OrganizationCreation {
    /// Whoever is signed in. What the rules mention, as a group or as a scope, and the groups of providers are made by
    /// administrators only.
    Anyone,
    /// Whom the rule for the scope of the same name lists under `administer`.
    #[default]
    Administrators,
    /// Nobody.
    Nobody,
}
