use crate::Error;
use crate::domain::PackageName;

/// Why versions could not be removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RetainError {
    /// The counts of downloads cannot be read, so nothing is known of these packages.
    #[error("cannot tell what was downloaded, so {packages} packages keep every version")]
    Downloads {
        /// How many packages keep their versions for that.
        packages: usize,
        /// Why.
        #[source]
        source: Error,
    },
    /// A package cannot be read or changed.
    #[error("cannot read or change the package {package}")]
    Package {
        /// The package.
        package: PackageName,
        /// Why.
        #[source]
        source: Error,
    },
}
