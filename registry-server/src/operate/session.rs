//! Opens the storage of a server for a long command.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::TimeDelta;
use registry_core::Registry;
use registry_core::domain::PackageName;
use registry_core::settings::{
    LogFilter, StorageSettings, StorageUrl, Trial, open_existing_store, open_store, registry_builder,
};
use registry_core::storage::{BlobStore, ObjectStoreBlobs, ReadOnly};
use tokio::runtime::{Builder, Runtime};

use crate::command_line::Overrides;
use crate::logging;
use crate::run::{FLUSH_TIME, THREADS_TIME, complete_upstreams, refuse_memory};
use crate::settings::Settings;

/// How far the clock may be ahead before young files look old.
pub(super) const CLOCK_LEAD: TimeDelta = TimeDelta::minutes(5);

/// Whether a command writes to the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Reads,
    /// Like `Reads`, of a storage that `Begins` would begin.
    LooksAhead,
    Writes,
    /// Like `Writes`, and begins the storage if there is none.
    Begins,
}

impl Access {
    fn writes(self) -> bool {
        matches!(self, Self::Writes | Self::Begins)
    }
}

/// Reads the settings of a command, which prints its own messages in place of most log lines.
pub(crate) fn load(overrides: &Overrides) -> anyhow::Result<Settings> {
    let mut settings = Settings::load_for_process(overrides)?;
    refuse_memory(&settings.registry.storage)?;
    if settings.registry.log.filter == LogFilter::default() {
        settings.registry.log.filter = LogFilter::warnings();
    }
    Ok(settings)
}

pub(super) fn runtime() -> anyhow::Result<Runtime> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("cannot start the threads of the command")
}

/// Opens the storage, runs `work`, and waits for the last events.
pub(super) fn run<Done>(
    overrides: &Overrides,
    access: Access,
    work: impl AsyncFnOnce(&Registry) -> anyhow::Result<Done>,
) -> anyhow::Result<Done> {
    run_with(load(overrides)?, access, work)
}

/// Like [`run`], with settings that were read.
pub(super) fn run_with<Done>(
    mut settings: Settings,
    access: Access,
    work: impl AsyncFnOnce(&Registry) -> anyhow::Result<Done>,
) -> anyhow::Result<Done> {
    if !access.writes() {
        // Both write in the background.
        settings.registry.log.audit = false;
        settings.registry.turn_changes_off();
    }
    let _flusher = logging::start(&settings.registry.log)?;
    complete_upstreams(&mut settings);
    let settings = settings.registry;
    let runtime = runtime()?;
    let done = runtime.block_on(async {
        let store = open(&settings.storage, access).await?;
        let registry = registry_builder(&settings, Arc::clone(&store))?.build();
        if access.writes() {
            refuse_fast_clock(&registry).await?;
        }
        let done = work(&registry).await;
        if tokio::time::timeout(FLUSH_TIME, registry.flush_events()).await.is_err() {
            tracing::warn!("the last events did not reach the audit log in time");
        }
        done
    });
    runtime.shutdown_timeout(THREADS_TIME);
    done
}

/// Returns the hosted packages, or `only` that one.
pub(super) async fn packages(
    registry: &Registry,
    only: Option<&PackageName>,
) -> anyhow::Result<Vec<PackageName>> {
    let mut names = registry.hosted_packages().await?;
    if let Some(wanted) = only {
        names.retain(|name| name == wanted);
        if names.is_empty() {
            anyhow::bail!(
                "no package {wanted} is hosted in this storage: check the name, and --storage or --config"
            );
        }
    }
    Ok(names)
}

/// Fails where a command could not write to its storage.
pub(super) fn try_storage(overrides: &Overrides) -> anyhow::Result<()> {
    let settings = load(overrides)?;
    runtime()?.block_on(open(&settings.registry.storage, Access::Begins)).map(drop)
}

async fn open(settings: &StorageSettings, access: Access) -> anyhow::Result<Arc<dyn BlobStore>> {
    Ok(match (access, &settings.url) {
        (Access::Writes, _) => open_existing_store(settings, Trial::Always).await?,
        (Access::Begins, _) => open_store(settings, Trial::Always).await?,
        (Access::Reads, _) => Arc::new(ReadOnly::new(open_existing_store(settings, Trial::Never).await?)),
        // Opening a folder begins a storage there.
        (Access::LooksAhead, StorageUrl::Folder(folder)) if is_unused(folder) && !settings.must_exist => {
            Arc::new(ObjectStoreBlobs::in_memory())
        }
        (Access::LooksAhead, _) => Arc::new(ReadOnly::new(open_store(settings, Trial::Never).await?)),
    })
}

fn is_unused(folder: &Path) -> bool {
    match folder.read_dir() {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// With a clock that is ahead, tarballs of publishes in progress would count as old.
async fn refuse_fast_clock(registry: &Registry) -> anyhow::Result<()> {
    let lead = registry.clock_lead().await.context("cannot compare the clock with that of the storage")?;
    if lead > CLOCK_LEAD {
        anyhow::bail!(
            "the clock of this machine is {} minutes ahead of the storage's, so young files look old: set the clock, and \
             run the command again",
            lead.num_minutes()
        );
    }
    Ok(())
}
