use saphyr::Yaml;

use super::{Locked, may_be_of_registry, split_name};

/// What yarn 1 says of a package.
#[derive(Default)]
struct Block<'text> {
    name: Option<&'text str>,
    version: Option<&'text str>,
    resolved: Option<&'text str>,
    integrity: Option<&'text str>,
}

/// Reads a lock file of yarn 1: a line for the patterns of a package, and indented ones for what they resolve to.
pub(super) fn classic(text: &str, locked: &mut Locked) {
    let mut block = Block::default();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        if let Some(patterns) = line.strip_suffix(':').filter(|line| !line.starts_with(' ')) {
            std::mem::take(&mut block).add_to(locked);
            block.name = patterns.split(", ").next().and_then(name_of_pattern);
        } else if let Some((field, value)) = line
            .strip_prefix("  ")
            .filter(|line| !line.starts_with(' '))
            .and_then(|line| line.split_once(' '))
        {
            let value = Some(value.trim_matches('"'));
            match field {
                "version" => block.version = value,
                "resolved" => block.resolved = value,
                "integrity" => block.integrity = value,
                _ => {}
            }
        }
    }
    block.add_to(locked);
}

impl Block<'_> {
    fn add_to(self, locked: &mut Locked) {
        let Self { name: Some(name), version: Some(version), resolved, integrity } = self else { return };
        if may_be_of_registry(resolved) {
            locked.add(name, version, integrity, resolved);
        }
    }
}

/// Returns the name in `pear@^1.0.0`, and that behind an alias, `apple@npm:pear@^1.0.0`; `None` if the rest names another
/// place than a registry.
fn name_of_pattern(pattern: &str) -> Option<&str> {
    let (name, range) = split_name(pattern.trim_matches('"'))?;
    if let Some(alias) = range.strip_prefix("npm:") {
        return split_name(alias).map(|(name, _)| name).or(Some(alias));
    }
    (!range.contains([':', '/'])).then_some(name)
}

/// Reads a lock file of a later yarn, whose `resolution` is `pear@npm:1.0.0`. Its checksum is that of another archive.
pub(super) fn berry(document: &Yaml<'_>, locked: &mut Locked) {
    for (_, entry) in document.as_mapping().into_iter().flatten() {
        let resolution = entry.as_mapping_get("resolution").and_then(Yaml::as_str);
        let Some((name, place)) = resolution.and_then(split_name) else { continue };
        if let Some(place) = place.strip_prefix("npm:") {
            let (version, parameters) = place.split_once("::").unwrap_or((place, ""));
            let address = url::form_urlencoded::parse(parameters.as_bytes())
                .find_map(|(name, value)| (name == "__archiveUrl").then_some(value));
            locked.add(name, version, None, address.as_deref());
        }
    }
}
