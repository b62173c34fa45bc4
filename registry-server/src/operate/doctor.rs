//! `doctor`: looks at everything that a server needs, and says what to do about what is wrong.

mod deliveries;
mod machine;

#[cfg(unix)]
pub(super) use machine::mode_of_content;

use std::io;
use std::sync::Arc;

use chrono::TimeDelta;
use registry_core::Registry;
use registry_core::settings::{
    LogFilter, Settings as RegistrySettings, StorageUrl, Trial, check_named, open_existing_store,
    registry_builder,
};
use registry_core::storage::{BlobStore, Key};
use serde::Serialize;

use super::bulk::count;
use super::exit::Findings;
use super::progress::Progress;
use super::session::{CLOCK_LEAD, runtime};
use crate::command_line::Overrides;
use crate::logging;
use crate::run::{THREADS_TIME, complete_upstreams, refuse_memory, refuse_unsound};
use crate::settings::Settings;

/// One examined thing.
#[derive(Debug, Serialize)]
struct Examined {
    check: &'static str,
    state: CheckState,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum CheckState {
    Ok,
    /// It works, but not for every load, or not for long.
    Warning,
    Wrong,
}

impl Examined {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, state: CheckState::Ok, message: message.into(), advice: None }
    }

    fn warning(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        let (message, advice) = (message.into(), Some(advice.into()));
        Self { check, state: CheckState::Warning, message, advice }
    }

    fn wrong(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        let (message, advice) = (message.into(), Some(advice.into()));
        Self { check, state: CheckState::Wrong, message, advice }
    }

    fn text(&self) -> String {
        let state = match self.state {
            CheckState::Ok => "ok     ",
            CheckState::Warning => "warning",
            CheckState::Wrong => "WRONG  ",
        };
        let advice = self.advice.as_ref().map_or_else(String::new, |advice| format!("; {advice}"));
        format!("{state} {}: {}{advice}", self.check, self.message)
    }
}

/// Shows each check as soon as it is done.
struct Doctor {
    progress: Progress,
    warnings: u64,
    wrong: u64,
}

#[derive(Serialize)]
struct Summary {
    wrong: u64,
    warnings: u64,
}

impl Doctor {
    fn tell(&mut self, check: &Examined) -> io::Result<()> {
        match check.state {
            CheckState::Ok => {}
            CheckState::Warning => self.warnings += 1,
            CheckState::Wrong => self.wrong += 1,
        }
        self.progress.step();
        self.progress.show(check, &check.text())
    }

    fn finish(self) -> anyhow::Result<()> {
        let Self { progress, warnings, wrong } = self;
        let text = format!("{wrong} wrong, {}", count(warnings, "warning"));
        progress.finish(&Summary { wrong, warnings }, &text)?;
        if wrong == 0 { Ok(()) } else { Err(Findings.into()) }
    }
}

/// Examines everything, and fails with [`Findings`] if something is wrong.
pub(crate) fn examine(overrides: &Overrides) -> anyhow::Result<()> {
    let mut doctor = Doctor { progress: Progress::begin("examining", None), warnings: 0, wrong: 0 };
    let settings = Settings::load_for_process(overrides);
    let settings = settings.and_then(|settings| refuse_unsound(&settings).map(|()| settings));
    let mut settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            doctor.tell(&Examined::wrong(
                "settings",
                format!("{error:#}"),
                "correct them, and run this again",
            ))?;
            return doctor.finish();
        }
    };
    refuse_memory(&settings.registry.storage)?;
    doctor.tell(&Examined::ok("settings", "they are valid"))?;
    for warning in settings.warnings() {
        doctor.tell(&Examined::warning("settings", warning, "or keep it, if you want it so"))?;
    }
    for check in machine::open_files() {
        doctor.tell(&check)?;
    }
    if let StorageUrl::Folder(folder) = &settings.registry.storage.url {
        for check in machine::folder(folder) {
            doctor.tell(&check)?;
        }
    }
    settings.registry.log.filter = LogFilter::warnings();
    settings.registry.log.audit = false;
    let _flusher = logging::start(&settings.registry.log)?;
    complete_upstreams(&mut settings);
    let with_changes = settings.registry.clone();
    settings.registry.turn_changes_off();
    let runtime = runtime()?;
    let examined = runtime.block_on(examine_services(&settings.registry, &with_changes, &mut doctor));
    runtime.shutdown_timeout(THREADS_TIME);
    examined?;
    doctor.finish()
}

/// Examines what is asked over a network, or on a disk.
async fn examine_services(
    settings: &RegistrySettings,
    with_changes: &RegistrySettings,
    doctor: &mut Doctor,
) -> anyhow::Result<()> {
    let url = &settings.storage.url;
    let store = match open_existing_store(&settings.storage, Trial::Always).await {
        Ok(store) => store,
        Err(error) => {
            let error = format!("{:#}", anyhow::Error::from(error));
            doctor.tell(&Examined::wrong("storage", error, "until then, nothing else can be examined"))?;
            return Ok(());
        }
    };
    // A registry on the store would create the marker, so that nothing is found any more.
    match has(store.as_ref(), Key::Marker).await {
        Ok(true) => {}
        Ok(false) if has(store.as_ref(), Key::CopyRecord).await? => {
            doctor.tell(&Examined::wrong(
                "storage",
                format!("{url} is a copy that did not come to its end"),
                "run `registry-server copy` again, which finishes it",
            ))?;
            return Ok(());
        }
        Ok(false) => {
            doctor.tell(&Examined::wrong(
                "storage",
                format!("{url} has packages and no marker _registry.json"),
                "restore it from a backup while servers run, which answer 503 without it; or restart all servers, which create one",
            ))?;
            return Ok(());
        }
        Err(error) => {
            doctor.tell(&Examined::wrong("storage", format!("{error:#}"), "restore it from a backup"))?;
            return Ok(());
        }
    }
    let opened = registry_builder(settings, Arc::clone(&store)).map(registry_core::RegistryBuilder::build);
    let registry = match opened {
        Ok(registry) => registry,
        Err(error) => {
            let error = format!("{:#}", anyhow::Error::from(error));
            doctor.tell(&Examined::wrong("settings", error, "correct them, and run this again"))?;
            return Ok(());
        }
    };
    if let Err(error) = check_named(with_changes) {
        let error = format!("{:#}", anyhow::Error::from(error));
        doctor.tell(&Examined::wrong("settings", error, "correct them, and run this again"))?;
    }
    doctor.tell(&match registry.ready().await {
        Ok(()) => Examined::ok("storage", format!("{url}: reads, writes and conditional writes work")),
        Err(error) => Examined::wrong("storage", chain(error), "check the storage, and run this again"),
    })?;
    if settings.signing.enabled != Some(false) {
        doctor.tell(&signing(&registry).await)?;
    }
    doctor.tell(&clock(&registry).await)?;
    for check in deliveries::deliveries(with_changes, &registry).await {
        doctor.tell(&check)?;
    }
    for upstream in registry.check_upstreams().await {
        let name = format!("[upstreams.{}] {}", upstream.id, upstream.upstream);
        doctor.tell(&match upstream.answer {
            Ok(()) => Examined::ok("upstream", format!("{name} answers")),
            Err(error) => Examined::wrong(
                "upstream",
                format!("{name}: {}", chain(error)),
                "check its url, its token, and whether this machine reaches it",
            ),
        })?;
    }
    Ok(())
}

async fn has(store: &dyn BlobStore, key: Key<'_>) -> anyhow::Result<bool> {
    Ok(store.get(&key.path()?).await?.is_some())
}

async fn signing(registry: &Registry) -> Examined {
    match registry.check_signer().await {
        Ok(()) => Examined::ok("signing", "versions can be signed"),
        Err(error) => Examined::wrong("signing", chain(error), "until then, nothing can be published"),
    }
}

async fn clock(registry: &Registry) -> Examined {
    match registry.clock_lead().await {
        Ok(lead) if lead.abs() <= CLOCK_LEAD => Examined::ok("clock", "it agrees with that of the storage"),
        Ok(lead) => {
            let side = if lead > TimeDelta::zero() { "ahead of" } else { "behind" };
            let message = format!("it is {} minutes {side} that of the storage", lead.num_minutes().abs());
            Examined::wrong("clock", message, "set it, and let NTP keep it: tokens and logins expire by it")
        }
        Err(error) => {
            Examined::wrong("clock", chain(error), "check whether the storage may be written and listed")
        }
    }
}

fn chain(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::new(error))
}
