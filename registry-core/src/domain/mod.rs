//! What npm means: names, versions, tags, digests and documents. No I/O, no clock, nothing async.

mod dist_tag;
mod integrity;
mod package_name;
mod version;

pub use dist_tag::{DistTag, DistTagError};
pub use integrity::{Integrity, IntegrityError};
pub use package_name::{PackageName, PackageNameError};
pub use version::{Version, VersionError};
