use serde_json::{Map, Value};

use super::{Locked, may_be_of_registry, split_name};

const FOLDER: &str = "node_modules/";

/// Reads `packages`, which versions 2 and 3 have, or else `dependencies`.
pub(super) fn packages(document: &Value, locked: &mut Locked) {
    match document.get("packages").and_then(Value::as_object) {
        Some(packages) => installed(packages, locked),
        None => dependencies(document, locked),
    }
}

fn text<'json>(entry: &'json Value, field: &str) -> Option<&'json str> {
    entry.get(field).and_then(Value::as_str)
}

/// Whether an entry is part of another package, or a link to a folder.
fn is_elsewhere(entry: &Value) -> bool {
    ["link", "inBundle", "bundled"].iter().any(|field| entry.get(field) == Some(&Value::Bool(true)))
}

/// Reads folders below `node_modules`. An alias has its name in the entry.
fn installed(packages: &Map<String, Value>, locked: &mut Locked) {
    for (path, entry) in packages {
        let Some((_, folder)) = path.rsplit_once(FOLDER) else { continue };
        let (name, version) = (text(entry, "name").unwrap_or(folder), text(entry, "version"));
        if let Some(version) = version
            && !is_elsewhere(entry)
            && may_be_of_registry(text(entry, "resolved"))
        {
            locked.add(name, version, text(entry, "integrity"), text(entry, "resolved"));
        }
    }
}

/// Reads dependencies within dependencies. An alias has its name before the version: `npm:pear@1.0.0`.
fn dependencies(of: &Value, locked: &mut Locked) {
    let entries = of.get("dependencies").and_then(Value::as_object);
    for (name, entry) in entries.into_iter().flatten() {
        let version = text(entry, "version").unwrap_or_default();
        let alias = version.strip_prefix("npm:").and_then(split_name);
        let (name, version) = alias.unwrap_or((name, version));
        if !is_elsewhere(entry) && may_be_of_registry(text(entry, "resolved")) {
            locked.add(name, version, text(entry, "integrity"), text(entry, "resolved"));
        }
        dependencies(entry, locked);
    }
}
