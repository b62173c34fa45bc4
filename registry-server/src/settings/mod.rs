//! What can be configured: every key of `registry.toml`, with its default.
//!
//! ```
//! use registry_server::settings::Settings;
//! let settings = Settings::from_toml("[accounts]\nsign_up = false").unwrap();
//! assert!(!settings.accounts.sign_up);
//! assert_eq!(settings.listen.to_string(), "127.0.0.1:4873");
//! let refusal = Settings::from_toml("\nlisen = \"127.0.0.1:80\"").unwrap_err().to_string();
//! assert!(refusal.contains("line 2") && refusal.contains("lisen"), "{refusal}");
//! ```

mod audit;
mod complaint;
mod exposure;
mod github;
mod groups;
mod load;
mod login;
mod loops;
mod npm_config;
mod openid;
mod organizations;
mod packages;
mod providers;
mod search;
mod server;
mod storage_url;
#[cfg(test)]
mod tests;
mod tokens;
mod trusted_publishing;
mod unused;
mod upstreams;
mod values;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

pub use audit::{AuditSettings, UnavailableAudit};
pub use exposure::ExposureError;
pub use github::{GithubTable, TwoSourcesOfNames};
pub use groups::UnknownGroup;
pub use login::LoginSettings;
pub use loops::LoopError;
pub use npm_config::npm_registry;
pub use openid::OpenIdTable;
pub use organizations::{OrganizationMakers, OrganizationSection};
pub use packages::PackageRules;
pub use providers::{HtpasswdSettings, ProviderName, ProvidersError};
pub use search::SearchSection;
pub use server::ServerSettings;
pub use storage_url::{StorageUrl, StorageUrlError};
pub use tokens::TokenSettings;
pub use trusted_publishing::{IssuerTable, IssuerUrl, TokenMinutes, TrustedPublishingSettings};
pub use unused::UnusedUpstream;
pub use upstreams::{MAIN_UPSTREAM, UpstreamSettings, UpstreamUrl, UpstreamUrlError, Upstreams};
pub use values::{HostName, LegacyPrefix, LogFilter, LogFormat, Network, PathPrefix, PublicUrl};

use registry_core::limits::Limits;
use registry_core::ops::UpstreamFreshness;

/// A `registry.toml` in which every key is commented, with its default and what it is for.
pub const TEMPLATE: &str = include_str!("../../registry.toml.template");

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The URL under which clients reach the registry; `None` takes it from each request.
    pub public_url: Option<PublicUrl>,
    /// A path under which the routes answer too.
    pub path_prefix: PathPrefix,
    /// Where packages are kept.
    pub storage: StorageSettings,
    /// Registries that this one stands in front of.
    pub upstreams: Upstreams,
    /// What audits are answered.
    pub audit: AuditSettings,
    /// Signing in with GitHub; `None` is off.
    pub github: Option<GithubTable>,
    /// Signing in with an issuer of OpenID Connect; `None` is off.
    pub openid: Option<OpenIdTable>,
    /// Who is asked who somebody is, in this order; `None` for all that are configured, in the order of
    /// [`ProviderName`].
    pub providers: Option<Vec<ProviderName>>,
    /// Accounts with name and password.
    pub accounts: AccountSettings,
    /// Names and password hashes in a file.
    pub htpasswd: HtpasswdSettings,
    /// How clients log in.
    pub login: LoginSettings,
    /// Tokens that people make for themselves.
    pub tokens: TokenSettings,
    /// Organisations and teams.
    pub organizations: OrganizationSection,
    /// Builds that publish without a stored token.
    pub trusted_publishing: TrustedPublishingSettings,
    /// Bounds on what clients send.
    pub limits: LimitSettings,
    /// What is kept in memory.
    pub cache: CacheSettings,
    /// How searches are answered.
    pub search: SearchSection,
    /// What is logged, and how.
    pub log: LogSettings,
    /// The page of numbers for Prometheus.
    pub metrics: MetricsSettings,
    /// Connections and how they end.
    pub server: ServerSettings,
    /// Who may do what with which packages.
    pub packages: PackageRules,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4873)),
            public_url: None,
            path_prefix: PathPrefix::default(),
            storage: StorageSettings::default(),
            upstreams: Upstreams::new(),
            audit: AuditSettings::default(),
            github: None,
            openid: None,
            providers: None,
            accounts: AccountSettings::default(),
            htpasswd: HtpasswdSettings::default(),
            login: LoginSettings::default(),
            tokens: TokenSettings::default(),
            organizations: OrganizationSection::default(),
            trusted_publishing: TrustedPublishingSettings::default(),
            limits: LimitSettings::default(),
            cache: CacheSettings::default(),
            search: SearchSection::default(),
            log: LogSettings::default(),
            metrics: MetricsSettings::default(),
            server: ServerSettings::default(),
            packages: PackageRules::default(),
        }
    }
}

/// `[storage]`
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageSettings {
    /// Which store, and where.
    pub url: StorageUrl,
    /// Settings of a bucket that win over the environment, such as `aws_region`.
    pub options: BTreeMap<String, String>,
    /// Tarballs of more MiB than this are redirected to a URL that the bucket signs; `None` redirects none.
    pub redirect_above_mib: Option<u32>,
    /// Whether a store that holds no registry is refused, instead of beginning one there.
    pub must_exist: bool,
}

/// Without what the options hold: some are secrets.
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
    /// Whether anybody may make an account, as `npm adduser` does.
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
    /// MiB of all that is stored of one package besides its tarballs.
    pub packument_mib: NonZeroU32,
    /// Accounts that may be made from one address in an hour; 0 for any number.
    pub sign_ups_per_hour: u32,
    /// Requests of one principal, or of one address where nobody is signed in, in a minute; 0 for any number.
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
    /// The same as the library takes it.
    pub fn to_limits(&self) -> Limits {
        let bytes = |mib: NonZeroU32| u64::from(mib.get()) << 20;
        let size = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut limits = Limits::default();
        limits.publish_body_bytes = size(bytes(self.publish_body_mib));
        limits.other_body_bytes = size(bytes(self.other_body_mib));
        limits.unpacked_bytes = bytes(self.unpacked_mib);
        limits.upstream_tarball_bytes = bytes(self.upstream_tarball_mib);
        let count = |number: NonZeroU32| size(number.get().into());
        let kib = |kib: NonZeroU32| size(u64::from(kib.get()) << 10);
        limits.tarball_entries = count(self.tarball_entries);
        limits.manifest_bytes = kib(self.manifest_kib);
        limits.readme_bytes = kib(self.readme_kib);
        limits.owners = count(self.owners);
        limits.deprecation_bytes = count(self.deprecation_bytes);
        limits.dist_tags = count(self.dist_tags);
        limits.packument_bytes = size(bytes(self.packument_mib));
        limits.sign_ups_per_hour = NonZeroU32::new(self.sign_ups_per_hour);
        limits.requests_per_minute = NonZeroU32::new(self.requests_per_minute);
        limits
    }
}

/// `[cache]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSettings {
    /// MiB of rendered packuments kept in memory.
    pub representations_mib: u32,
    /// MiB of packages of upstreams kept in the store; 0 is no limit.
    pub upstream_mib: u32,
    /// For how long a token once found good is believed.
    pub token_seconds: u32,
    /// For how long a packument of an upstream is served without asking again.
    pub upstream_seconds: u32,
    /// For how long a proof is believed that a name is not hosted here.
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
    /// Bytes of rendered packuments kept in memory.
    pub fn representation_bytes(&self) -> u64 {
        u64::from(self.representations_mib) << 20
    }

    /// Bytes of packages of upstreams kept in the store.
    pub fn upstream_bytes(&self) -> Option<u64> {
        (self.upstream_mib > 0).then(|| u64::from(self.upstream_mib) << 20)
    }

    /// For how long what upstreams say is believed.
    pub fn upstream_freshness(&self) -> UpstreamFreshness {
        let packument = Duration::from_secs(self.upstream_seconds.into());
        let hosted_check = Duration::from_secs(self.hosted_check_seconds.into());
        let default = UpstreamFreshness::default();
        UpstreamFreshness { packument, while_revalidating: packument, hosted_check, ..default }
    }

    /// For how long a token once found good is believed.
    pub fn token_lifetime(&self) -> Duration {
        Duration::from_secs(self.token_seconds.into())
    }
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Lines to read or lines to parse.
    pub format: LogFormat,
    /// Which lines.
    pub filter: LogFilter,
    /// Whether the storage keeps a log of every write, login and denial.
    pub audit: bool,
    /// For how many days it keeps them; 0 for ever.
    pub audit_days: u32,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::default(), filter: LogFilter::default(), audit: true, audit_days: 365 }
    }
}

/// `[metrics]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSettings {
    /// Whether `/-/metrics` answers other machines than this one.
    pub public: bool,
}
