use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use url::Url;

use crate::Error;
use crate::access::AccessRules;
use crate::accounts::abuse::Abuse;
use crate::accounts::tokens::TokenCache;
use crate::accounts::trust::TrustedPublishing;
use crate::accounts::web_login::WebLogins;
use crate::audit::AuditFallback;
use crate::auth::{AuthProvider, Caller};
use crate::clock::{Clock, SystemClock};
use crate::concurrency::KeyedMutex;
use crate::domain::PackageName;
use crate::events::{Event, EventKind, EventQueue, EventSink};
use crate::limits::{Limits, TokenLifetimes};
use crate::organizations::OrganizationSettings;
use crate::packages::known_bases::KnownBases;
use crate::packages::packument::ReadCaches;
use crate::proxy::keys::KeptKeys;
use crate::proxy::{Kept, NamedUpstream, UpstreamFreshness, UpstreamOptions, UpstreamParts};
use crate::randomness::{Randomness, SystemRandomness};
use crate::search::{SearchParts, SearchSettings};
use crate::storage::{BlobStore, Storage, WatchStorage};
use crate::upstream::Upstream;

/// A registry on one store. Cheap to clone; all clones are the same registry.
///
/// Any number of registries, in any number of processes, may share one store.
#[derive(Clone)]
pub struct Registry {
    pub(crate) parts: Arc<Parts>,
    /// The rules that the request at hand began with; `None` outside of one.
    held_access: Option<AccessRules>,
}

/// What a registry is made of.
pub(crate) struct Parts {
    pub(crate) store: Arc<Storage>,
    pub(crate) providers: Vec<Arc<dyn AuthProvider>>,
    pub(crate) events: EventQueue,
    access: RwLock<AccessRules>,
    pub(crate) limits: Limits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) public_url: Option<Arc<str>>,
    pub(crate) path_prefix: String,
    pub(crate) legacy_prefixes: Vec<String>,
    pub(crate) caches: ReadCaches,
    pub(crate) bases: KnownBases,
    pub(crate) upstream: Arc<UpstreamParts>,
    pub(crate) keys: KeptKeys,
    pub(crate) audit_fallback: AuditFallback,
    pub(crate) search: SearchParts,
    pub(crate) tokens: TokenCache,
    pub(crate) token_lifetimes: TokenLifetimes,
    pub(crate) web_logins: WebLogins,
    pub(crate) abuse: Abuse,
    pub(crate) organizations: OrganizationSettings,
    pub(crate) trusted_publishing: TrustedPublishing,
    pub(crate) package_locks: KeyedMutex<PackageName>,
    pub(crate) redirect_above: Option<u64>,
    pub(crate) publish_elsewhere: Option<Arc<str>>,
}

/// Puts a [`Registry`] together. Everything but the store has a default.
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct RegistryBuilder {
    store: Arc<dyn BlobStore>,
    providers: Vec<Arc<dyn AuthProvider>>,
    sink: Option<Arc<dyn EventSink>>,
    upstreams: Vec<NamedUpstream>,
    freshness: UpstreamFreshness,
    audit_fallback: AuditFallback,
    search: SearchSettings,
    access: AccessRules,
    limits: Limits,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    public_url: Option<Url>,
    path_prefix: String,
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
}

impl Registry {
    /// Begins a registry on `store`. Its operations want a tokio runtime with its timer on (`enable_all`).
    pub fn builder(store: Arc<dyn BlobStore>) -> RegistryBuilder {
        RegistryBuilder {
            store,
            providers: Vec::new(),
            sink: None,
            upstreams: Vec::new(),
            freshness: UpstreamFreshness::default(),
            audit_fallback: AuditFallback::default(),
            search: SearchSettings::default(),
            access: AccessRules::closed(),
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            public_url: None,
            path_prefix: String::new(),
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
        }
    }

    /// The store it is on.
    pub fn store(&self) -> &Arc<dyn BlobStore> {
        self.parts.store.blobs()
    }

    /// Whether the store answers, and is the one that was opened.
    pub async fn ready(&self) -> Result<(), Error> {
        Ok(self.parts.store.confirm_absence().await?)
    }

    /// Opens the store: reads its marker, `_registry.json`, and makes it where there is none. From then on, and in every
    /// process on the store, whatever the store calls missing is believed only while the marker is there: a folder that
    /// is not mounted or a bucket that is gone answers like one that hosts nothing, and the names of your packages would
    /// be looked for upstream.
    ///
    /// Call it once before the first request, so that a store that does not answer is refused at start. Without it, the
    /// marker is read, or made, when the store calls something missing for the first time.
    ///
    /// A store that may only be read and has no marker is used without one, which the log tells.
    pub async fn open(&self) -> Result<(), Error> {
        self.ready().await
    }

    /// Changes who may do what, from the next request on. Requests in flight go on with the rules that they began
    /// with, origins included. An upstream that `origin` names and this registry does not have is not asked.
    pub fn set_access(&self, access: AccessRules) {
        *self.parts.access.write().unwrap_or_else(PoisonError::into_inner) = access;
    }

    /// The rules that hold now.
    pub fn access(&self) -> AccessRules {
        match &self.held_access {
            Some(held) => held.clone(),
            None => self.parts.access.read().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// The same registry, for which the rules stay as they are now: for one who does several things of which each
    /// asks the rules, and who wants the same answers each time. [`Registry::handle`] does so with every request.
    #[must_use]
    pub fn holding_access(&self) -> Self {
        Self { parts: Arc::clone(&self.parts), held_access: Some(self.access()) }
    }

    /// Waits until every event of the past has reached the sink. Set your own limit of time.
    pub async fn flush_events(&self) {
        self.parts.events.flush().await;
    }

    /// Tells the sink now what is only counted so far: of denials that are alike, all but the first few are counted and told
    /// once a minute. Call it before a process ends, and [`Registry::flush_events`] after it.
    pub fn sum_up_events(&self) {
        self.parts.events.sum_up();
    }

    /// Waits until what is about to be changed can be told of, and refuses the change where it cannot.
    pub(crate) async fn require_room_for_events(&self) -> Result<(), Error> {
        if self.parts.events.admit().await { Ok(()) } else { Err(Error::EventsBehind) }
    }

    /// Tells the sink what `caller` did.
    pub(crate) fn emit(&self, caller: &Caller, package: Option<&PackageName>, kind: EventKind) {
        let rules = self.access();
        let decide =
            |(action, name)| (action, rules.decide(action, caller.principal.as_deref(), name)).into();
        self.parts.events.emit(Event {
            access: kind.action().zip(package).map(decide),
            time: self.parts.clock.now(),
            principal: caller.name().map(str::to_owned),
            trust: caller.trust().map(str::to_owned),
            address: caller.address,
            via: caller.via,
            package: package.cloned(),
            kind,
            count: None,
        });
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Registry").field("store", &self.parts.store).finish_non_exhaustive()
    }
}

impl RegistryBuilder {
    /// Adds a provider of principals. They are asked in the order in which they were added. A name belongs to the first of
    /// them whose people come with it, over all replicas. One whose id another one has already is left out, and the log
    /// says so: names are told apart by the id.
    pub fn auth_provider(mut self, provider: Arc<dyn AuthProvider>) -> Self {
        if self.providers.iter().any(|known| known.id() == provider.id()) {
            tracing::error!(id = provider.id(), %provider, "a provider is left out: another one has its id");
        } else {
            self.providers.push(provider);
        }
        self
    }

    /// Sets who is told what happens. Default: nobody.
    pub fn event_sink(self, sink: Arc<dyn EventSink>) -> Self {
        Self { sink: Some(sink), ..self }
    }

    /// Adds a registry that this one stands in front of. Access rules call it `id` in `origin`.
    pub fn upstream(self, id: &str, upstream: Arc<dyn Upstream>) -> Self {
        self.upstream_with(id, upstream, UpstreamOptions::default())
    }

    /// Adds a registry that this one stands in front of, and says how it is asked.
    pub fn upstream_with(mut self, id: &str, upstream: Arc<dyn Upstream>, options: UpstreamOptions) -> Self {
        self.upstreams.push(NamedUpstream { id: id.into(), upstream, options });
        self
    }

    /// Sets for how long what upstreams say is believed.
    pub fn upstream_freshness(self, freshness: UpstreamFreshness) -> Self {
        Self { freshness, ..self }
    }

    /// Sets what an audit is answered when an upstream cannot tell its advisories. Default: an error.
    pub fn audit_fallback(self, audit_fallback: AuditFallback) -> Self {
        Self { audit_fallback, ..self }
    }

    /// Sets how searches are answered. Default: upstreams are asked too, and the index is compared with the packages
    /// once a day.
    pub fn search(self, search: SearchSettings) -> Self {
        Self { search, ..self }
    }

    /// Sets who may do what. Default: [`AccessRules::closed`], no caller reads or publishes anything.
    pub fn access(self, access: AccessRules) -> Self {
        Self { access, ..self }
    }

    /// Lets every caller read every package, and every signed-in principal publish new packages and those that they own.
    /// Meant for tests and examples. Replaces the rules of [`Self::access`].
    pub fn open_to_everyone(self) -> Self {
        self.access(AccessRules::open_to_all_publish_for_signed_in())
    }

    /// Sets how much is taken from clients.
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

    /// Sets the URL under which clients reach the registry, which every `dist.tarball` begins with, path included.
    /// Default: taken from the `Host` of each request.
    pub fn public_url(self, public_url: Option<Url>) -> Self {
        Self { public_url, ..self }
    }

    /// Sets a path, such as `/registry`, under which routes answer as well as at the root. Default: none.
    pub fn path_prefix(self, path_prefix: &str) -> Self {
        let trimmed = path_prefix.trim_matches('/');
        let path_prefix = if trimmed.is_empty() { String::new() } else { format!("/{trimmed}") };
        Self { path_prefix, ..self }
    }

    /// Sets path prefixes of another registry, such as `/api/npm/npm-local` or `/repository/npm`, below which packuments and
    /// tarballs are served too, so that lock files written against that registry go on working. A path that is a route
    /// of this registry as it stands is not looked at: below `/npm`, `/npm/latest` stays the manifest of `npm`. Only reads
    /// are answered. Default: none.
    pub fn legacy_prefixes(self, legacy_prefixes: impl IntoIterator<Item = String>) -> Self {
        Self { legacy_prefixes: legacy_prefixes.into_iter().collect(), ..self }
    }

    /// Sets how many bytes of rendered packuments, and of where their tarballs are, are kept in memory, of hosted packages
    /// and of those of upstreams together. 0 renders each anew. Default: 256 MiB.
    pub fn cache_bytes(self, cache_bytes: u64) -> Self {
        Self { cache_bytes, ..self }
    }

    /// Sets how many bytes of packages of upstreams are kept in the store, in all processes on it together; `None` is no
    /// limit. When there are more, those that were not used for the longest time are deleted, behind requests, until
    /// nine tenths are left. What is hosted is never deleted, and does not count. Default: 10 GiB.
    pub fn upstream_cache_bytes(self, upstream_cache_bytes: Option<u64>) -> Self {
        Self { upstream_cache_bytes, ..self }
    }

    /// Sets for how long a token is believed before the store is asked again: so long a token that was revoked
    /// through another process goes on working. Default: 5 seconds.
    pub fn token_cache(self, token_cache: Duration) -> Self {
        Self { token_cache, ..self }
    }

    /// Sets how long tokens last that people make for themselves. Default: see [`TokenLifetimes`].
    pub fn token_lifetimes(self, token_lifetimes: TokenLifetimes) -> Self {
        Self { token_lifetimes, ..self }
    }

    /// Sets whether clients may log in with the browser, and ask for a one-time password there. Where they may not, they
    /// ask in the terminal. Default: they may.
    pub fn web_login(self, web_login: bool) -> Self {
        Self { web_login, ..self }
    }

    /// Sets who may make organisations, and what grants to teams give. Default: see [`OrganizationSettings`].
    pub fn organizations(self, organizations: OrganizationSettings) -> Self {
        Self { organizations, ..self }
    }

    /// Sets whose builds may publish without a stored token, where the owners of packages say so. Default: nobody's.
    pub fn trusted_publishing(self, trusted_publishing: TrustedPublishing) -> Self {
        Self { trusted_publishing, ..self }
    }

    /// Sets from how many bytes on a tarball is not sent but redirected to (302), at a URL that the store signs and that
    /// is good for a quarter of an hour. A store that cannot sign sends all of them. Default: `None`, none is redirected.
    pub fn redirect_tarballs_above(self, redirect_above: Option<u64>) -> Self {
        Self { redirect_above, ..self }
    }

    /// Sets what whoever publishes more than [`Limits::publish_body_bytes`] is told to do instead, as the end of a sentence
    /// that begins with "make the package smaller, or". Every client shows it, so name nothing that only operators may
    /// know. Default: to ask the registry's operator to raise the limit.
    pub fn publish_elsewhere(self, instead: &str) -> Self {
        Self { publish_elsewhere: Some(instead.into()), ..self }
    }

    /// Makes the registry. With an event sink, call it within a tokio runtime.
    pub fn build(self) -> Registry {
        let kept = Kept::new(self.upstream_cache_bytes, self.clock.now());
        let bases = KnownBases::new(self.clock.now());
        let upstream = Arc::new(UpstreamParts::new(self.upstreams, self.freshness, kept));
        let watcher = Arc::clone(&upstream) as Arc<dyn WatchStorage>;
        Registry {
            held_access: None,
            parts: Arc::new(Parts {
                store: Arc::new(Storage::new(self.store, Arc::clone(&self.randomness), watcher)),
                providers: self.providers,
                events: self.sink.map_or_else(EventQueue::disabled, EventQueue::start),
                access: RwLock::new(self.access),
                limits: self.limits,
                clock: self.clock,
                randomness: self.randomness,
                public_url: self.public_url.map(|url| url.as_str().trim_end_matches('/').into()),
                path_prefix: self.path_prefix,
                legacy_prefixes: self.legacy_prefixes,
                caches: ReadCaches::new(self.cache_bytes),
                bases,
                upstream,
                keys: KeptKeys::default(),
                audit_fallback: self.audit_fallback,
                search: SearchParts::new(self.search),
                tokens: TokenCache::new(self.token_cache),
                token_lifetimes: self.token_lifetimes,
                web_logins: WebLogins::new(self.web_login),
                abuse: Abuse::new(&self.limits),
                organizations: self.organizations,
                trusted_publishing: self.trusted_publishing,
                package_locks: KeyedMutex::default(),
                redirect_above: self.redirect_above,
                publish_elsewhere: self.publish_elsewhere,
            }),
        }
    }
}
