use crate::access::Action;
use crate::domain::PackageName;

#[cfg(feature = "web")]
use super::WebRoute;
use super::{AccessRoute, AuditRoute, PolicyRoute, Route, StageRoute, TrustRoute};

impl Route {
    /// Whether the request only reads package data, so that an anonymous caller may be answered too.
    pub(crate) fn reads_packages(&self) -> bool {
        #[cfg(feature = "web")]
        if matches!(self, Self::Web(_)) {
            return true;
        }
        matches!(
            self,
            Self::Packument { .. }
                | Self::Manifest { .. }
                | Self::Tarball { .. }
                | Self::DistTags { .. }
                | Self::Owners { .. }
                | Self::Policy(PolicyRoute::Explain { .. } | PolicyRoute::Check)
                | Self::Sbom { .. }
                | Self::Search
                | Self::Audit(_)
                | Self::Downloads(_)
        )
    }

    /// Returns the package that the path names, and the minimum action that the access rules must permit; `None` if the
    /// path names no package. The request may need more, depending on its body or on ownership.
    pub fn package(&self) -> Option<(&PackageName, Action)> {
        match self {
            Self::Packument { name }
            | Self::Manifest { name, .. }
            | Self::Tarball { name, .. }
            | Self::DistTags { name }
            | Self::Owners { name }
            | Self::Sbom { name, .. }
            | Self::Star { name: Some(name) }
            | Self::Unstar { name: Some(name) }
            | Self::Policy(PolicyRoute::Explain { name, .. })
            | Self::Audit(AuditRoute::Attestations { name, .. })
            | Self::Access(
                AccessRoute::Collaborators(name) | AccessRoute::Visibility(name) | AccessRoute::Access(name),
            )
            | Self::Trust(TrustRoute::List { name }) => Some((name, Action::Read)),
            Self::PutPackument { name }
            | Self::PutPackumentRevision { name, .. }
            | Self::DeletePackument { name, .. }
            | Self::DeleteTarball { name, .. }
            | Self::SetDistTag { name, .. }
            | Self::RemoveDistTag { name, .. }
            | Self::AddOwner { name }
            | Self::RemoveOwner { name, .. }
            | Self::Access(AccessRoute::SetAccess(name))
            | Self::Policy(
                PolicyRoute::Unblock { name }
                | PolicyRoute::UndoRecall { name }
                | PolicyRoute::RecallReport { name },
            )
            | Self::Stage(StageRoute::Submit { name })
            | Self::Trust(TrustRoute::Create { name } | TrustRoute::Revoke { name, .. }) => {
                Some((name, Action::Publish))
            }
            Self::Downloads(route) => route.package().map(|name| (name, Action::Read)),
            #[cfg(feature = "web")]
            Self::Web(WebRoute::Package { name, .. }) => Some((name, Action::Read)),
            // Includes a build that exchanges its identity for a token: it is not authenticated yet.
            _ => None,
        }
    }
}
