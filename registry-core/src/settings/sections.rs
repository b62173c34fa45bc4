use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use crate::limits::Limits;
use crate::proxy::UpstreamFreshness;

use super::StorageUrl;

/// `[storage]`
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageSettings {
    /// The URL of the store.
    pub url: StorageUrl,
    /// Settings of a bucket that take precedence over the environment, such as `aws_region`.
    pub options: BTreeMap<String, String>,
    /// Tarballs larger than this are redirected to a signed URL of the bucket; `None` redirects none.
    pub redirect_above_mib: Option<u32>,
    /// Whether to reject a store without a registry, instead of creating one there.
    pub must_exist: bool,
}

/// Omits the values of the options: some are secrets.
impl std::fmt::Debug for StorageSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let options: Vec<_> = self.options.keys().collect();
        formatter
            .debug_struct("StorageSettings")
            .field("url", &self.url)
            .field("options", &options)
            .field("redirect_above_mib", &self.redirect_above_mib)
            .field("must_exist", &self.must_exist)
            .finish()
    }
}

/// `[accounts]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSettings {
    /// Whether every caller may create an account, as `npm adduser` does.
    pub sign_up: bool,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self { sign_up: true }
    }
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// MiB of the body of a publish request.
    pub publish_body_mib: NonZeroU32,
    /// MiB of the body of any other request.
    pub other_body_mib: NonZeroU32,
    /// MiB of a published tarball when unpacked.
    pub unpacked_mib: NonZeroU32,
    /// Files and folders in a published tarball.
    pub tarball_entries: NonZeroU32,
    /// KiB of a `package.json`, and of a version's manifest.
    pub manifest_kib: NonZeroU32,
    /// KiB of a readme in a publish request.
    pub readme_kib: NonZeroU32,
    /// Owners of one package.
    pub owners: NonZeroU32,
    /// Bytes of a deprecation's message.
    pub deprecation_bytes: NonZeroU32,
    /// Dist-tags of one package.
    pub dist_tags: NonZeroU32,
    /// MiB of the stored data of one package besides its tarballs.
    pub packument_mib: NonZeroU32,
    /// Accounts that may be created from one address in an hour; 0 for no limit.
    pub sign_ups_per_hour: u32,
    /// Requests of one principal, or of one unauthenticated address, in a minute; 0 for no limit.
    pub requests_per_minute: u32,
    /// MiB of a tarball of an upstream.
    pub upstream_tarball_mib: NonZeroU32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            publish_body_mib: at_least_one(100),
            other_body_mib: at_least_one(10),
            unpacked_mib: at_least_one(1024),
            tarball_entries: at_least_one(100_000),
            manifest_kib: at_least_one(2048),
            readme_kib: at_least_one(1024),
            owners: at_least_one(1000),
            deprecation_bytes: at_least_one(16_384),
            dist_tags: at_least_one(10_000),
            packument_mib: at_least_one(128),
            sign_ups_per_hour: 100,
            requests_per_minute: 0,
            upstream_tarball_mib: at_least_one(1024),
        }
    }
}

impl LimitSettings {
    /// Converts the section to the library's settings.
    pub fn to_limits(&self) -> Limits {
        let bytes = |mib: NonZeroU32| u64::from(mib.get()) << 20;
        let size = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        let count = |number: NonZeroU32| size(number.get().into());
        let kib = |kib: NonZeroU32| size(u64::from(kib.get()) << 10);
        Limits {
            publish_body_bytes: size(bytes(self.publish_body_mib)),
            other_body_bytes: size(bytes(self.other_body_mib)),
            unpacked_bytes: bytes(self.unpacked_mib),
            upstream_tarball_bytes: bytes(self.upstream_tarball_mib),
            tarball_entries: count(self.tarball_entries),
            manifest_bytes: kib(self.manifest_kib),
            readme_bytes: kib(self.readme_kib),
            owners: count(self.owners),
            deprecation_bytes: count(self.deprecation_bytes),
            dist_tags: count(self.dist_tags),
            packument_bytes: size(bytes(self.packument_mib)),
            sign_ups_per_hour: NonZeroU32::new(self.sign_ups_per_hour),
            requests_per_minute: NonZeroU32::new(self.requests_per_minute),
        }
    }
}

/// `[cache]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSettings {
    /// MiB of rendered packuments cached in memory.
    pub representations_mib: u32,
    /// MiB of upstream packages cached in the store; 0 for no limit.
    pub upstream_mib: u32,
    /// How long a verified token is cached.
    pub token_seconds: u32,
    /// How long a packument of an upstream is served without revalidation.
    pub upstream_seconds: u32,
    /// How long the absence of a hosted package is cached.
    pub hosted_check_seconds: u32,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            representations_mib: 256,
            upstream_mib: 10 << 10,
            token_seconds: 5,
            upstream_seconds: 300,
            hosted_check_seconds: 5,
        }
    }
}

impl CacheSettings {
    /// Bytes of rendered packuments cached in memory.
    pub(crate) fn representation_bytes(&self) -> u64 {
        u64::from(self.representations_mib) << 20
    }

    /// Bytes of upstream packages cached in the store.
    pub(crate) fn upstream_bytes(&self) -> Option<u64> {
        (self.upstream_mib > 0).then(|| u64::from(self.upstream_mib) << 20)
    }

    /// How long answers of upstreams are cached.
    pub fn upstream_freshness(&self) -> UpstreamFreshness {
        let packument = Duration::from_secs(self.upstream_seconds.into());
        let hosted_check = Duration::from_secs(self.hosted_check_seconds.into());
        let default = UpstreamFreshness::default();
        UpstreamFreshness { packument, while_revalidating: packument, hosted_check, ..default }
    }

    /// How long a verified token is cached.
    pub(crate) fn token_lifetime(&self) -> Duration {
        Duration::from_secs(self.token_seconds.into())
    }
}
