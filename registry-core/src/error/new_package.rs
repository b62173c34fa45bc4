use crate::domain::{NewNameError, PackageName};
use crate::vocabulary::BoxError;

/// Why no package begins under a name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewPackageError {
    /// It is unknown whether an upstream has the name.
    #[error(
        "the upstream registry {upstream} could not tell whether it has {name}, so nothing was published: \
         try again in a moment, or ask the registry's operator to look at the log"
    )]
    NameUnchecked {
        /// The package.
        name: PackageName,
        /// The upstream, as configured.
        upstream: String,
        /// The error of the upstream.
        #[source]
        source: BoxError,
    },
    /// The name belongs to a package of an upstream.
    #[error(
        "{name} exists in the registry {upstream} that this one stands in front of: publish under another name or scope"
    )]
    NameTakenUpstream {
        /// The package.
        name: PackageName,
        /// The upstream, as configured.
        upstream: String,
    },
    /// The access rules take packages of this name from upstreams.
    #[error(
        "packages named {name} are not published here: the registry's rules take them from {upstreams}; \
         publish under another name or scope"
    )]
    NotHostedHere {
        /// The package.
        name: PackageName,
        /// The upstreams, as configured.
        upstreams: String,
    },
    /// The name is not valid for a new package.
    #[error("no new package can be called {name}: the name {problem}; choose another name")]
    NameNotForNew {
        /// The new name.
        name: PackageName,
        /// What is wrong with it.
        problem: NewNameError,
    },
    /// The name differs from that of another package only in capitals.
    #[error(
        "the name {name} differs from the package {existing} only in capitals, and would be confused with \
         it: publish to {existing}, or choose another name"
    )]
    NameInOtherCapitals {
        /// The new name.
        name: PackageName,
        /// The package that is hosted here, or was the first to claim the name.
        existing: PackageName,
    },
    /// The name differs from that of a package of an upstream only in capitals.
    #[error(
        "the name {name} differs from {existing} in the upstream registry {upstream} only in capitals: publish under \
         another name or scope"
    )]
    NameInOtherCapitalsUpstream {
        /// The new name.
        name: PackageName,
        /// The package of the upstream.
        existing: PackageName,
        /// The upstream, as configured.
        upstream: String,
    },
}
