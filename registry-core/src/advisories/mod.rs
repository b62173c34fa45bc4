//! Security advisories for packages: a local copy of a database in the store, which every replica follows, and advisories of
//! administrators for packages of their own.
//!
//! An operator reads a database in OSV's format into an [`AdvisoryDump`] and gives it to
//! [`Registry::update_advisories`](crate::Registry::update_advisories). It is stored as one compressed object, named by its digest.
//! A small record names it, and is signed with a key of the registry: nothing that is not signed is used. Policies, audits and
//! bills of materials ask the advisories, and no network.
//!
//! ```
//! use registry_core::advisories::{AdvisoryDump, AdvisorySeverity};
//! let mut dump = AdvisoryDump::new();
//! let foreign = br#"{ "id": "A-1", "affected": [{ "package": { "ecosystem": "PyPI", "name": "pear" } }] }"#;
//! assert!(dump.add(foreign).unwrap_err().to_string().contains("give the advisories of the ecosystem npm"));
//! assert!(AdvisorySeverity::Low < AdvisorySeverity::Critical);
//! ```

mod advisory;
mod change;
mod collect;
#[cfg(feature = "upstream-http")]
mod download;
mod dump;
mod facts;
mod index;
mod interval;
mod keys;
mod listed;
mod news;
mod osv;
mod record;
mod settings;
mod severity;
mod store;
mod view;

pub(crate) use advisory::Advisory;
pub use change::{AdvisoryDatabase, AdvisoryStatus};
pub use collect::{AdvisoryCounts, AdvisoryDump};
#[cfg(feature = "upstream-http")]
pub use download::{DownloadError, download};
pub use facts::{AffectingAdvisory, KnownAdvisories, VersionAdvisories};
pub(crate) use index::AdvisoryIndex;
pub(crate) use keys::AdvisoryKeys;
pub use listed::ListedAdvisory;
pub(crate) use news::NewsOfPackage;
pub use osv::OsvError;
pub use settings::{AdvisorySettings, UnavailableAdvisories};
pub use severity::AdvisorySeverity;
pub(crate) use store::AdvisoryStore;
pub(crate) use view::{AdvisoryNeed, AdvisoryView};
