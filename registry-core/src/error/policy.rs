use crate::domain::{PackageName, VersionRefusal};
use crate::vocabulary::BoxError;

/// Why a policy refuses versions, or is not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A policy refuses the version.
    #[error("{name}@{version} {}", refusal.explanation())]
    Refused {
        /// The package.
        name: PackageName,
        /// The version.
        version: String,
        /// Why.
        refusal: Box<VersionRefusal>,
    },
    /// Policies refuse every version of the package.
    #[error("this registry refuses every version of {name}. {name}@{version} {}", refusal.explanation())]
    NothingAllowed {
        /// The package.
        name: PackageName,
        /// Its highest version.
        version: String,
        /// Why that version is refused.
        refusal: Box<VersionRefusal>,
    },
    /// The list of blocked versions cannot be read, and any version may be in it.
    #[error(
        "the registry cannot read its list of blocked versions, so it serves no package: try again in a moment, or ask the \
         registry's operator to look at the log"
    )]
    ListUnreadable {
        /// Why.
        source: BoxError,
    },
    /// A file of versions cannot be used, and any version of the package may be in it.
    #[error(
        "the registry cannot read a list of versions that its policy needs for this package, so it serves none of it: try again in a \
         moment, or ask the registry's operator to look at the log"
    )]
    FileUnreadable,
    /// The name of a new package looks like that of another.
    #[error(
        "this registry refuses {name}, which looks like {like}: if you mean {like}, correct the name. Otherwise ask the registry's \
         operator to add {name} to `allow` in [similar_names]"
    )]
    SimilarName {
        /// The name.
        name: PackageName,
        /// The name that it looks like.
        like: PackageName,
    },
    /// A rule or an audit asks for advisories, and there are none.
    #[error(
        "this registry has no advisories, and a rule or an audit needs them: ask its operator to run `registry-server \
         advisories update`"
    )]
    AdvisoriesMissing,
    /// The advisories cannot be read, or are not signed.
    #[error(
        "the registry cannot read its advisories: try again in a moment, or ask its operator to run `registry-server \
         advisories status`"
    )]
    AdvisoriesUnreadable {
        /// Why.
        source: BoxError,
    },
    /// The advisory to remove is none that an administrator added.
    #[error("{id} is none of the advisories that were added here: see `registry-server advisories list`")]
    NoSuchAdvisory {
        /// The id.
        id: String,
    },
    /// The registry has no list of blocked versions.
    #[error(
        "this registry has no list of blocked versions: ask its operator to set `enabled = true` in [block_list]"
    )]
    ListOff,
    /// The entry to remove is not in the list.
    #[error("{selector} is not in the list of blocked versions: name an entry as the list spells it")]
    NotBlocked {
        /// The package and the range.
        selector: String,
    },
    /// The version whose recall is to be undone is not recalled.
    #[error("{selector} is not recalled: `registry-server recall list` shows what is")]
    NotRecalled {
        /// The package and the version.
        selector: String,
    },
    /// The caller does not administer the package.
    #[error(
        "only administrators of {name} block its versions: ask one, or for `administer` in an access rule"
    )]
    NotAnAdministrator {
        /// The package.
        name: PackageName,
    },
}
