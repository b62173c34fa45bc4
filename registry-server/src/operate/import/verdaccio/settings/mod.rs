//! A `registry.toml` made of the configuration of Verdaccio.

mod address;
mod draft;
mod others;
mod pattern;
mod quantity;
mod rules;
mod uplinks;
mod users;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use serde_json::Value;

use super::config_file::ConfigFile;
use crate::settings::Settings;

use draft::Draft;

pub(super) use pattern::patterns;

/// The settings for this registry.
pub(super) struct Converted {
    /// The `registry.toml`.
    pub(super) toml: String,
    /// What has no equal here.
    pub(super) remarks: Vec<Remark>,
    /// Files that the settings name.
    pub(super) side_files: Vec<SideFile>,
}

/// What has no equal here, or another meaning, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Remark {
    /// The key of Verdaccio's configuration.
    pub(super) setting: String,
    /// What to do.
    pub(super) instead: String,
}

/// A file with secrets beside the settings.
pub(super) struct SideFile {
    pub(super) path: PathBuf,
    pub(super) content: Vec<u8>,
}

/// Where the settings belong.
pub(super) struct Place<'a> {
    /// The URL of the storage that is imported to.
    pub(super) storage: &'a str,
    /// The file; `None` if the settings are only shown, so that no other file can be beside them.
    pub(super) file: Option<&'a Path>,
    /// Reads the environment of Verdaccio.
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
}

/// Converts a configuration. Returns no settings that the server would reject for themselves.
pub(super) fn convert(config: &ConfigFile, place: &Place<'_>) -> anyhow::Result<Converted> {
    let mut draft = Draft::default();
    let users = users::convert(config, place, &mut draft)?;
    address::convert(config, place, &mut draft);
    uplinks::convert(config, place, &mut draft);
    rules::convert(config, &users, &mut draft)?;
    others::convert(config, &mut draft);
    let toml = draft.render(config, place);
    let settings = Settings::from_toml(&toml);
    let checked = settings.and_then(|settings| settings.registry.check());
    checked.with_context(|| {
        format!(
            "the settings that follow from {} are wrong: write a registry.toml yourself",
            config.path.display()
        )
    })?;
    Ok(Converted { toml, remarks: draft.remarks, side_files: draft.side_files })
}

/// Returns the words of a list, which Verdaccio takes as a text, too.
pub(super) fn list(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(values)) => values.iter().filter_map(plain).collect(),
        Some(other) => plain(other).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Returns a text, a number or a boolean as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_so) => Some(is_so.to_string()),
        _ => None,
    }
}
