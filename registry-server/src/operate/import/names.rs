use std::fs;
use std::path::Path;

use anyhow::Context as _;
use registry_core::domain::PackageName;
use registry_core::domain::lockfile::parse_lockfile;

use crate::command_line::ImportRegistry;

/// Returns the packages that the request and its files name.
pub(super) fn names(request: &ImportRegistry) -> anyhow::Result<Vec<PackageName>> {
    let mut names = request.names.clone();
    for file in &request.names_files {
        names.extend(listed(&read(file)?).with_context(|| format!("{} cannot be used", file.display()))?);
    }
    for file in &request.lockfiles {
        let locked =
            parse_lockfile(&read(file)?).with_context(|| format!("{} cannot be used", file.display()))?;
        names.extend(locked.into_iter().map(|locked| locked.name));
    }
    if names.is_empty() && request.scopes.is_empty() && !request.all {
        anyhow::bail!("the files name no package: there is nothing to import");
    }
    Ok(names)
}

fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Reads names, one a line.
fn listed(text: &str) -> anyhow::Result<Vec<PackageName>> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(number, line)| {
            let number = number + 1;
            PackageName::parse(line).with_context(|| format!("line {number} is not the name of a package"))
        })
        .collect()
}
