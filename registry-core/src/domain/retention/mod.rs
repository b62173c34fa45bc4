//! Which versions of a package stay when old ones are removed, and why.
//!
//! A version goes only if nothing keeps it. What is not known keeps it, too: a time of publishing that is missing, days on
//! which downloads were not counted, a key that is no version.
//!
//! ```
//! use registry_core::domain::retention::Keep;
//! let keep = Keep { releases: Some(10), ..Keep::default() };
//! assert_eq!((keep.prereleases, keep.published_days), (None, 7));
//! ```

mod channel;
mod judge;
mod reason;
mod usage;

pub use reason::KeepReason;
pub(crate) use usage::VersionUsage;

/// What a package keeps. A version stays if any of this says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// How many of the highest releases stay. `None` keeps every release.
    pub releases: Option<u32>,
    /// How many of the latest prereleases of each channel stay, by the time of publishing. The channel of `1.0.0-beta.3` is
    /// `beta`. `None` keeps every prerelease.
    pub prereleases: Option<u32>,
    /// For how many days after its publishing a version stays.
    pub published_days: u32,
    /// For how many days after its last download a version stays; `None` if downloads keep nothing.
    pub downloaded_days: Option<u32>,
}

impl Default for Keep {
    fn default() -> Self {
        Self { releases: None, prereleases: None, published_days: 7, downloaded_days: None }
    }
}

impl Keep {
    /// Whether any version can go.
    pub fn limits_something(&self) -> bool {
        self.releases.is_some() || self.prereleases.is_some()
    }
}

/// A version, and why it stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JudgedVersion {
    /// As the packument has it.
    pub(crate) version: String,
    /// Empty if it goes.
    pub(crate) kept_by: Vec<KeepReason>,
}

impl JudgedVersion {
    pub(crate) fn goes(&self) -> bool {
        self.kept_by.is_empty()
    }
}
