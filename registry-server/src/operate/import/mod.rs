//! `import`: takes over packages of other registries.

mod credential;
mod names;
mod registry;
mod report;
mod totals;
mod verdaccio;

use crate::command_line::{ImportSource, Overrides};

pub(super) use report::{NoExtra, Report};

/// Imports packages.
pub(crate) fn import(overrides: &Overrides, source: &ImportSource) -> anyhow::Result<()> {
    match source {
        ImportSource::Registry(request) => registry::import(overrides, request),
        ImportSource::Verdaccio(request) => verdaccio::import(overrides, request),
    }
}
