use crate::domain::GroupName;
use crate::vocabulary::Action;

use super::{DeniedAction, EventKind};

impl EventKind {
    /// Returns the organization that changed, if any.
    pub(crate) fn organization(&self) -> Option<&GroupName> {
        match self {
            Self::OrganizationCreated { organization }
            | Self::OrganizationMemberSet { organization, .. }
            | Self::OrganizationMemberRemoved { organization, .. }
            | Self::TeamCreated { organization, .. }
            | Self::TeamDestroyed { organization, .. }
            | Self::TeamMemberAdded { organization, .. }
            | Self::TeamMemberRemoved { organization, .. } => Some(organization),
            _ => None,
        }
    }

    /// Returns the action that the access rules decided on, if any.
    pub(crate) fn action(&self) -> Option<Action> {
        match self {
            Self::Published { .. }
            | Self::Staged { .. }
            | Self::StageApproved { .. }
            | Self::StageRejected { .. }
            | Self::DistTagSet { .. }
            | Self::DistTagRemoved { .. }
            | Self::Deprecated { .. }
            | Self::Undeprecated { .. } => Some(Action::Publish),
            Self::Unpublished { .. }
            | Self::PackageUnpublished { .. }
            | Self::OwnersChanged { .. }
            | Self::PackageAccessChanged { .. }
            | Self::VersionsBlocked { .. }
            | Self::VersionsUnblocked { .. }
            | Self::Recalled { .. }
            | Self::RecallUndone { .. }
            | Self::AccessGranted { .. } => Some(Action::Administer),
            Self::Denied { action: DeniedAction::Package(action), .. } => Some(*action),
            Self::Starred | Self::Unstarred | Self::Denied { .. } => Some(Action::Read),
            _ => None,
        }
    }
}
