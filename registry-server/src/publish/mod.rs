//! `publish FILE.tgz…`: publishes directly to the store, without a server and its limits.

mod meter;
mod outcome;
mod watched;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use meter::{Meter, say};
use registry_core::auth::{Caller, Challenge, Credential};
use registry_core::domain::publication::{Publication, TarballOptions};
use registry_core::error::{PackageError, PermissionError};
use registry_core::events::Via;
use registry_core::limits::Limits;
use registry_core::settings::{
    LogFilter, Settings as RegistrySettings, Trial, open_existing_store, registry_builder,
};
use registry_core::{Error, Registry};
use tokio::runtime::Builder;

use crate::command_line::{Overrides, PackageAccess, PublishFiles};
use crate::logging;
use crate::run::{FLUSH_TIME, THREADS_TIME, complete_upstreams, print, refuse_memory};
use crate::settings::Settings;
use crate::signals::Signals;
pub use outcome::Interrupted;
use outcome::{Done, stopped};
use watched::{Watch, Watched};

/// The variable with a token. It is not a flag, because every user of a machine can read all command lines.
pub(crate) const TOKEN_VARIABLE: &str = "REGISTRY_TOKEN";

/// Publishes the files in order, up to the first failure.
pub(crate) fn publish(overrides: &Overrides, request: &PublishFiles) -> anyhow::Result<()> {
    let mut settings = Settings::load_for_process(overrides)?;
    refuse_memory(&settings.registry.storage)?;
    if settings.registry.log.filter == LogFilter::default() {
        // The command prints its own messages instead.
        settings.registry.log.filter = LogFilter::warnings();
    }
    // Denials are written to the audit log in the storage, and a dry run writes nothing.
    settings.registry.log.audit &= !request.dry_run;
    let _flusher = logging::start(&settings.registry.log)?;
    complete_upstreams(&mut settings);
    let settings = settings.registry;
    if settings.packages.is_empty() {
        say(
            "no access rules in these settings: if the registry has some, name its registry.toml with --config",
        );
    }
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("cannot start the threads of the command")?;
    let published = runtime.block_on(publish_all(&settings, request));
    runtime.shutdown_timeout(THREADS_TIME);
    published
}

async fn publish_all(settings: &RegistrySettings, request: &PublishFiles) -> anyhow::Result<()> {
    let watch = Arc::new(Watch::default());
    stop_on_signals(&watch)?;
    let trial = if request.dry_run { Trial::Never } else { Trial::Always };
    let store = open_existing_store(&settings.storage, trial).await?;
    let store = Arc::new(Watched::new(store, Arc::clone(&watch), request.dry_run));
    let registry = registry_builder(settings, store)?.build();
    let mut limits = settings.limits.to_limits();
    limits.unpacked_bytes = request.max_mib.map_or(limits.unpacked_bytes, |mib| u64::from(mib.get()) << 20);
    let publishing = Publishing { registry: &registry, watch: &watch, request, limits };
    let published = publishing.all().await;
    if tokio::time::timeout(FLUSH_TIME, registry.flush_events()).await.is_err() {
        say("the last events did not reach the audit log in time");
    }
    published
}

/// The first signal stops the storing of bytes; the second ends the process at once.
fn stop_on_signals(watch: &Arc<Watch>) -> anyhow::Result<()> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let watch = Arc::clone(watch);
    tokio::spawn(async move {
        watch.stop(signals.next().await);
        say("stopping; send the signal again to stop at once");
        std::process::exit(signals.next().await);
    });
    Ok(())
}

struct Publishing<'a> {
    registry: &'a Registry,
    watch: &'a Arc<Watch>,
    request: &'a PublishFiles,
    limits: Limits,
}

impl Publishing<'_> {
    async fn all(&self) -> anyhow::Result<()> {
        let caller = self.caller().await?;
        let mut done: Vec<Done> = Vec::new();
        for file in &self.request.files {
            match self.one(&caller, file).await {
                Ok(published) => {
                    print(&published.line(self.request.json)?)?;
                    done.push(published);
                }
                Err(error) => return Err(stopped(&error, file, self.request, &done)),
            }
        }
        Ok(())
    }

    /// Returns the caller that publishes.
    async fn caller(&self) -> anyhow::Result<Caller> {
        let otp = self.request.otp.as_deref().map(Into::into);
        if let Some(user) = &self.request.user {
            return self.registry.on_behalf_of(user, otp).await.map_err(Into::into);
        }
        let token = std::env::var(TOKEN_VARIABLE).ok().filter(|token| !token.trim().is_empty());
        let Some(token) = token else {
            anyhow::bail!(
                "no publisher is named: add --as USER, the name of an account, or set {TOKEN_VARIABLE} to a \
                 token of one"
            );
        };
        let credential = Credential::Bearer(token.trim().into());
        let caller = self.registry.identify_with_one_time_password(Some(&credential), None, otp).await;
        let caller = caller.with_context(|| format!("{TOKEN_VARIABLE} is not accepted"))?;
        Ok(caller.coming_via(Via::CommandLine))
    }

    async fn one(&self, caller: &Caller, file: &Path) -> anyhow::Result<Done> {
        self.watch.check()?;
        let publication = self.read(file).await?;
        let done = Done::of(&publication, file);
        self.watch.begin(Meter::start(&done, self.request.dry_run));
        let name = publication.name.clone();
        let published = if self.request.dry_run {
            self.registry.check_publish(caller, &publication).await
        } else {
            self.registry.publish(caller, publication).await.map(drop)
        };
        self.watch.end(published.is_ok());
        match published {
            Ok(()) => Ok(done),
            Err(error) => {
                // An interruption explains every error after it.
                self.watch.check()?;
                let told = advice(&error, caller, name.as_str());
                let error = anyhow::Error::new(error);
                Err(told.map_or(error, |told| anyhow::anyhow!("{told}")))
            }
        }
    }

    async fn read(&self, file: &Path) -> anyhow::Result<Publication> {
        let options = TarballOptions {
            tag: self.request.tag.clone(),
            restricted: self.request.access.map(|access| access == PackageAccess::Restricted),
        };
        let (path, limits) = (file.to_owned(), self.limits);
        let read = move || {
            if path.is_dir() {
                anyhow::bail!("it is a folder: make a tarball of it with `npm pack`, and publish that");
            }
            let tarball = std::fs::read(&path).context("it cannot be read")?;
            let read = Publication::from_tarball_with(tarball.into(), options, &limits);
            Ok(read.map_err(Error::from)?)
        };
        tokio::task::spawn_blocking(read).await.context("the check broke off")?
    }
}

/// Returns advice on an error whose text is not sufficient at the command line.
fn advice(error: &Error, caller: &Caller, package: &str) -> Option<String> {
    let user = caller.name().unwrap_or_default();
    match error {
        Error::Permission(
            PermissionError::Forbidden { .. }
            | PermissionError::DeniedByRule { .. }
            | PermissionError::Hidden { .. },
        )
        | Error::Package(PackageError::NotFound(_)) => Some(format!(
            "{user} may not publish {package}: `registry-server access explain {user} publish {package}` says why, with \
             the same --config or --storage"
        )),
        Error::Challenge(Challenge::OneTimePassword) => Some(format!(
            "a one-time password of {user} is required: add --otp CODE from their authenticator app"
        )),
        _ => None,
    }
}
