//! How much of anything the registry takes from a client, or from an upstream.

use std::num::NonZeroU32;

/// Bounds on what clients and upstreams send, and on how often clients do. Each has a default that fits real packages with
/// room to spare. How often something was sent, each process counts for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a publish request's body. A tarball takes 4/3 of its size there. Default 100 MiB.
    pub publish_body_bytes: usize,
    /// Bytes of every other request's body. Default 10 MiB: a deprecation sends back the whole packument.
    pub other_body_bytes: usize,
    /// Bytes of a published tarball when unpacked. Default 1 GiB.
    pub unpacked_bytes: u64,
    /// Files and folders in a published tarball. Default 100,000.
    pub tarball_entries: usize,
    /// Bytes of the `package.json` inside a tarball, and of a version's manifest in a publish document, without the readme that
    /// clients put into it. Default 2 MiB.
    pub manifest_bytes: usize,
    /// Bytes of a readme in a publish document. Default 1 MiB.
    pub readme_bytes: usize,
    /// Owners of one package. Default 1,000.
    pub owners: usize,
    /// Bytes of a deprecation's message. Default 16 KiB.
    pub deprecation_bytes: usize,
    /// Dist-tags of one package. Default 10,000.
    pub dist_tags: usize,
    /// Bytes of a stored packument, with all its versions. Default 128 MiB.
    pub packument_bytes: usize,
    /// Accounts that may be made from one address in an hour; `None` for any number. Default 100. Where a frontend tells
    /// no [`ClientAddress`](crate::http::ClientAddress), nothing is counted to addresses.
    pub sign_ups_per_hour: Option<NonZeroU32>,
    /// Requests of one principal, or of one address where nobody is signed in, in a minute; `None` for any number,
    /// which is the default: an install is hundreds of requests.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Bytes of a tarball of an upstream. Default 1 GiB.
    pub upstream_tarball_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            publish_body_bytes: 100 << 20,
            other_body_bytes: 10 << 20,
            unpacked_bytes: 1 << 30,
            tarball_entries: 100_000,
            manifest_bytes: 2 << 20,
            readme_bytes: 1 << 20,
            owners: 1000,
            deprecation_bytes: 16 << 10,
            dist_tags: 10_000,
            packument_bytes: 128 << 20,
            sign_ups_per_hour: NonZeroU32::new(100),
            requests_per_minute: None,
            upstream_tarball_bytes: 1 << 30,
        }
    }
}

/// A part of a package that is larger than [`Limits`] allow. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitExceeded {
    /// The manifest of a version.
    #[error("the manifest of this version is larger than {limit} bytes: make its package.json smaller")]
    Manifest {
        /// The most bytes.
        limit: usize,
    },
    /// The readme.
    #[error("the readme is larger than {limit} bytes: make it shorter, or link to the rest of it")]
    Readme {
        /// The most bytes.
        limit: usize,
    },
    /// The owners of a package.
    #[error("a package has {limit} owners at most: give a team access instead")]
    Owners {
        /// The most owners.
        limit: usize,
    },
    /// The message of a deprecation.
    #[error("the message of the deprecation is longer than {limit} bytes: make it shorter")]
    Deprecation {
        /// The most bytes.
        limit: usize,
    },
    /// The dist-tags of a package.
    #[error("a package has {limit} dist-tags at most: remove some with `npm dist-tag rm`")]
    DistTags {
        /// The most tags.
        limit: usize,
    },
    /// All that is stored of a package.
    #[error(
        "the versions of this package take more than {limit} bytes together: unpublish some, or use another name"
    )]
    Packument {
        /// The most bytes.
        limit: usize,
    },
}

impl Limits {
    pub(crate) fn check_manifest(&self, bytes: usize) -> Result<(), LimitExceeded> {
        let limit = self.manifest_bytes;
        if bytes > limit { Err(LimitExceeded::Manifest { limit }) } else { Ok(()) }
    }

    pub(crate) fn check_readme(&self, bytes: usize) -> Result<(), LimitExceeded> {
        let limit = self.readme_bytes;
        if bytes > limit { Err(LimitExceeded::Readme { limit }) } else { Ok(()) }
    }

    pub(crate) fn check_owners(&self, owners: usize) -> Result<(), LimitExceeded> {
        let limit = self.owners;
        if owners > limit { Err(LimitExceeded::Owners { limit }) } else { Ok(()) }
    }

    pub(crate) fn check_deprecation(&self, message: &str) -> Result<(), LimitExceeded> {
        let limit = self.deprecation_bytes;
        if message.len() > limit { Err(LimitExceeded::Deprecation { limit }) } else { Ok(()) }
    }

    pub(crate) fn check_dist_tags(&self, tags: usize) -> Result<(), LimitExceeded> {
        let limit = self.dist_tags;
        if tags > limit { Err(LimitExceeded::DistTags { limit }) } else { Ok(()) }
    }

    pub(crate) fn check_packument(&self, bytes: usize) -> Result<(), LimitExceeded> {
        let limit = self.packument_bytes;
        if bytes > limit { Err(LimitExceeded::Packument { limit }) } else { Ok(()) }
    }
}

/// How long tokens last that people make for themselves with `npm token create`. A token that leaks is found in a year
/// rather than never, and a build that stops tells why: so they expire, unless a registry's operator decides otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLifetimes {
    /// In days, where nobody says; `None` for as long as the most. Default 90.
    pub default_days: Option<u32>,
    /// The most that one can ask for, in days; `None` for ever. Default 365.
    pub most_days: Option<u32>,
}

impl Default for TokenLifetimes {
    fn default() -> Self {
        Self { default_days: Some(90), most_days: Some(365) }
    }
}
