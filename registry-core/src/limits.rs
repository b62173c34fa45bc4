//! Limits on requests of clients and answers of upstreams.

use std::num::NonZeroU32;

/// Limits on the size and rate of requests, and on answers of upstreams. The defaults fit real packages with room to
/// spare. Each process counts rates on its own.
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
    /// Bytes of the `package.json` inside a tarball, and of a version's manifest in a publish document, without the
    /// readme that clients add. Default 2 MiB.
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
    /// Accounts that may be created from one address in an hour; `None` for no limit. Default 100. Addresses are
    /// counted only if the frontend sets [`ClientAddress`](crate::http::ClientAddress).
    pub sign_ups_per_hour: Option<NonZeroU32>,
    /// Requests of one principal, or of one address for anonymous callers, in a minute; `None` for no limit, which is
    /// the default: an install is hundreds of requests.
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

/// A part of a package exceeds [`Limits`]. Nothing was changed.
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
    /// The whole packument.
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

/// The lifetimes of tokens that users create with `npm token create`. By default tokens expire, unless the operator
/// decides otherwise: a leaked token stops working, and a build that fails reports why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLifetimes {
    /// The default lifetime in days; `None` for the maximum. Default 90.
    pub default_days: Option<u32>,
    /// The maximum lifetime in days; `None` for no limit. Default 365.
    pub most_days: Option<u32>,
}

impl Default for TokenLifetimes {
    fn default() -> Self {
        Self { default_days: Some(90), most_days: Some(365) }
    }
}
