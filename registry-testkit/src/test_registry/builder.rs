mod assemble;

use std::sync::Arc;
use std::time::Duration;

use registry_core::access::AccessRules;
use registry_core::accounts::{TrustedIssuer, TrustedPublishing};
use registry_core::auth::AuthProvider;
use registry_core::auth::openid::{Issuer, IssuerSettings};
use registry_core::changes::{ChangeFeedSettings, ChangeSink, DeliverySettings};
use registry_core::domain::trust::TrustKind;
use registry_core::downloads::DownloadSettings;
use registry_core::hooks::{HookKey, HookSettings};
use registry_core::limits::Limits;
use registry_core::organizations::OrganizationSettings;
use registry_core::policy::BlockListSettings;
use registry_core::provenance::ProvenanceSettings;
use registry_core::proxy::UpstreamFreshness;
use registry_core::randomness::Randomness;
use registry_core::signing::StoredKeySettings;
use registry_core::storage::{BlobStore, ObjectStoreBlobs};
use registry_core::upstream::Upstream;
use registry_core::web::WebSettings;
use registry_core::{Registry, RegistryBuilder};
use url::Url;

use super::TestRegistry;
use crate::clock::FixedClock;
use crate::faulty::{FaultPlan, Faulty};
use crate::randomness::SeededRandomness;

/// What the secrets of hooks are encrypted with.
const HOOK_KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// What is to be set of a [`TestRegistry`]. Everything has a default.
///
/// ```
/// use registry_testkit::TestRegistry;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let registry = TestRegistry::builder().path_prefix("/npm").start().await;
/// assert_eq!(registry.ana().get("/npm/-/whoami").await.json()["username"], "ana");
/// # });
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `start`"]
pub struct TestRegistryBuilder {
    access: AccessRules,
    limits: Limits,
    faults: FaultPlan,
    path_prefix: String,
    legacy_prefixes: Vec<String>,
    public_url: Option<Url>,
    providers: Vec<Arc<dyn AuthProvider>>,
    last_providers: Vec<Arc<dyn AuthProvider>>,
    accounts: bool,
    web_login: bool,
    randomness: Arc<SeededRandomness>,
    upstreams: Vec<(String, Arc<dyn Upstream>)>,
    upstream_freshness: UpstreamFreshness,
    token_cache: Duration,
    organizations: OrganizationSettings,
    trusted_issuers: Vec<(String, TrustKind, IssuerSettings)>,
    trusted_publishing: TrustedPublishing,
    pull_requests: bool,
    change_feed: Option<ChangeFeedSettings>,
    change_sinks: Vec<(String, Arc<dyn ChangeSink>, DeliverySettings)>,
    hooks: Option<TestHooks>,
    downloads: TestDownloads,
    signing: Option<fn() -> StoredKeySettings>,
    provenance: ProvenanceSettings,
    web: WebSettings,
    block_list: Option<BlockListSettings>,
}

/// Settings of hooks, which cannot be cloned themselves.
#[derive(Debug, Clone, Copy)]
struct TestHooks {
    allow_private_addresses: bool,
    per_account: usize,
}

/// What happens to downloads.
#[derive(Debug, Clone, Copy, Default)]
struct TestDownloads {
    counts: Option<DownloadSettings>,
    are_events: bool,
}

impl Default for TestRegistryBuilder {
    fn default() -> Self {
        Self {
            access: AccessRules::open_to_all_publish_for_signed_in(),
            limits: Limits::default(),
            faults: FaultPlan::NONE,
            path_prefix: String::new(),
            legacy_prefixes: Vec::new(),
            public_url: None,
            providers: Vec::new(),
            last_providers: Vec::new(),
            accounts: true,
            web_login: true,
            randomness: Arc::new(SeededRandomness::new(1)),
            upstreams: Vec::new(),
            upstream_freshness: UpstreamFreshness::default(),
            token_cache: Duration::ZERO,
            organizations: OrganizationSettings::default(),
            trusted_issuers: Vec::new(),
            trusted_publishing: TrustedPublishing::default(),
            pull_requests: false,
            change_feed: None,
            change_sinks: Vec::new(),
            hooks: None,
            downloads: TestDownloads::default(),
            signing: None,
            provenance: ProvenanceSettings::default(),
            web: WebSettings::default(),
            block_list: None,
        }
    }
}

impl TestRegistryBuilder {
    /// With these rules of access.
    pub fn access(self, access: AccessRules) -> Self {
        Self { access, ..self }
    }

    /// Believing tokens for so long, by the machine's clock. Otherwise the store is asked each time.
    pub fn token_cache(self, token_cache: Duration) -> Self {
        Self { token_cache, ..self }
    }

    /// With these settings of organizations.
    pub fn organizations(self, organizations: OrganizationSettings) -> Self {
        Self { organizations, ..self }
    }

    /// Believing this issuer about builds, under this name.
    pub fn trusted_issuer(mut self, name: &str, kind: TrustKind, issuer: IssuerSettings) -> Self {
        self.trusted_issuers.push((name.to_owned(), kind, issuer));
        self
    }

    /// Letting builds of pull requests publish, of the issuers of [`Self::trusted_issuer`].
    pub fn pull_requests(self) -> Self {
        Self { pull_requests: true, ..self }
    }

    /// Trusting builds like this; issuers are added by [`Self::trusted_issuer`].
    pub fn trusted_publishing(self, trusted_publishing: TrustedPublishing) -> Self {
        Self { trusted_publishing, ..self }
    }

    /// With a change feed. It looks for what other processes left behind only when it is told to.
    pub fn change_feed(self) -> Self {
        let mut settings = ChangeFeedSettings::default();
        settings.recover_every = Duration::from_hours(24);
        Self { change_feed: Some(settings), ..self }
    }

    /// With a sink of the change feed.
    pub fn change_sink(self, name: &str, sink: Arc<dyn ChangeSink>, settings: DeliverySettings) -> Self {
        let mut builder = self.change_feed();
        builder.change_sinks.push((name.to_owned(), sink, settings));
        builder
    }

    /// With hooks of accounts, which may lead to this machine if `allow_private_addresses` says so.
    pub fn hooks(self, allow_private_addresses: bool, per_account: usize) -> Self {
        let mut builder = self.change_feed();
        builder.hooks = Some(TestHooks { allow_private_addresses, per_account });
        builder
    }

    /// Signing versions with keys in the store.
    pub fn signing(self) -> Self {
        self.signing_with(StoredKeySettings::default)
    }

    /// Signing versions with keys that are kept as the settings say.
    pub fn signing_with(self, settings: fn() -> StoredKeySettings) -> Self {
        Self { signing: Some(settings), ..self }
    }

    /// Verifying provenance like this.
    pub fn provenance(self, provenance: ProvenanceSettings) -> Self {
        Self { provenance, ..self }
    }

    /// Counting downloads. They are written when the test says so, or a minute of the machine's time later.
    pub fn downloads(self) -> Self {
        self.downloads_with(DownloadSettings::default())
    }

    /// Counting downloads, as the settings say.
    pub fn downloads_with(self, settings: DownloadSettings) -> Self {
        Self { downloads: TestDownloads { counts: Some(settings), ..self.downloads }, ..self }
    }

    /// With an event of each download.
    pub fn download_events(self) -> Self {
        Self { downloads: TestDownloads { are_events: true, ..self.downloads }, ..self }
    }

    /// With these limits.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// With a store that fails by itself.
    pub fn faults(self, faults: FaultPlan) -> Self {
        Self { faults, ..self }
    }

    /// Believes what upstreams say, and that a name is not hosted, for so long.
    pub fn upstream_freshness(self, upstream_freshness: UpstreamFreshness) -> Self {
        Self { upstream_freshness, ..self }
    }

    /// In front of this registry, which rules of access call `id`.
    pub fn upstream(mut self, id: &str, upstream: Arc<dyn Upstream>) -> Self {
        self.upstreams.push((id.to_owned(), upstream));
        self
    }

    /// Answering under this path as well as at the root.
    pub fn path_prefix(self, path_prefix: &str) -> Self {
        Self { path_prefix: path_prefix.to_owned(), ..self }
    }

    /// Serving lock files of another registry below these paths.
    pub fn legacy_prefixes(self, prefixes: &[&str]) -> Self {
        Self { legacy_prefixes: prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(), ..self }
    }

    /// Reached under this URL, which packuments name.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn public_url(self, public_url: &str) -> Self {
        let parsed = Url::parse(public_url).unwrap_or_else(|error| panic!("no URL: {public_url}: {error}"));
        Self { public_url: Some(parsed), ..self }
    }

    /// With another provider, which is asked before the accounts with name and password.
    pub fn provider(mut self, provider: Arc<dyn AuthProvider>) -> Self {
        self.providers.push(provider);
        self
    }

    /// With another provider, which is asked after the accounts with name and password.
    pub fn last_provider(mut self, provider: Arc<dyn AuthProvider>) -> Self {
        self.last_providers.push(provider);
        self
    }

    /// Whether there are accounts with name and password. Without them, there is no account `ana`.
    pub fn accounts(self, accounts: bool) -> Self {
        Self { accounts, ..self }
    }

    /// With a list of versions that administrators block.
    pub fn block_list(self) -> Self {
        Self { block_list: Some(BlockListSettings::default()), ..self }
    }

    /// With these settings of the web pages.
    pub fn web(self, web: WebSettings) -> Self {
        Self { web, ..self }
    }

    /// Whether clients may log in with the browser.
    pub fn web_login(self, web_login: bool) -> Self {
        Self { web_login, ..self }
    }

    /// The registry, with the account `ana` in it where there are accounts. Call it within a tokio runtime.
    pub async fn start(self) -> TestRegistry {
        let memory = ObjectStoreBlobs::in_memory();
        let store = Arc::new(Faulty::new(memory.clone(), self.faults));
        let registry = TestRegistry::assemble(self, memory, store, Arc::new(FixedClock::new()));
        registry.mark_store().await;
        registry.sign_up_ana().await;
        registry
    }

    /// A registry with these settings on the store of another one, as another process would be. It shares the
    /// clock and the accounts, and no cache and no lock.
    pub async fn start_on(self, other: &TestRegistry) -> TestRegistry {
        let store = Arc::new(Faulty::new(other.memory.clone(), self.faults));
        let settings = Self { randomness: Arc::clone(&other.settings.randomness), ..self };
        let registry =
            TestRegistry::assemble(settings, other.memory.clone(), store, Arc::clone(&other.clock));
        registry.sign_up_ana().await;
        registry
    }

    fn configured(&self, store: Arc<dyn BlobStore>, clock: Arc<FixedClock>) -> RegistryBuilder {
        let builder = Registry::builder(store);
        let add = |builder: RegistryBuilder, (id, upstream): &(String, Arc<dyn Upstream>)| {
            builder.upstream(id, Arc::clone(upstream))
        };
        self.upstreams
            .iter()
            .fold(builder, add)
            .access(self.access.clone())
            .limits(self.limits)
            .trusted_publishing(self.trust(&clock))
            .clock(clock)
            .randomness(Arc::clone(&self.randomness) as Arc<dyn Randomness>)
            .public_url(self.public_url.clone())
            .path_prefix(&self.path_prefix)
            .legacy_prefixes(self.legacy_prefixes.clone())
            .web_login(self.web_login)
            .upstream_freshness(self.upstream_freshness)
            .token_cache(self.token_cache)
            .organizations(self.organizations)
            .web(self.web.clone())
            .block_list(self.block_list)
    }

    fn with_providers(&self, registry: RegistryBuilder) -> RegistryBuilder {
        let add = |registry: RegistryBuilder, provider: &Arc<dyn AuthProvider>| {
            registry.auth_provider(Arc::clone(provider))
        };
        let mut registry = self.providers.iter().fold(registry, add);
        if self.accounts {
            registry = assemble::local_accounts(registry);
        }
        self.last_providers.iter().fold(registry, add)
    }

    fn with_changes(&self, registry: RegistryBuilder) -> RegistryBuilder {
        let registry = match self.change_feed {
            Some(settings) => registry.change_feed(settings),
            None => registry,
        };
        let registry = match self.downloads.counts {
            Some(settings) => registry.downloads(settings),
            None => registry,
        };
        let registry = registry.download_events(self.downloads.are_events);
        let registry = registry.provenance(self.provenance.clone());
        let registry = match self.signing {
            Some(settings) => registry.sign_versions_with_stored_keys(settings()),
            None => registry,
        };
        let registry = match self.hooks {
            Some(hooks) => {
                let key = HOOK_KEY.parse::<HookKey>().unwrap_or_else(|error| panic!("{error}"));
                let mut settings = HookSettings::new(key);
                settings.allow_private_addresses = hooks.allow_private_addresses;
                settings.per_account = hooks.per_account;
                registry.hooks(settings).unwrap_or_else(|error| panic!("{error}"))
            }
            None => registry,
        };
        self.change_sinks.iter().fold(registry, |registry, (name, sink, settings)| {
            registry.change_sink(name, Arc::clone(sink), *settings)
        })
    }

    pub(super) fn has_accounts(&self) -> bool {
        self.accounts
    }

    fn trust(&self, clock: &Arc<FixedClock>) -> TrustedPublishing {
        let mut trust = self.trusted_publishing.clone();
        for (name, kind, settings) in &self.trusted_issuers {
            let issuer = Issuer::new(settings.clone(), Arc::clone(clock) as _);
            let issuer = issuer.unwrap_or_else(|error| panic!("no issuer: {error}"));
            trust.issuers.push(TrustedIssuer {
                name: name.clone(),
                kind: *kind,
                issuer: Arc::new(issuer),
                pull_requests: self.pull_requests,
            });
        }
        trust
    }
}
