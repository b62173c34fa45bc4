use std::fmt;

/// An action on an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OrganizationAction {
    /// Read members, teams and grants.
    See,
    /// Change anything.
    Change,
    /// Add, change or remove members.
    ChangeMembers,
    /// Read what a team was granted that the caller is not in.
    SeePackagesOfOtherTeams,
    /// Create, change or delete teams, and what they are granted.
    ChangeTeams,
}

impl fmt::Display for OrganizationAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::See => "see",
            Self::Change => "change",
            Self::SeePackagesOfOtherTeams => "see the packages of a team that you are not in,",
            Self::ChangeMembers => "change members",
            Self::ChangeTeams => "change teams",
        })
    }
}
