use crate::advisories::{Advisory, AdvisorySeverity};

/// When the registry recalls versions by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecallSettings {
    /// What happens to versions that an upstream listed, and does not any more. Default [`WithdrawnVersions::Unlist`].
    pub withdrawn: WithdrawnVersions,
    /// Which new advisories recall the versions that they name. Default [`RecallingAdvisories::None`].
    pub advisories: RecallingAdvisories,
}

impl RecallSettings {
    /// Sets which new advisories recall the versions that they name.
    #[must_use]
    pub fn advisories(self, advisories: RecallingAdvisories) -> Self {
        Self { advisories, ..self }
    }

    /// Sets what happens to versions that an upstream listed, and does not any more.
    #[must_use]
    pub fn withdrawn(self, withdrawn: WithdrawnVersions) -> Self {
        Self { withdrawn, ..self }
    }
}

/// Which advisories recall the versions that they name, when they are loaded and were not known before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecallingAdvisories {
    /// None. Rules of policies may refuse these versions all the same.
    #[default]
    None,
    /// Those about malware.
    Malware,
    /// Those of this severity and above, and those about malware.
    From(AdvisorySeverity),
}

impl RecallingAdvisories {
    pub(crate) fn include(self, advisory: &Advisory) -> bool {
        match self {
            Self::None => false,
            Self::Malware => advisory.malware,
            Self::From(severity) => advisory.malware || advisory.severity >= severity,
        }
    }
}

/// What happens to a version that an upstream listed, and does not any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WithdrawnVersions {
    /// It is not served for as long as the upstream does not list it. It comes back if the upstream lists it again.
    #[default]
    Unlist,
    /// It is recalled: it is not served until an administrator undoes the recall, whatever the upstream lists.
    Recall,
}
