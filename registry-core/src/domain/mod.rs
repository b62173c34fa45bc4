//! npm's model: names, versions, tags, digests and documents. No I/O, no clock, nothing async.

mod dist_tag;
mod download_period;
pub(crate) mod integrity;
pub mod lockfile;
pub(crate) mod one_time_password;
mod organization;
mod outbox;
mod package_name;
pub mod packument;
pub mod provenance;
pub mod publication;
pub(crate) mod range;
mod refusal;
pub mod retention;
pub mod search;
pub(crate) mod shorten;
mod stage_id;
pub(crate) mod strict_json;
pub mod tarball;
pub mod trust;
mod version;
mod version_signature;

pub use dist_tag::{DistTag, DistTagError};
pub use download_period::{DownloadPeriod, DownloadPeriodError};
pub(crate) use integrity::TarballDigests;
pub use integrity::{Integrity, IntegrityError};
pub use organization::{GroupName, GroupNameError, OrganizationRole};
pub use outbox::OutboxEntry;
pub use package_name::{NewNameError, PackageName, PackageNameError};
pub use refusal::VersionRefusal;
pub use stage_id::{StageId, StageIdError};
pub use strict_json::StrictJsonError;
pub use tarball::{ManifestDisagreement, TarballContents, TarballError};
pub use version::{Version, VersionError};
pub use version_signature::VersionSignature;
