use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::field_types::is_nothing;
use super::folded::folded_name;
use super::{ManifestDisagreement, TarballError};
use crate::domain::shorten::shorten;

/// Whether the document has the commands of the tarball.
///
/// Clients write `bin` as an object, without folders in the names and with plain relative paths.
pub(super) fn agree(
    document: &Map<String, Value>,
    manifest: &Map<String, Value>,
) -> Result<(), ManifestDisagreement> {
    let (said, packed) = (document.get("bin"), manifest.get("bin"));
    if said == packed {
        return Ok(());
    }
    let disagreement = || ManifestDisagreement::new("bin", said, packed);
    let name = manifest.get("name").and_then(Value::as_str).unwrap_or_default().trim();
    let said_commands = match said {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(Value::Object(bins))
            if bins
                .iter()
                .all(|(command, path)| leads_inside(command) && path.as_str().is_some_and(leads_inside)) =>
        {
            commands(said, name)
        }
        Some(_) => return Err(disagreement()),
    };
    let packed_commands = commands(packed, name);
    let folder =
        manifest.get("directories").and_then(|directories| directories.get("bin")).and_then(Value::as_str);
    // If the folder is the whole package, npm begins its paths with a slash.
    let is_whole_package = folder.is_some_and(|folder| parts(folder).is_empty());
    let is_absolute = |path: &Value| path.as_str().is_some_and(|path| path.starts_with('/'));
    if !is_whole_package && said.and_then(Value::as_object).is_some_and(|bins| bins.values().any(is_absolute))
    {
        return Err(disagreement());
    }
    match folder {
        // All files of a folder are commands; clients list more or fewer of them, or none.
        Some(folder) if packed_commands.is_empty() => {
            let folder = parts(folder);
            let is_from_folder = |(command, path): (&String, &String)| {
                let parts = parts(path);
                parts.len() > folder.len()
                    && parts.starts_with(&folder)
                    && parts.last() == Some(&command.as_str())
            };
            if said_commands.iter().all(is_from_folder) { Ok(()) } else { Err(disagreement()) }
        }
        _ if said_commands != packed_commands => Err(disagreement()),
        _ => Ok(()),
    }
}

/// Returns the commands and their paths, normalized as npm does.
pub(super) fn commands(bin: Option<&Value>, name: &str) -> BTreeMap<String, String> {
    let tidied = |command: &str, path: &str| {
        let command = parts(command).last()?.to_string();
        let path = parts(path).join("/");
        (!path.is_empty()).then_some((command, path))
    };
    match bin {
        Some(Value::String(path)) => tidied(name, path).into_iter().collect(),
        Some(Value::Array(paths)) => {
            paths.iter().filter_map(|path| tidied(path.as_str()?, path.as_str()?)).collect()
        }
        Some(Value::Object(bins)) => {
            bins.iter().filter_map(|(command, path)| tidied(command, path.as_str()?)).collect()
        }
        _ => BTreeMap::new(),
    }
}

/// Rejects a `bin` of which clients make different commands. npm takes the file name of a scoped or otherwise long name, yarn 1
/// drops each name that is not plain, and pnpm names the commands of a list by number. npm moves a target that leaves the
/// package back into it, yarn drops it, and pnpm fails on one that is not a string.
pub(super) fn require_plain_commands(manifest: &Map<String, Value>) -> Result<(), TarballError> {
    let bin = manifest.get("bin");
    if is_nothing(bin) {
        return Ok(());
    }
    let own_name = manifest.get("name").and_then(Value::as_str).unwrap_or_default().trim();
    let own_name = own_name.rsplit('/').next().unwrap_or_default();
    match bin {
        Some(Value::String(path)) => {
            require_plain_name(own_name)?;
            require_plain_target(path)
        }
        Some(Value::Object(bins)) => {
            let mut files = BTreeMap::new();
            for (command, target) in bins {
                require_plain_name(command)?;
                let target =
                    target.as_str().ok_or_else(|| odd(command, "has a target that is not a string"))?;
                require_plain_target(target)?;
                let target = parts(target);
                if files.insert(folded_name(command), target.clone()).is_some_and(|other| other != target) {
                    return Err(odd(command, "is on some systems the same file as another command"));
                }
            }
            Ok(())
        }
        Some(Value::Array(_)) => Err(odd("a list", "does not name its commands")),
        _ => Err(odd("its value", "is neither a string nor an object")),
    }
}

fn odd(part: &str, problem: &'static str) -> TarballError {
    TarballError::Command { part: shorten(part).into_owned(), problem }
}

fn require_plain_name(command: &str) -> Result<(), TarballError> {
    if is_plain_name(command) {
        return Ok(());
    }
    Err(odd(command, "is not a name of letters, digits, dots, dashes and underscores"))
}

fn require_plain_target(path: &str) -> Result<(), TarballError> {
    let is_plain =
        leads_inside(path) && !path.starts_with('/') && !path.ends_with('/') && !parts(path).is_empty();
    if is_plain { Ok(()) } else { Err(odd(path, "is not written as the path of a file in the package")) }
}

/// Whether all clients make a command of this name.
pub(super) fn is_plain_name(command: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    // npm cannot make `__proto__`, and others do.
    !["", ".", "..", "__proto__"].contains(&command) && command.bytes().all(is_plain)
}

/// Splits a path inside the package; `..` at the root has no effect, as in npm.
pub(super) fn parts(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split(['/', '\\', ':']) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts
}

/// Whether the path stays inside the package for a client that does not normalize it.
pub(super) fn leads_inside(path: &str) -> bool {
    !path.contains(['\\', ':']) && path.split('/').all(|part| part != "..")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(document: &Value, manifest: &Value) -> bool {
        let mut manifest = manifest.as_object().unwrap().clone();
        manifest.insert("name".to_owned(), json!("@scope/tool"));
        let result = agree(&Map::from_iter([("bin".to_owned(), document.clone())]), &manifest);
        assert!(result.is_ok() || result.unwrap_err().field() == "bin");
        agree(&Map::from_iter([("bin".to_owned(), document.clone())]), &manifest).is_ok()
    }

    #[test]
    fn another_an_added_and_a_hidden_command_are_refused() {
        let packed = json!({ "bin": { "tool": "cli.js" } });
        assert!(says(&json!({ "tool": "cli.js" }), &packed));
        for document in [
            json!(null),
            json!({}),
            json!({ "tool": "evil.js" }),
            json!({ "npm": "cli.js" }),
            json!({ "tool": "cli.js", "npm": "cli.js" }),
            json!({ "tool": "cli.js", "npm": 7 }),
            json!({ "tool": "../../cli.js" }),
            json!({ "tool": "/cli.js" }),
            json!({ "tool": "..\\cli.js" }),
            json!({ "../tool": "cli.js" }),
            json!("cli.js"),
            json!(["cli.js"]),
        ] {
            assert!(!says(&document, &packed), "{document}");
        }
        assert!(!says(&json!({ "npm": "cli.js" }), &json!({})));
        assert!(!says(&json!({ "npm": 7 }), &json!({})));
    }

    #[test]
    fn a_text_stands_for_a_command_of_the_packages_name() {
        for packed in ["cli.js", "./cli.js", "/cli.js", "lib/../cli.js", ".\\cli.js", "../../cli.js"] {
            for document in [json!({ "tool": "cli.js" }), json!({ "@scope/tool": "./cli.js" }), json!(packed)]
            {
                assert!(says(&document, &json!({ "bin": packed })), "{document} and {packed}");
            }
        }
        assert!(!says(&json!({ "scope": "cli.js" }), &json!({ "bin": "cli.js" })));
    }

    #[test]
    fn a_list_stands_for_commands_of_the_files_names() {
        let packed = json!({ "bin": ["./bin/one", "two.js", 3] });
        assert!(says(&json!({ "one": "bin/one", "two.js": "two.js" }), &packed));
        assert!(!says(&json!({ "one": "bin/one" }), &packed));
    }

    #[test]
    fn a_folder_stands_for_its_files() {
        let packed = json!({ "directories": { "bin": "./tools/" } });
        for document in
            [json!(null), json!({ "a": "tools/a" }), json!({ "a": "tools//a", "b.js": "tools/deep/b.js" })]
        {
            assert!(says(&document, &packed), "{document}");
        }
        for document in [
            json!({ "a": "lib/a" }),
            json!({ "npm": "tools/a" }),
            json!({ "tools": "tools" }),
            json!({ "a": "tools/../a" }),
            json!({ "a": "toolsa/a" }),
        ] {
            assert!(!says(&document, &packed), "{document}");
        }
        let whole = json!({ "directories": { "bin": "." } });
        assert!(says(&json!({ "a": "/lib/a" }), &whole));
        assert!(!says(&json!({ "a": "/lib/b" }), &whole));
        let both = json!({ "bin": "cli.js", "directories": { "bin": "tools" } });
        assert!(!says(&json!({ "a": "tools/a" }), &both), "`bin` goes before the folder");
    }
}
