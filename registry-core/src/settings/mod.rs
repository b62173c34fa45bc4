//! `registry.toml` and the environment, and the registry that they describe, for every frontend (feature `settings`).
//!
//! A file may contain sections of the frontend besides those of the registry, see [`FrontendSections`].
//!
//! ```
//! use registry_core::settings::Settings;
//! let settings = Settings::from_toml("[accounts]\nsign_up = false").unwrap();
//! assert!(!settings.accounts.sign_up);
//! let refusal = Settings::from_toml("\n[acounts]").unwrap_err().to_string();
//! assert!(refusal.contains("line 2") && refusal.contains("acounts"), "{refusal}");
//! ```

mod advisories;
mod audit;
mod changes;
mod check;
mod complaint;
mod downloads;
mod environment;
mod error;
mod github;
mod groups;
mod load;
mod log;
mod login;
mod loops;
mod mistakes;
mod open;
mod openid;
mod organizations;
mod overrides;
mod packages;
mod paths;
mod policy;
mod provenance;
mod providers;
mod retention;
mod search;
mod sections;
mod signing;
mod similar_names;
mod storage_url;
#[cfg(test)]
mod tests;
mod tokens;
mod trusted_publishing;
mod unused;
mod upstreams;
mod values;
mod warnings;
mod web;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use advisories::{AdvisoriesGone, AdvisorySection, YoungFixes};
pub use audit::{AdvisorySource, AuditSettings, UnavailableAudit};
pub use changes::{
    ChangesSection, CodeboxLogTable, HooksTable, SinkUrl, SinkUrlError, SnsTable, WebhookTable,
};
pub use downloads::DownloadsSection;
pub use environment::{FrontendVariables, UnknownVariable};
pub use error::SettingsError;
pub use github::{GithubTable, TwoSourcesOfNames};
pub use load::{FrontendSections, describe_config};
pub use log::{LogFilter, LogFormat, LogSettings, SpanLayer, log_and_trace_to, log_to};
pub use login::LoginSettings;
pub use loops::LoopError;
#[cfg(feature = "aws")]
pub use open::storage_versions;
pub use open::{
    Trial, accounts_builder, add_providers, check_named, install_tls_provider, open_existing_store,
    open_registry, open_store, open_trusted_publishing, registry_builder, storage_encryption,
};
pub use openid::OpenIdTable;
pub use organizations::{OrganizationMakers, OrganizationSection};
pub use overrides::{GithubOverrides, Overrides};
pub use packages::PackageRules;
pub use policy::{
    BlockListSection, PolicyTables, RecallSection, RecallingSeverity, UnreadableList, Withdrawn,
};
pub use provenance::{ProvenanceSection, RequireTable};
pub use providers::{HtpasswdSettings, ProviderName, ProvidersError};
pub use retention::{RetentionTable, RetentionTables, UnusableRetention};
pub use search::SearchSection;
pub use sections::{AccountSettings, CacheSettings, LimitSettings, StorageSettings};
pub use signing::SigningSection;
pub use similar_names::{SimilarNamesCheck, SimilarNamesSection};
pub use storage_url::{StorageUrl, StorageUrlError};
pub use tokens::TokenSettings;
pub use trusted_publishing::{IssuerTable, IssuerUrl, TokenMinutes, TrustedPublishingSettings};
pub use unused::UnusedUpstream;
pub use upstreams::{MAIN_UPSTREAM, UpstreamSettings, UpstreamUrl, UpstreamUrlError, Upstreams};
pub use values::{LegacyPrefix, PathPrefix, PublicUrl};
pub use web::{FooterTable, WebSection};

/// The settings of a registry.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The URL at which clients reach the registry; `None` derives it from each request.
    pub public_url: Option<PublicUrl>,
    /// A path below which the routes answer too.
    pub path_prefix: PathPrefix,
    /// The store of the registry.
    pub storage: StorageSettings,
    /// Registries that this one proxies.
    pub upstreams: Upstreams,
    /// The answers to audits.
    pub audit: AuditSettings,
    /// Security advisories in the storage.
    pub advisories: AdvisorySection,
    /// Signing in with GitHub; `None` if off.
    pub github: Option<GithubTable>,
    /// Signing in with an OpenID Connect issuer; `None` if off.
    pub openid: Option<OpenIdTable>,
    /// The providers in the order in which they are asked; `None` for all configured ones, in the order of
    /// [`ProviderName`].
    pub providers: Option<Vec<ProviderName>>,
    /// Local accounts with name and password.
    pub accounts: AccountSettings,
    /// Names and password hashes in a file.
    pub htpasswd: HtpasswdSettings,
    /// How clients log in.
    pub login: LoginSettings,
    /// Tokens that users create.
    pub tokens: TokenSettings,
    /// Organizations and teams.
    pub organizations: OrganizationSection,
    /// Trusted publishing: builds that publish without a stored token.
    pub trusted_publishing: TrustedPublishingSettings,
    /// Limits on requests of clients.
    pub limits: LimitSettings,
    /// The caches.
    pub cache: CacheSettings,
    /// The settings of searches.
    pub search: SearchSection,
    /// The counts of downloads.
    pub downloads: DownloadsSection,
    /// The change feed.
    pub changes: ChangesSection,
    /// Where changes are posted to.
    pub webhooks: BTreeMap<String, WebhookTable>,
    /// The topics of Amazon SNS that changes are published to.
    pub sns: BTreeMap<String, SnsTable>,
    /// The hooks of accounts; `None` if there are none.
    pub hooks: Option<HooksTable>,
    /// The log of a deployment of codebox-npm; `None` if there is none.
    pub codebox_log: Option<CodeboxLogTable>,
    /// Logs.
    pub log: LogSettings,
    /// What packages keep when old versions are removed.
    pub retain: RetentionTables,
    /// Signatures of versions.
    pub signing: SigningSection,
    /// The provenance of versions that are published here.
    pub provenance: ProvenanceSection,
    /// The access rules.
    pub packages: PackageRules,
    /// Which versions may be used.
    pub policy: PolicyTables,
    /// The list of versions that administrators block.
    pub block_list: BlockListSection,
    /// When versions are recalled without a request.
    pub recall: RecallSection,
    /// Names that look like others.
    pub similar_names: SimilarNamesSection,
    /// The web pages.
    pub web: WebSection,
    /// Paths of other registries, which lockfiles contain, below which packages are served too. They are configured in
    /// a section of the frontend, which sets them here.
    #[serde(skip)]
    pub legacy_prefixes: Vec<LegacyPrefix>,
}
