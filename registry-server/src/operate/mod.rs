//! Long commands of operators on a whole storage, and how they show what they do.

pub(crate) mod advisories;
mod bulk;
pub(crate) mod bundle;
pub(crate) mod copy;
mod doctor;
pub(crate) mod domain;
pub(crate) mod encrypt;
mod exit;
pub(crate) mod import;
pub(crate) mod index;
mod keys;
pub(crate) mod policy;
pub(crate) mod progress;
pub(crate) mod recall;
pub(crate) mod remove_storage;
mod retain;
pub(crate) mod sbom;
pub(crate) mod session;
mod stats;
mod sweep;
mod verify;

pub(crate) use doctor::examine;
pub use exit::{Findings, NotChecked};
pub(crate) use keys::keys;
pub(crate) use retain::retain;
pub(crate) use stats::stats;
pub(crate) use sweep::sweep;
pub(crate) use verify::verify;
