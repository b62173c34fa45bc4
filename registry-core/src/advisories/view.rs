use std::hash::{Hash as _, Hasher};
use std::sync::Arc;

use crate::domain::{PackageName, Version};

use super::facts::{KnownAdvisories, VersionAdvisories};
use super::index::AdvisoryIndex;

/// Why a policy asks for advisories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AdvisoryNeed {
    /// To let fixes pass sooner. Without advisories, nothing passes sooner.
    Fixes,
    /// To refuse what they name.
    Refusal,
}

/// The advisories that policies decide by, at one moment. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) enum AdvisoryView {
    /// No policy asks for them, or there are none and none are needed.
    #[default]
    NotRead,
    /// They are missing, and the settings let versions pass.
    Unavailable,
    Known(Arc<AdvisoryIndex>, Arc<ViewSettings>),
}

#[derive(Debug)]
pub(crate) struct ViewSettings {
    pub(super) exempt_fixes: bool,
    pub(super) ignored: Vec<String>,
}

impl AdvisoryView {
    /// Leaves out the advisories of administrators.
    pub(crate) fn without_own(self) -> Self {
        match self {
            Self::Known(index, settings) => Self::Known(Arc::new(index.without_own()), settings),
            other => other,
        }
    }

    /// Adds what may change decisions about a package to a hash.
    pub(crate) fn hash(&self, package: &PackageName, hasher: &mut impl Hasher) {
        match self {
            Self::NotRead => 0_u8.hash(hasher),
            Self::Unavailable => 1_u8.hash(hasher),
            Self::Known(index, _) => (2_u8, index.state(package)).hash(hasher),
        }
    }

    /// Returns what is known of a version. `before` is the highest version of the package below it.
    pub(crate) fn of(
        &self,
        package: &PackageName,
        (version, number): (&str, Option<&Version>),
        before: Option<&Version>,
    ) -> KnownAdvisories {
        match self {
            Self::NotRead => KnownAdvisories::NotRead,
            Self::Unavailable => KnownAdvisories::Unavailable,
            Self::Known(index, settings) => {
                let known = index.package(package);
                let mut found = VersionAdvisories::of(&known, &settings.ignored, (version, number), before);
                if !settings.exempt_fixes {
                    found.fixes.clear();
                }
                KnownAdvisories::Known(found)
            }
        }
    }
}
