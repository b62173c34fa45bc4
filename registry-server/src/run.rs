use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::command_line::{AccessAction, Command, CommandLine, ConfigAction, Overrides, TokenAction};
use crate::front::Front;
use crate::metrics::Metrics;
use crate::reload::Reloading;
use crate::settings::{MAIN_UPSTREAM, Settings, TEMPLATE, UpstreamSettings, UpstreamUrl, npm_registry};
use crate::signals::{HangUps, Signals};
use crate::upstreams::OpenUpstream;
use crate::{
    audit, connections, embed, explain, logging, providers, publish, ready, storage, tokens,
    trusted_publishing, upstreams,
};
use registry_core::access::AccessRules;
use registry_core::accounts::TrustedPublishing;
use registry_core::auth::AuthProvider;
use registry_core::clock::{Clock as _, SystemClock};
use registry_core::events::{AuditLog, EventSink, FanOut, LogEvents};
use registry_core::randomness::SystemRandomness;
use registry_core::storage::{BlobStore, ObjectStoreBlobs};
use registry_core::{Registry, RegistryBuilder};

/// Threads for what would block the others: file access and password checks. Each costs memory while it idles.
const BLOCKING_THREADS: usize = 64;

/// What whoever publishes more than the limit is told to do. Every client shows it, so it names no storage.
const LARGER_PUBLISHES: &str = "ask the registry's operator to publish the tarball with `registry-server publish FILE.tgz \
     --as USER`, which takes larger ones, or to raise limits.publish_body_mib";

/// How often the durations of requests are sorted into their buckets.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// How often what is old is removed from the audit log.
const CLEANING_INTERVAL: Duration = Duration::from_hours(24);

/// How long a stopping server waits for its last events to be delivered.
pub(crate) const FLUSH_TIME: Duration = Duration::from_secs(5);

/// How long a stopping server waits for the threads that may still be at a file.
pub(crate) const THREADS_TIME: Duration = Duration::from_secs(1);

/// Does what the command line says. A server ends well when a signal told it to stop.
pub fn run(command_line: &CommandLine) -> anyhow::Result<()> {
    match &command_line.command {
        None | Some(Command::Serve) => serve(&command_line.overrides),
        Some(Command::Token { action: TokenAction::Create(token) }) => {
            tokens::create(&command_line.overrides, token)
        }
        Some(Command::Config { action: None }) => print(TEMPLATE),
        Some(Command::Config { action: Some(ConfigAction::Check) }) => {
            print(&format!("{}\n", Settings::source(&command_line.overrides)))?;
            let settings = Settings::load(&command_line.overrides)?;
            refuse_unsound(&settings)?;
            check_what_is_named(&settings)?;
            if let Some(warning) = settings.warn_of_providers() {
                writeln!(io::stderr(), "registry-server: {warning}").context("cannot write to stderr")?;
            }
            print("the configuration is sound\n")
        }
        Some(Command::Ready) => ready::ask(&command_line.overrides),
        Some(Command::Publish(request)) => publish::publish(&command_line.overrides, request),
        Some(Command::Log(question)) => audit::show(&command_line.overrides, question),
        Some(Command::Access { action: AccessAction::Explain(question) }) => {
            let answer = explain::explain(&command_line.overrides, question)?;
            print(&answer.text)?;
            answer.result
        }
    }
}

/// Refuses what the settings say by themselves, before anything is opened.
fn refuse_unsound(settings: &Settings) -> anyhow::Result<()> {
    settings.refuse_open_doors()?;
    embed::refuse_contradictions(settings)?;
    Ok(settings.refuse_loops()?)
}

/// Opens what the settings name and reads the files and variables in them. Nothing is asked, and the storage is left
/// alone.
fn check_what_is_named(settings: &Settings) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start a thread")?;
    runtime.block_on(async {
        let store: Arc<dyn BlobStore> = Arc::new(ObjectStoreBlobs::in_memory());
        embed::builder_on(settings, store).map(drop)
    })
}

pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("cannot write to stdout")
}

fn serve(overrides: &Overrides) -> anyhow::Result<()> {
    let mut settings = Settings::load(overrides)?;
    refuse_unsound(&settings)?;
    let _flusher = logging::start(&settings.log)?;
    if let Some(warning) = settings.warn_of_providers() {
        tracing::warn!("{warning}");
    }
    if settings.packages.is_empty() {
        tracing::info!("no access rules: everybody reads, and everybody who is signed in publishes");
    }
    let reloading = Reloading::new(overrides.clone(), &settings);
    complete_upstreams(&mut settings);
    let access = settings.packages.compile(&settings.upstreams)?;
    let runtime = Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .context("cannot start the threads of the server")?;
    let served = runtime.block_on(serve_until_signal(&runtime, &settings, access, reloading));
    runtime.shutdown_timeout(THREADS_TIME);
    served
}

async fn serve_until_signal(
    runtime: &Runtime,
    settings: &Settings,
    access: AccessRules,
    reloading: Reloading,
) -> anyhow::Result<()> {
    // A second installation fails and changes nothing, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let mut hang_ups = HangUps::listen().context("cannot listen for signals")?;
    let listener = listen(settings.listen).await?;
    let store = storage::open(&settings.storage).await?;
    let upstreams = upstreams::open(&settings.upstreams)?;
    let providers = providers::open(settings, &store)?;
    let trusted = trusted_publishing::open(&settings.trusted_publishing)?;
    let registry = registry_builder(settings, store, providers, access, upstreams, trusted).build();
    storage::open_registry(&registry, &settings.storage).await?;
    let metrics = Arc::new(Metrics::new(SystemClock.now().timestamp()));
    runtime.spawn(keep_up(Arc::clone(&metrics)));
    if settings.log.audit && settings.log.audit_days > 0 {
        runtime.spawn(clean_audit_log(registry.clone(), settings.log.audit_days));
    }
    let front = Arc::new(Front::new(registry.clone(), metrics, settings));
    announce(&listener)?;

    let (reloaded, running_upstreams) = (registry.clone(), settings.upstreams.clone());
    runtime.spawn(async move {
        loop {
            hang_ups.next().await;
            reloading.reload(&reloaded, &running_upstreams);
        }
    });
    let (told_to_stop, stop) = tokio::sync::oneshot::channel::<()>();
    runtime.spawn(async move {
        signals.next().await;
        drop(told_to_stop);
        let code = signals.next().await;
        std::process::exit(code);
    });
    connections::serve(listener, front, &settings.server, async {
        let _ = stop.await;
    })
    .await;
    registry.sum_up_events();
    if tokio::time::timeout(FLUSH_TIME, registry.flush_events()).await.is_err() {
        tracing::error!("the last events were not delivered within {} s", FLUSH_TIME.as_secs());
    }
    tracing::info!("stopped");
    Ok(())
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "cannot listen on {address}: another program does already; stop it, or choose another port with --listen"
        ),
        io::ErrorKind::PermissionDenied => anyhow::anyhow!(
            "cannot listen on {address}: this user may not take the port; choose one above 1023 with --listen"
        ),
        io::ErrorKind::AddrNotAvailable => anyhow::anyhow!(
            "cannot listen on {address}: this machine has no such address; choose another with --listen, such as \
             127.0.0.1:4873 or 0.0.0.0:4873"
        ),
        _ => anyhow::Error::new(error)
            .context(format!("cannot listen on {address}; choose another address with --listen")),
    })
}

/// The same registries in front of which a server with these settings stands.
pub(crate) fn complete_upstreams(settings: &mut Settings) {
    if settings.upstreams.is_empty() && settings.packages.is_empty() {
        stand_in_front_of_what_npm_uses(settings);
    }
}

/// Without a word on upstreams, the one to stand in front of is the registry that npm asks otherwise.
fn stand_in_front_of_what_npm_uses(settings: &mut Settings) {
    let home = std::env::home_dir();
    match npm_registry(std::env::vars(), home.as_deref()) {
        Some(url) if !is_this_server(&url, settings) => {
            settings.upstreams.insert(MAIN_UPSTREAM.to_owned(), UpstreamSettings::new(url));
        }
        _ => tracing::info!(
            "no upstream: only packages published here are served; name another registry with --upstream"
        ),
    }
}

/// npm may be configured with the very server that is being started.
fn is_this_server(url: &UpstreamUrl, settings: &Settings) -> bool {
    let url = url.as_url();
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let is_public = settings.public_url.as_ref().is_some_and(|own| own.as_url().host_str() == url.host_str());
    is_public || (is_local && url.port_or_known_default() == Some(settings.listen.port()))
}

pub(crate) fn registry_builder(
    settings: &Settings,
    store: Arc<dyn BlobStore>,
    providers: Vec<Arc<dyn AuthProvider>>,
    access: AccessRules,
    upstreams: Vec<OpenUpstream>,
    trusted: TrustedPublishing,
) -> RegistryBuilder {
    let event_sink = event_sink(settings, &store);
    let builder =
        upstreams.into_iter().fold(Registry::builder(store), |builder, (name, upstream, options)| {
            builder.upstream_with(&name, upstream, options)
        });
    providers
        .into_iter()
        .fold(builder, RegistryBuilder::auth_provider)
        .event_sink(event_sink)
        .access(access)
        .limits(settings.limits.to_limits())
        .web_login(settings.login.web)
        .public_url(settings.public_url.as_ref().map(|url| url.as_url().clone()))
        .path_prefix(settings.path_prefix.as_str())
        .legacy_prefixes(settings.server.legacy_prefixes.iter().map(|prefix| prefix.as_str().to_owned()))
        .cache_bytes(settings.cache.representation_bytes())
        .upstream_cache_bytes(settings.cache.upstream_bytes())
        .token_cache(settings.cache.token_lifetime())
        .audit_fallback(settings.audit.to_fallback())
        .search(settings.search.to_settings())
        .token_lifetimes(settings.tokens.to_lifetimes())
        .organizations(settings.organizations.to_settings())
        .trusted_publishing(trusted)
        .upstream_freshness(settings.cache.upstream_freshness())
        .redirect_tarballs_above(settings.storage.redirect_above_mib.map(|mib| u64::from(mib) << 20))
        .publish_elsewhere(LARGER_PUBLISHES)
}

/// The log on stderr, and the one in the storage.
fn event_sink(settings: &Settings, store: &Arc<dyn BlobStore>) -> Arc<dyn EventSink> {
    if !settings.log.audit {
        return Arc::new(LogEvents);
    }
    let audit = AuditLog::new(Arc::clone(store), Arc::new(SystemClock), Arc::new(SystemRandomness));
    Arc::new(FanOut::new(vec![Arc::new(LogEvents), Arc::new(audit)]))
}

async fn clean_audit_log(registry: Registry, keep_days: u32) {
    let mut interval = tokio::time::interval(CLEANING_INTERVAL);
    loop {
        interval.tick().await;
        audit::clean(&registry, keep_days).await;
    }
}

async fn keep_up(metrics: Arc<Metrics>) {
    let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        interval.tick().await;
        metrics.upkeep();
    }
}

/// The line that scripts wait for. That nobody reads stdout is no reason not to serve.
fn announce(listener: &TcpListener) -> anyhow::Result<()> {
    let address = listener.local_addr().context("cannot tell the address that was listened on")?;
    if let Err(error) = print(&format!("listening on http://{address}\n")) {
        tracing::warn!(error = %format!("{error:#}"), "cannot announce the address");
    }
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    Ok(())
}
