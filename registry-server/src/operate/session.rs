//! Opens the storage of a server for a long command.

use std::sync::Arc;

use anyhow::Context as _;
use chrono::TimeDelta;
use registry_core::Registry;
use registry_core::settings::{LogFilter, Trial, open_existing_store, registry_builder};
use registry_core::storage::{BlobStore, ReadOnly};
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
    Writes,
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
    let mut settings = load(overrides)?;
    if access == Access::Reads {
        // Both write in the background.
        settings.registry.log.audit = false;
        settings.registry.turn_changes_off();
    }
    let _flusher = logging::start(&settings.registry.log)?;
    complete_upstreams(&mut settings);
    let settings = settings.registry;
    let runtime = runtime()?;
    let done = runtime.block_on(async {
        let trial = if access == Access::Writes { Trial::Always } else { Trial::Never };
        let store = open_existing_store(&settings.storage, trial).await?;
        let store: Arc<dyn BlobStore> =
            if access == Access::Reads { Arc::new(ReadOnly::new(store)) } else { store };
        let registry = registry_builder(&settings, Arc::clone(&store))?.build();
        if access == Access::Writes {
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
