//! `import verdaccio`: takes over the packages, the users and the settings of a Verdaccio from its files.

mod chunks;
mod config_file;
mod folder;
mod package_json;
mod settings;
mod settings_file;
mod storage;
mod upstream;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use registry_core::bulk::ImportOptions;
use registry_core::domain::PackageName;
use serde::Serialize;

use super::report::{Extra, Report};
use crate::command_line::{ImportVerdaccio, Overrides};
use crate::operate::bulk::{count, mode, say};
use crate::operate::session::{Access, run, try_storage};
use crate::run::print;
use crate::settings::Settings;

use config_file::ConfigFile;
use settings::{Converted, Place, convert};
use settings_file::Written;
use storage::VerdaccioStorage;
use upstream::VerdaccioUpstream;

/// Imports packages of a Verdaccio, and writes the settings that follow from its own.
pub(super) fn import(overrides: &Overrides, request: &ImportVerdaccio) -> anyhow::Result<()> {
    // What is wrong with the files is told before anything is written.
    let config = ConfigFile::read(&request.from)?;
    let target = Settings::load(overrides)?.registry.storage.url.to_string();
    let target = absolute(&target)?;
    let file = settings_file(overrides, request)?;
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let place = Place { storage: &target, file: file.as_deref(), variable: &variable };
    let converted = convert(&config, &place)?;
    if request.settings_out.as_deref() == Some(Path::new("-")) {
        return print(&converted.toml);
    }
    let storage = Arc::new(VerdaccioStorage::open(&config)?);
    let (listed, unlisted) = (storage.listed(), storage.unlisted());
    let mut overrides = overrides.clone();
    let mut are_new = false;
    if let Some(file) = &file {
        if !request.dry_run {
            // Settings that name a storage that cannot be used would be half of the work.
            try_storage(&overrides)?;
        }
        are_new = write_settings(file, &converted, request.dry_run)?;
        // Packages are imported under the rules by which they are served.
        if overrides.config.is_none() && file.is_file() {
            overrides.config = Some(file.display().to_string());
        }
    }
    let mut options = ImportOptions::default();
    options.names = listed.names;
    options.mode = mode(request.dry_run);
    options.stars = true;
    options.into_published = request.into_published;
    let access = if request.dry_run { Access::LooksAhead } else { Access::Begins };
    run(&overrides, access, async |registry| {
        let mut report = Report::begin(request.dry_run, options.names.len() as u64);
        // An operator who repeats the command has read them.
        for remark in converted.remarks.iter().filter(|_| are_new) {
            report.show(remark, &format!("config.yaml, {}: {}", remark.setting, remark.instead))?;
        }
        for package in &listed.empty {
            let record = Empty { package: package.as_str(), left_out: "it has no version" };
            report.show(&record, &format!("{package} is left out: {}", record.left_out))?;
        }
        for failure in listed.failures.into_iter().chain(unlisted.failures) {
            report.fail(failure)?;
        }
        let source = Arc::new(VerdaccioUpstream(Arc::clone(&storage)));
        let left_out = LeftOut { storage: &storage, cached: listed.cached + unlisted.cached };
        report.packages(registry.import_packages(source, options), &left_out).await
    })
}

/// Returns the file for the settings; `None` if none is written: an operator who names a configuration has one.
fn settings_file(overrides: &Overrides, request: &ImportVerdaccio) -> anyhow::Result<Option<PathBuf>> {
    let file = match request.settings_out.as_deref() {
        Some(file) if file == Path::new("-") => return Ok(None),
        Some(file) => file,
        None if overrides.config.is_some() => return Ok(None),
        None => Path::new("registry.toml"),
    };
    Ok(Some(std::path::absolute(file)?))
}

/// Returns whether the settings are new.
fn write_settings(file: &Path, converted: &Converted, is_dry_run: bool) -> anyhow::Result<bool> {
    let shown = file.display();
    if is_dry_run && !file.exists() {
        say(&format!("the settings would be in {shown}; show them with --settings-out -"));
        return Ok(true);
    }
    let written = if is_dry_run { Written::Kept } else { settings_file::write(file, converted)? };
    match written {
        Written::New => say(&format!("the settings are in {shown}")),
        Written::Kept => say(&format!("{shown} is there already, and stays as it is")),
    }
    Ok(written == Written::New)
}

/// Relative paths in a `registry.toml` start at its folder.
fn absolute(storage: &str) -> anyhow::Result<String> {
    match storage.strip_prefix("file:") {
        Some(folder) => {
            Ok(format!("file:{}", std::path::absolute(folder)?.components().collect::<PathBuf>().display()))
        }
        None => Ok(storage.to_owned()),
    }
}

/// A package of which there is nothing to import.
#[derive(Serialize)]
struct Empty<'a> {
    package: &'a str,
    #[serde(rename = "left-out")]
    left_out: &'static str,
}

/// What Verdaccio has of its uplinks.
struct LeftOut<'a> {
    storage: &'a VerdaccioStorage,
    cached: u64,
}

impl Extra for LeftOut<'_> {
    fn notes(&self, package: &PackageName) -> Vec<String> {
        let never_taken = self.storage.never_taken(package);
        let note = || {
            let versions = count(never_taken as u64, "version");
            format!(
                "{versions} left out: Verdaccio heard of them from an uplink, and never took their tarballs"
            )
        };
        (never_taken > 0).then(note).into_iter().collect()
    }

    fn cached_packages(&self) -> Option<u64> {
        Some(self.cached)
    }
}
