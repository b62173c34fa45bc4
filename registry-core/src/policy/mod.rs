//! Which versions may be used: a policy refuses versions of hosted packages and of upstreams, and the registry then neither
//! lists nor serves them.
//!
//! A version is served if every policy allows it. The rules of the settings are one policy ([`PolicyRules`]), the list that
//! administrators change at run time another. An embedder adds its own with
//! [`RegistryBuilder::version_policy`](crate::RegistryBuilder::version_policy).
//!
//! ```
//! use chrono::{DateTime, Utc};
//! use registry_core::domain::{PackageName, VersionRefusal};
//! use registry_core::policy::{PolicyConcern, PolicyDecision, VersionFacts, VersionOrigin, VersionPolicy};
//!
//! /// Refuses versions of upstreams without signatures.
//! #[derive(Debug)]
//! struct Signed;
//!
//! impl VersionPolicy for Signed {
//!     fn concern(&self, _: &PackageName, origin: VersionOrigin<'_>) -> Option<PolicyConcern> {
//!         (origin != VersionOrigin::Hosted).then(|| PolicyConcern::new(0))
//!     }
//!
//!     fn decide(&self, facts: &VersionFacts<'_>, _: DateTime<Utc>) -> PolicyDecision {
//!         if facts.has_signatures {
//!             PolicyDecision::allow()
//!         } else {
//!             PolicyDecision::refuse(VersionRefusal::new("signed", "has no signature"))
//!         }
//!     }
//! }
//!
//! let pear = PackageName::parse("pear").unwrap();
//! let facts = VersionFacts::new(&pear, "1.0.0", VersionOrigin::Upstream("npm"));
//! let refusal = Signed.decide(&facts, Utc::now()).into_refusal().unwrap();
//! assert_eq!(refusal.rule, "signed");
//! ```

mod block_list;
mod decision;
mod explain;
mod facts;
mod package_policy;
mod policies;
mod recall;
mod rules;
mod similar_names;

use std::fmt::Debug;

use chrono::{DateTime, Utc};

pub use crate::advisories::{AdvisorySeverity, AffectingAdvisory, KnownAdvisories, VersionAdvisories};
pub(crate) use block_list::{BlockChange, BlockRecord, checked_range};
pub use block_list::{BlockListSettings, BlockRequest, BlockedVersions, RecallRequest, UnreadableBlockList};
pub use decision::{PolicyConcern, PolicyDecision};
pub use explain::ExplainedVersion;
pub use facts::{EarlierTrust, VersionFacts, VersionOrigin};
pub(crate) use package_policy::{ListedVersion, PackagePolicy};
pub(crate) use policies::Policies;
pub use recall::{RecallSettings, RecallingAdvisories, WithdrawnVersions};
pub use rules::{
    InstallScripts, PolicyRuleError, PolicyRules, PolicyTable, ProvenanceRule, TrustRule, UnknownTime,
    UnreadableFile,
};

use crate::domain::{PackageName, PackageNameError};
use crate::vocabulary::split_selector;

pub(crate) use similar_names::{FoundName, KnownNames, SimilarNames};
pub use similar_names::{SimilarNameSettings, SimilarNamesAction};

pub use crate::domain::{VersionRefusal, VersionTrust};
pub use crate::vocabulary::{RecallCause, VersionSelector, VersionSelectorError};

/// Splits `NAME@RANGE` or `NAME` into the package and the range, which is not checked.
///
/// ```
/// use registry_core::policy::package_and_versions;
/// let (name, versions) = package_and_versions("@acme/pear@>=1.0.0 <1.2.0").unwrap();
/// assert_eq!((name.as_str(), versions), ("@acme/pear", Some(">=1.0.0 <1.2.0")));
/// ```
pub fn package_and_versions(text: &str) -> Result<(PackageName, Option<&str>), PackageNameError> {
    let (name, versions) = split_selector(text);
    Ok((PackageName::parse(name)?, versions))
}

/// Decides which versions may be used.
///
/// Decisions are cached with the documents that are rendered by them, until a policy has another
/// [state](PolicyConcern::new) or a decision [ends](PolicyDecision::until).
pub trait VersionPolicy: Debug + Send + Sync + 'static {
    /// Returns how the policy concerns a package; `None` if it allows all its versions. Called at every read of the package,
    /// so it must be fast.
    fn concern(&self, package: &PackageName, origin: VersionOrigin<'_>) -> Option<PolicyConcern>;

    /// Decides on one version of a package that the policy concerns. Pure: the same facts, state and time must get the same
    /// decision. A fact that is needed and missing must not allow the version.
    fn decide(&self, facts: &VersionFacts<'_>, now: DateTime<Utc>) -> PolicyDecision;
}
