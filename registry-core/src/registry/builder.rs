mod audit;
mod changes;
mod downloads;
#[cfg(feature = "hooks")]
mod hooks;
mod http_settings;
mod policy;
#[cfg(feature = "provenance")]
mod provenance;
mod providers;
mod signing;
mod upstreams;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::access::AccessRules;
use crate::accounts::AccountsParts;
use crate::accounts::abuse::Abuse;
use crate::accounts::tokens::TokenCache;
use crate::accounts::trust::TrustedPublishing;
use crate::accounts::web_login::WebLogins;
use crate::audit::AuditParts;
use crate::auth::AuthProvider;
use crate::authorization::Authorization;
use crate::care::CareParts;
use crate::catalog::{CatalogParts, HostedCheck, ReadCaches};
use crate::changes::{ChangeFeedSettings, Changes, ChangesContext, Delivery};
use crate::clock::{Clock, SystemClock};
use crate::concurrency::KeyedMutex;
use crate::events::EventSink;
use crate::limits::{Limits, TokenLifetimes};
use crate::memberships::{MembershipCache, MembershipLookup};
use crate::organizations::{OrganizationSettings, OrganizationsParts};
use crate::packages::{CommitParts, DownloadParts, DownloadSetUp, PackagesParts, ProvenanceParts};
use crate::proxy::keys::CachedKeys;
use crate::proxy::{CacheBudget, NamedUpstream, ProxyParts, UpstreamFreshness, UpstreamParts};
use crate::randomness::{Randomness, SystemRandomness};
use crate::search::{SearchParts, SearchSettings};
use crate::storage::{BlobStore, MeteredStore, Storage};
use crate::traces::TraceContext;
#[cfg(feature = "web")]
use crate::web::WebSettings;

pub use providers::BuildContext;

use self::audit::AuditSetUp;
#[cfg(feature = "hooks")]
use self::hooks::HooksSetUp;
use self::http_settings::normalize_prefix;
use self::policy::PolicySetUp;
use self::providers::Constructors;
use self::signing::SigningSetUp;
use super::{Parts, Registry};

/// Builds a [`Registry`]. Everything but the store has a default.
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct RegistryBuilder {
    store: Arc<dyn BlobStore>,
    providers: Constructors<dyn AuthProvider>,
    sinks: Constructors<dyn EventSink>,
    upstreams: Vec<NamedUpstream>,
    freshness: UpstreamFreshness,
    audit: AuditSetUp,
    search: SearchSettings,
    access: AccessRules,
    limits: Limits,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    public_url: Option<Arc<str>>,
    shrinkwrap_origins: BTreeSet<String>,
    path_prefix: String,
    mounted_at: String,
    legacy_prefixes: Vec<String>,
    cache_bytes: u64,
    upstream_cache_bytes: Option<u64>,
    token_cache: Duration,
    token_lifetimes: TokenLifetimes,
    web_login: bool,
    organizations: OrganizationSettings,
    trusted_publishing: TrustedPublishing,
    redirect_above: Option<u64>,
    publish_elsewhere: Option<Arc<str>>,
    change_feed: Option<ChangeFeedSettings>,
    change_sinks: Vec<Delivery>,
    downloads: DownloadSetUp,
    signing: SigningSetUp,
    provenance: ProvenanceParts,
    #[cfg(feature = "hooks")]
    hooks: Option<HooksSetUp>,
    trace_context: Option<Arc<dyn TraceContext>>,
    policy: PolicySetUp,
    #[cfg(feature = "web")]
    web: WebSettings,
}

impl RegistryBuilder {
    pub(super) fn new(store: Arc<dyn BlobStore>) -> Self {
        Self {
            store,
            providers: Constructors::new(),
            sinks: Constructors::new(),
            upstreams: Vec::new(),
            freshness: UpstreamFreshness::default(),
            audit: AuditSetUp::default(),
            search: SearchSettings::default(),
            access: AccessRules::closed(),
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            public_url: None,
            shrinkwrap_origins: BTreeSet::new(),
            path_prefix: String::new(),
            mounted_at: String::new(),
            legacy_prefixes: Vec::new(),
            cache_bytes: 256 << 20,
            upstream_cache_bytes: Some(10 << 30),
            token_cache: Duration::from_secs(5),
            token_lifetimes: TokenLifetimes::default(),
            web_login: true,
            organizations: OrganizationSettings::default(),
            trusted_publishing: TrustedPublishing::default(),
            redirect_above: None,
            publish_elsewhere: None,
            change_feed: None,
            change_sinks: Vec::new(),
            downloads: DownloadSetUp::default(),
            signing: SigningSetUp::default(),
            provenance: ProvenanceParts::default(),
            #[cfg(feature = "hooks")]
            hooks: None,
            trace_context: None,
            policy: PolicySetUp::default(),
            #[cfg(feature = "web")]
            web: WebSettings::default(),
        }
    }

    /// Returns the store.
    pub fn store(&self) -> &Arc<dyn BlobStore> {
        &self.store
    }

    /// Sets how searches work. Default: upstreams are queried too, and the index is compared with the packages once a
    /// day.
    pub fn search(self, search: SearchSettings) -> Self {
        Self { search, ..self }
    }

    /// Sets the access rules. Default: [`AccessRules::closed`], no caller reads or publishes anything.
    pub fn access(self, access: AccessRules) -> Self {
        Self { access, ..self }
    }

    /// Lets every caller read every package, and every signed-in principal publish new packages and those that they
    /// own. Meant for tests and examples. Replaces the rules of [`Self::access`].
    pub fn open_to_everyone(self) -> Self {
        self.access(AccessRules::open_to_all_publish_for_signed_in())
    }

    /// Sets the limits on requests.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Sets the clock. Default: the machine's.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Sets the source of randomness, secrets included. Default: the operating system's.
    pub fn randomness(self, randomness: Arc<dyn Randomness>) -> Self {
        Self { randomness, ..self }
    }

    /// Sets the URL at which clients reach the registry, the prefix of every `dist.tarball`, path included. Default:
    /// derived from the `Host` of each request.
    pub fn public_url(self, public_url: Option<Url>) -> Self {
        Self { public_url: public_url.map(|url| url.as_str().trim_end_matches('/').into()), ..self }
    }

    /// Sets the origins, such as those of the upstreams, from which an `npm-shrinkwrap.json` in a published tarball may take
    /// packages, besides [`Self::public_url`]. npm installs what such a file names, and other clients do not read it.
    /// Default: none.
    pub fn shrinkwrap_origins(self, origins: impl IntoIterator<Item = Url>) -> Self {
        let shrinkwrap_origins = origins.into_iter().map(|url| url.origin().ascii_serialization()).collect();
        Self { shrinkwrap_origins, ..self }
    }

    /// Sets a path, such as `/registry`, below which routes answer as well as at the root. Default: none.
    ///
    /// A router that removes the prefix before it calls the registry needs [`Self::mounted_at`] instead.
    pub fn path_prefix(self, path_prefix: &str) -> Self {
        Self { path_prefix: normalize_prefix(path_prefix), ..self }
    }

    /// Sets the path, such as `/npm`, at which a router mounts the registry, and which the router removes from the path
    /// of each request, as `nest_service` of axum does. URLs in responses begin with it, unless [`Self::public_url`] is
    /// set. Default: none.
    pub fn mounted_at(self, path: &str) -> Self {
        Self { mounted_at: normalize_prefix(path), ..self }
    }

    /// Sets path prefixes of another registry, such as `/api/npm/npm-local` or `/repository/npm`, below which
    /// packuments and tarballs are served too, so that lock files written against that registry keep working. A route
    /// of this registry takes precedence: with `/npm`, `/npm/latest` stays the manifest of `npm`. Only reads are
    /// answered. Default: none.
    pub fn legacy_prefixes(self, legacy_prefixes: impl IntoIterator<Item = String>) -> Self {
        Self { legacy_prefixes: legacy_prefixes.into_iter().collect(), ..self }
    }

    /// Sets how many bytes of rendered packuments and tarball indexes are cached in memory, for hosted and upstream
    /// packages together. 0 renders each anew. Default: 256 MiB.
    pub fn cache_bytes(self, cache_bytes: u64) -> Self {
        Self { cache_bytes, ..self }
    }

    /// Sets how many bytes of upstream packages are cached in the store, by all processes on it together; `None` for no
    /// limit. Beyond it, the least recently used are deleted in the background until nine tenths are left. Hosted
    /// packages are never deleted, and do not count. Default: 10 GiB.
    pub fn upstream_cache_bytes(self, upstream_cache_bytes: Option<u64>) -> Self {
        Self { upstream_cache_bytes, ..self }
    }

    /// Sets how long a verified token is cached: a token that another process revoked keeps working for as long.
    /// Default: 5 seconds.
    pub fn token_cache(self, token_cache: Duration) -> Self {
        Self { token_cache, ..self }
    }

    /// Sets the lifetimes of tokens that users create. Default: see [`TokenLifetimes`].
    pub fn token_lifetimes(self, token_lifetimes: TokenLifetimes) -> Self {
        Self { token_lifetimes, ..self }
    }

    /// Sets whether clients may log in with the browser, and request a one-time password there. Otherwise they ask in
    /// the terminal. Default: they may.
    pub fn web_login(self, web_login: bool) -> Self {
        Self { web_login, ..self }
    }

    /// Sets who may create organizations, and what team grants permit. Default: see [`OrganizationSettings`].
    pub fn organizations(self, organizations: OrganizationSettings) -> Self {
        Self { organizations, ..self }
    }

    /// Sets the issuers whose builds may publish without a stored token, where a package's owners permit it. Default:
    /// none.
    pub fn trusted_publishing(self, trusted_publishing: TrustedPublishing) -> Self {
        Self { trusted_publishing, ..self }
    }

    /// Sets the size in bytes above which a tarball is redirected (302) to a URL signed by the store, valid for 15
    /// minutes. A store that cannot sign sends all of them. Default: `None`, no redirects.
    pub fn redirect_tarballs_above(self, redirect_above: Option<u64>) -> Self {
        Self { redirect_above, ..self }
    }

    /// Sets the advice to a publisher beyond [`Limits::publish_body_bytes`], as the end of a sentence that begins with
    /// "make the package smaller, or". Every client shows it, so it must not name anything that only operators may
    /// know. Default: to ask the registry's operator to raise the limit.
    pub fn publish_elsewhere(self, instead: &str) -> Self {
        Self { publish_elsewhere: Some(instead.into()), ..self }
    }

    /// Builds the registry. With an event sink, call it within a Tokio runtime.
    #[expect(clippy::too_many_lines, reason = "it puts every service together, each in a few lines")]
    pub fn build(mut self) -> Registry {
        let (http, settings) = (self.http_settings(), self.take_account_settings());
        self.shrinkwrap_origins.extend(self.own_origin());
        let (store, storage_meter) = MeteredStore::wrap(self.store);
        let context = BuildContext { store, clock: self.clock, randomness: self.randomness };
        let providers = self.providers.into_providers(&context);
        let events = self.sinks.into_queue(&context);
        let BuildContext { store, clock, randomness } = context;
        let hosted_check = Arc::new(HostedCheck::new(self.freshness.hosted_check));
        let budget = CacheBudget::new(self.upstream_cache_bytes, clock.now());
        let upstream =
            Arc::new(UpstreamParts::new(self.upstreams, self.freshness, budget, Arc::clone(&hosted_check)));
        let store = Arc::new(Storage::new(store, Arc::clone(&randomness), Arc::clone(&upstream) as _));
        let context = ChangesContext::new(&store, &clock, &randomness, &events);
        #[cfg(feature = "hooks")]
        self.change_sinks.extend(self.hooks.as_ref().map(|hooks| hooks.delivery(&store, &clock)));
        let changes = Changes::start(context, self.change_feed, self.change_sinks);
        let caches = Arc::new(ReadCaches::new(self.cache_bytes));
        let memberships = MembershipLookup::new(Arc::clone(&store), MembershipCache::new(self.token_cache));
        let signing = self.signing.into_parts(&store, &clock, &randomness);
        let shared = (&store, &clock, &randomness);
        let (blocking, name_check, advisories) =
            self.policy.into_parts(shared, &changes, signing.advisory_keys());
        let policies = Arc::clone(&blocking.policies);
        let catalog = Arc::new(CatalogParts::new(&store, &caches, &hosted_check, policies, name_check));
        let proxy = Arc::new(ProxyParts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            randomness: Arc::clone(&randomness),
            limits: self.limits,
            caches: Arc::clone(&caches),
            hosted_check: Arc::clone(&hosted_check),
            upstream: Arc::clone(&upstream),
            keys: CachedKeys::default(),
            catalog: Arc::clone(&catalog),
            blocking: Arc::clone(&blocking),
        });
        let accounts = Arc::new(AccountsParts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            randomness: Arc::clone(&randomness),
            providers: providers.clone(),
            settings,
            abuse: Abuse::new(&self.limits),
            tokens: TokenCache::new(self.token_cache),
            web_logins: WebLogins::new(self.web_login),
            memberships: memberships.clone(),
            catalog: Arc::clone(&catalog),
            proxy: Arc::clone(&proxy),
        });
        let search = Arc::new(SearchParts::new(&store, &clock, upstream, self.search, &catalog));
        let beyond_rules = self.organizations.grants_beyond_rules;
        let authorization = Authorization::new(self.access, beyond_rules, events, Arc::clone(&clock));
        let organizations = OrganizationsParts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            randomness: Arc::clone(&randomness),
            providers,
            settings: self.organizations,
            changes: changes.clone(),
            memberships: memberships.clone(),
            accounts: Arc::clone(&accounts),
            proxy: Arc::clone(&proxy),
        };
        let packages = Arc::new(PackagesParts {
            downloads: DownloadParts::new(&store, &clock, &randomness, self.downloads),
            signing,
            provenance: self.provenance,
            store: Arc::clone(&store),
            clock,
            randomness,
            limits: self.limits,
            commits: CommitParts { locks: KeyedMutex::default(), changes: changes.clone() },
            redirect_above: self.redirect_above,
            shrinkwrap_origins: self.shrinkwrap_origins,
            hosted_check,
            memberships,
            catalog: Arc::clone(&catalog),
            proxy: Arc::clone(&proxy),
            blocking,
            accounts: Arc::clone(&accounts),
            searches: Arc::clone(&search),
        });
        let audit = AuditParts {
            source: self.audit.source,
            fallback: self.audit.fallback,
            advisories: Arc::clone(&advisories),
            catalog,
            proxy: Arc::clone(&proxy),
        };
        #[cfg(feature = "hooks")]
        let hooks = self.hooks.map(|hooks| hooks.start(self.public_url, &packages, &authorization));
        Registry {
            authorization,
            parts: Arc::new(Parts {
                store,
                storage_meter,
                http,
                care: Arc::new(CareParts::of(&packages)),
                packages,
                proxy,
                accounts,
                organizations: Arc::new(organizations),
                search,
                audit: Arc::new(audit),
                advisories,
                changes,
                #[cfg(feature = "hooks")]
                hooks,
            }),
        }
    }
}
