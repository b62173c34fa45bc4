use crate::domain::PackageName;

/// Why a build is not let in, or a trusted publisher not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The token of a build is invalid, or not for this registry.
    #[error("this token cannot be exchanged: {reason}")]
    IdToken {
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The token of a build is valid, but the build may not publish the package.
    #[error(
        "this build may not publish {name}: ask one of its owners to trust it with `npm trust`. Repository, \
         workflow file and environment must be those of this build ({build}). If the repository was renamed \
         or recreated, run `npm trust revoke`, then `npm trust`"
    )]
    NotTrusted {
        /// The package, which need not exist.
        name: PackageName,
        /// How the issuer describes the build.
        build: String,
    },
    /// A package trusts one build at a time.
    #[error(
        "{name} already has a trusted publisher: `npm trust list {name}` shows it, and `npm trust revoke \
         {name} --id …` removes it"
    )]
    Exists {
        /// The package.
        name: PackageName,
    },
    /// The package has no such trust.
    #[error("{name} has no trusted publisher with this id: `npm trust list {name}` shows what it has")]
    NotFound {
        /// The package.
        name: PackageName,
    },
}
