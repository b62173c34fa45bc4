use serde_json::Value;

use super::{Locked, split_name};

/// Reads `packages`, whose values are `["pear@1.0.0", "", {}, "sha512-…"]` for a package of a registry. The second one is the
/// address of the tarball, if it is not at the registry that bun takes packages from without settings.
pub(super) fn packages(document: &Value, locked: &mut Locked) {
    let packages = document.get("packages").and_then(Value::as_object);
    for entry in packages.into_iter().flat_map(serde_json::Map::values) {
        let text = |at: usize| entry.get(at).and_then(Value::as_str);
        if let Some((name, version)) = text(0).and_then(split_name) {
            locked.add(name, version, text(3), text(1));
        }
    }
}

/// Removes the commas before closing brackets, which bun writes and JSON does not have.
pub(super) fn without_trailing_commas(text: &str) -> String {
    let mut json = String::with_capacity(text.len());
    let (mut is_in_text, mut is_escaped) = (false, false);
    for (at, letter) in text.char_indices() {
        let follows = || text[at + 1..].trim_start().starts_with(['}', ']']);
        if is_in_text || letter != ',' || !follows() {
            json.push(letter);
        }
        if letter == '"' && !is_escaped {
            is_in_text = !is_in_text;
        }
        is_escaped = is_in_text && letter == '\\' && !is_escaped;
    }
    json
}
