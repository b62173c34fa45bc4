use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::command_line::{AccessAction, Command, CommandLine, ConfigAction, Overrides};
use crate::condition::Condition;
use crate::front::Front;
use crate::logging::Log;
use crate::metrics::Metrics;
use crate::reload::Reloading;
use crate::settings::{NpmRegistry, Settings, TEMPLATE, npm_registry};
use crate::signals::{HangUps, Signals};
use crate::{accounts, audit, connections, explain, operate, publish, ready, tokens};
use registry_core::clock::{Clock as _, SystemClock};
use registry_core::settings::{
    MAIN_UPSTREAM, StorageSettings, StorageUrl, Trial, UpstreamSettings, UpstreamUrl, check_named,
    open_registry,
};
use registry_core::traces::TraceContext;
use registry_core::{Registry, RegistryBuilder};

/// Threads for blocking work: file access and password checks. Each costs memory while idle.
const BLOCKING_THREADS: usize = 64;

/// The advice to a publisher beyond the limit. Every client shows it, so it names no storage.
const LARGER_PUBLISHES: &str = "ask the registry's operator to publish the tarball with `registry-server publish FILE.tgz \
     --as USER`, which takes larger ones, or to raise limits.publish_body_mib";

/// How often the durations of requests are aggregated into buckets.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// How often the metrics of the change feed are taken.
const MEASURE_INTERVAL: Duration = Duration::from_secs(10);

/// How often old batches are removed from the audit log.
const CLEANING_INTERVAL: Duration = Duration::from_hours(24);

/// How long a stopping server waits until its last events are delivered.
pub(crate) const FLUSH_TIME: Duration = Duration::from_secs(5);

/// How long a stopping server waits for threads with file access in progress.
pub(crate) const THREADS_TIME: Duration = Duration::from_secs(1);

/// Runs the command line. A server succeeds when a signal stopped it.
pub fn run(command_line: &CommandLine) -> anyhow::Result<()> {
    match &command_line.command {
        None | Some(Command::Serve) => serve(&command_line.overrides),
        Some(Command::Account { action, json }) => accounts::run(&command_line.overrides, action, *json),
        Some(Command::Token { action, json }) => tokens::run(&command_line.overrides, action, *json),
        Some(Command::Config { action: None }) => print(TEMPLATE),
        Some(Command::Config { action: Some(ConfigAction::Check) }) => {
            print(&format!("{}\n", Settings::source(&command_line.overrides)))?;
            let settings = Settings::load_for_process(&command_line.overrides)?;
            check(&settings)?;
            for warning in settings.warnings() {
                writeln!(io::stderr(), "registry-server: {warning}").context("cannot write to stderr")?;
            }
            print("the configuration is valid\n")
        }
        Some(Command::Advisories { action }) => {
            operate::advisories::advisories(&command_line.overrides, action)
        }
        Some(Command::Sbom(request)) => operate::sbom::sbom(&command_line.overrides, request),
        Some(Command::Policy { action }) => operate::policy::policy(&command_line.overrides, action),
        Some(Command::Recall(request)) => operate::recall::recall(&command_line.overrides, request),
        Some(Command::Ready { json }) => ready::ask(&command_line.overrides, *json),
        Some(Command::Publish(request)) => publish::publish(&command_line.overrides, request),
        Some(Command::Verify(request)) => operate::verify(&command_line.overrides, request),
        Some(Command::Sweep(request)) => operate::sweep(&command_line.overrides, request),
        Some(Command::Retain(request)) => operate::retain(&command_line.overrides, request),
        Some(Command::Stats) => operate::stats(&command_line.overrides),
        Some(Command::Doctor) => operate::examine(&command_line.overrides),
        Some(Command::Log(question)) => audit::show(&command_line.overrides, question),
        Some(Command::Domain(request)) => {
            operate::domain::move_tarball_urls(&command_line.overrides, request)
        }
        Some(Command::Encrypt(request)) => operate::encrypt::encrypt(&command_line.overrides, request),
        Some(Command::Copy(request)) => operate::copy::copy(&command_line.overrides, request),
        Some(Command::Import { source }) => operate::import::import(&command_line.overrides, source),
        Some(Command::Bundle { action }) => operate::bundle::bundle(&command_line.overrides, action),
        Some(Command::Keys { action }) => operate::keys(&command_line.overrides, action),
        Some(Command::Index(request)) => operate::index::index(&command_line.overrides, request),
        Some(Command::RemoveStorage(request)) => {
            operate::remove_storage::remove_storage(&command_line.overrides, request)
        }
        Some(Command::Access { action: AccessAction::Explain(question), json }) => {
            let answer = explain::explain(&command_line.overrides, question)?;
            print(&answer.report.render(*json))?;
            answer.result
        }
    }
}

/// Rejects settings that are invalid on their own, before anything is opened.
pub(crate) fn refuse_unsound(settings: &Settings) -> anyhow::Result<()> {
    all_of(unsound(settings))
}

fn unsound(settings: &Settings) -> Vec<anyhow::Error> {
    let checked = [
        settings.refuse_open_doors().map_err(anyhow::Error::from),
        settings.registry.check().map_err(anyhow::Error::from),
        settings.refuse_listener_loops().map_err(anyhow::Error::from),
    ];
    checked.into_iter().filter_map(Result::err).collect()
}

/// Rejects settings with which the server would not start, and tells all that is wrong with them.
fn check(settings: &Settings) -> anyhow::Result<()> {
    let mut wrong = unsound(settings);
    wrong.extend(check_what_is_named(settings).err());
    all_of(wrong)
}

/// Combines the errors of several checks.
fn all_of(mut errors: Vec<anyhow::Error>) -> anyhow::Result<()> {
    match errors.len() {
        0 => Ok(()),
        1 => Err(errors.remove(0)),
        _ => {
            let lines: Vec<_> = errors.iter().map(|error| format!("{error:#}")).collect();
            Err(anyhow::anyhow!("the settings are wrong:\n- {}", lines.join("\n- ")))
        }
    }
}

/// Opens the configured parts, and reads the files and variables that the settings name. Sends no request, and creates
/// nothing in the storage.
fn check_what_is_named(settings: &Settings) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start a thread")?;
    let folders = runtime.block_on(async { check_named(&settings.registry) })?;
    folders.iter().try_for_each(|folder| {
        let url = &settings.registry.storage.url;
        writable(folder).with_context(|| {
            format!(
                "cannot write to the storage {url}, in {}: run the server as the owner of the folder, or name another one \
                 with --storage file:DIR",
                folder.display()
            )
        })
    })
}

#[cfg(unix)]
fn writable(folder: &Path) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    Ok(accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)?)
}

#[cfg(not(unix))]
fn writable(folder: &Path) -> io::Result<()> {
    let read_only = folder.metadata()?.permissions().readonly();
    if read_only { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
}

pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("cannot write to stdout")
}

fn serve(overrides: &Overrides) -> anyhow::Result<()> {
    let mut settings = Settings::load_for_process(overrides)?;
    refuse_unsound(&settings)?;
    let log = Log::start(&settings)?;
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
    if settings.registry.packages.is_empty() {
        tracing::info!("no access rules: every caller reads, and every signed-in account publishes");
    }
    let reloading = Reloading::new(overrides.clone(), &settings);
    complete_upstreams(&mut settings);
    let runtime = Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .context("cannot start the threads of the server")?;
    let served = runtime.block_on(serve_until_signal(&runtime, &settings, reloading, log.trace_context()));
    runtime.shutdown_timeout(THREADS_TIME);
    log.stop(FLUSH_TIME);
    served
}

async fn serve_until_signal(
    runtime: &Runtime,
    settings: &Settings,
    reloading: Reloading,
    traces: Option<Arc<dyn TraceContext>>,
) -> anyhow::Result<()> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let mut hang_ups = HangUps::listen().context("cannot listen for signals")?;
    let listener = listen(settings.listen).await?;
    let registry = open_registry(&settings.registry, Trial::Always, |builder| {
        let builder = builder.publish_elsewhere(LARGER_PUBLISHES);
        traces.into_iter().fold(builder, RegistryBuilder::trace_context)
    });
    let registry = registry.await?;
    // Packages can be read nonetheless.
    if let Err(error) = registry.check_signer().await {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "versions cannot be signed, so nothing can be published");
    }
    let metrics = Arc::new(Metrics::new(SystemClock.now().timestamp()));
    runtime.spawn(keep_up(Arc::clone(&metrics)));
    let condition = Arc::new(Condition::default());
    let (measured, noted) = (Arc::clone(&metrics), Arc::clone(&condition));
    runtime.spawn(measure_deliveries(registry.clone(), measured, noted));
    let log = &settings.registry.log;
    if log.audit && log.audit_days > 0 {
        runtime.spawn(clean_audit_log(registry.clone(), log.audit_days));
    }
    let front = Arc::new(Front::new(registry.clone(), metrics, Arc::clone(&condition), settings));
    announce(&listener)?;

    let (reloaded, running_upstreams) = (registry.clone(), settings.registry.upstreams.clone());
    runtime.spawn(async move {
        loop {
            hang_ups.next().await;
            reloading.reload(&reloaded, &running_upstreams, &condition);
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
        registry.end_change_streams();
    })
    .await;
    registry.sum_up_events();
    if tokio::time::timeout(FLUSH_TIME, registry.flush_events()).await.is_err() {
        tracing::error!("the last events were not delivered within {} s", FLUSH_TIME.as_secs());
    }
    match tokio::time::timeout(FLUSH_TIME, registry.flush_downloads()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the last downloads are not counted");
        }
        Err(_) => tracing::error!("the last downloads were not counted within {} s", FLUSH_TIME.as_secs()),
    }
    if tokio::time::timeout(FLUSH_TIME, registry.stop_deliveries()).await.is_err() {
        tracing::warn!(
            "a receiver of changes did not answer in time: the next server delivers to it after up to 30 seconds"
        );
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

/// Adds the upstream that a server with these settings would use by default.
pub(crate) fn complete_upstreams(settings: &mut Settings) {
    if settings.registry.upstreams.is_empty() && settings.registry.packages.is_empty() {
        stand_in_front_of_what_npm_uses(settings);
    }
}

/// Without upstreams, uses the registry that npm is configured with.
fn stand_in_front_of_what_npm_uses(settings: &mut Settings) {
    let home = std::env::home_dir();
    let only_hosted = "only packages published here are served; name another registry with --upstream";
    match npm_registry(std::env::vars(), home.as_deref()) {
        None => tracing::info!("no upstream: {only_hosted}"),
        Some(NpmRegistry { url, source }) if is_this_server(&url, settings) => tracing::info!(
            "no upstream, because npm is configured with this server itself ({url}, from {source}): {only_hosted}"
        ),
        Some(NpmRegistry { url, source }) => {
            tracing::info!(
                "the upstream is the registry that npm is configured with ({url}, from {source}), because the settings name \
                 none; name another with --upstream"
            );
            settings.registry.upstreams.insert(MAIN_UPSTREAM.to_owned(), UpstreamSettings::new(url));
        }
    }
}

/// npm may be configured with the server that is starting.
fn is_this_server(url: &UpstreamUrl, settings: &Settings) -> bool {
    let url = url.as_url();
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let is_public =
        settings.registry.public_url.as_ref().is_some_and(|own| own.as_url().host_str() == url.host_str());
    is_public
        || settings.is_listener(url)
        || (is_local && url.port_or_known_default() == Some(settings.listen.port()))
}

/// Rejects an in-memory store for a command that operates on a server's store.
pub(crate) fn refuse_memory(settings: &StorageSettings) -> anyhow::Result<()> {
    if matches!(settings.url, StorageUrl::Memory) {
        anyhow::bail!(
            "nothing persists in the storage memory: name the server's storage with --storage or --config"
        );
    }
    Ok(())
}

async fn clean_audit_log(registry: Registry, keep_days: u32) {
    let mut interval = tokio::time::interval(CLEANING_INTERVAL);
    loop {
        interval.tick().await;
        audit::clean(&registry, keep_days).await;
    }
}

async fn measure_deliveries(registry: Registry, metrics: Arc<Metrics>, condition: Arc<Condition>) {
    let mut interval = tokio::time::interval(MEASURE_INTERVAL);
    loop {
        interval.tick().await;
        match registry.delivery_states().await {
            Ok(states) => {
                let now = SystemClock.now();
                metrics.set_deliveries(registry.changes_waiting(), &states, now);
                condition.set_deliveries(&states, now);
            }
            Err(error) => tracing::warn!(%error, "cannot tell how far the delivery of changes has come"),
        }
    }
}

async fn keep_up(metrics: Arc<Metrics>) {
    let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        interval.tick().await;
        metrics.upkeep();
    }
}

/// Prints the line that scripts wait for. A closed stdout does not prevent serving.
fn announce(listener: &TcpListener) -> anyhow::Result<()> {
    let address = listener.local_addr().context("cannot tell the address that was listened on")?;
    if let Err(error) = print(&format!("listening on http://{address}\n")) {
        tracing::warn!(error = %format!("{error:#}"), "cannot announce the address");
    }
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    Ok(())
}
