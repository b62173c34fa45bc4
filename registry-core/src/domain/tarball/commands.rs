use std::collections::BTreeMap;

use flate2::bufread::MultiGzDecoder;
use serde_json::{Map, Value};
use tar::Archive;

use super::TarballError;
use super::bins::{commands as tidied, is_plain_name, leads_inside, parts};
use super::path::same_file_somewhere;
use crate::domain::shorten::shorten;

/// Returns the commands of a package with the paths of their files, as clients write them into a publish document: from
/// `bin`, or else all files below `directories.bin`, for which the tarball is scanned. The tarball must be inspected.
pub(in crate::domain) fn commands(manifest: &Map<String, Value>, tarball: &[u8]) -> BTreeMap<String, String> {
    match folder_of_commands(manifest) {
        Some(folder) => Files::below(&parts(folder), tarball).commands,
        None => listed(manifest),
    }
}

/// Returns the folder whose files are the commands, if `bin` lists none.
pub(super) fn folder_of_commands(manifest: &Map<String, Value>) -> Option<&str> {
    let folder = manifest.get("directories")?.get("bin")?.as_str()?;
    (!folder.is_empty() && listed(manifest).is_empty()).then_some(folder)
}

/// Rejects a folder of commands that clients read differently: npm and pnpm read subfolders, yarn 1 and bun do not, and npm
/// and yarn 1 treat the subfolders as commands. Everything else about the tarball must be inspected.
pub(super) fn require_plain_folder(
    manifest: &Map<String, Value>,
    tarball: &[u8],
) -> Result<(), TarballError> {
    let Some(folder) = folder_of_commands(manifest) else { return Ok(()) };
    let refuse =
        |path: &str, problem| Err(TarballError::CommandFolder { path: shorten(path).into_owned(), problem });
    if !leads_inside(folder) {
        return refuse(folder, "is not written as a folder of the package");
    }
    if matches!(manifest.get("bin"), Some(Value::Object(_) | Value::Array(_))) {
        return refuse(folder, "stands beside an empty `bin`");
    }
    match Files::below(&parts(folder), tarball).odd {
        Some((path, problem)) => refuse(&path, problem),
        None => Ok(()),
    }
}

fn listed(manifest: &Map<String, Value>) -> BTreeMap<String, String> {
    let name = manifest.get("name").and_then(Value::as_str).unwrap_or_default();
    tidied(manifest.get("bin"), name.trim())
}

/// What is in a folder of commands.
#[derive(Default)]
struct Files {
    commands: BTreeMap<String, String>,
    /// The first path that is in the folder for some clients or on some disks only, and why.
    odd: Option<(String, &'static str)>,
}

impl Files {
    /// Scans a folder of the package. Files whose names begin with a dot are not commands.
    fn below(folder: &[&str], tarball: &[u8]) -> Self {
        let mut archive = Archive::new(MultiGzDecoder::new(tarball));
        let mut files = Self::default();
        // The tarball was inspected, so it has no unreadable entry.
        for entry in archive.entries().into_iter().flatten().filter_map(Result::ok) {
            let is_file = entry.header().entry_type().is_file();
            files.add(folder, &String::from_utf8_lossy(&entry.path_bytes()), is_file);
        }
        files
    }

    fn add(&mut self, folder: &[&str], path: &str, is_file: bool) {
        let all = parts(path);
        let Some((within, [name, deeper @ ..])) =
            all.get(1..).and_then(|inside| inside.split_at_checked(folder.len()))
        else {
            return;
        };
        let is_there = within
            .iter()
            .zip(folder)
            .all(|(one, other)| same_file_somewhere(one) == same_file_somewhere(other));
        if !is_there || name.starts_with('.') {
            return;
        }
        let problem = if within != folder {
            "is in the folder on some systems only"
        } else if !deeper.is_empty() {
            "is in a subfolder"
        } else if !is_file {
            "is a subfolder"
        } else if !is_plain_name(name) {
            "is not a name of letters, digits, dots, dashes and underscores"
        } else {
            self.commands.insert((*name).to_owned(), all[1..].join("/"));
            return;
        };
        self.odd.get_or_insert_with(|| (path.to_owned(), problem));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_folder_of_commands_is_looked_through() {
        let mut archive = tar::Builder::new(Vec::new());
        for path in ["package/package.json", "package/bin/pear.js", "package/bin/.x", "package/bin/.y/z"] {
            let mut header = tar::Header::new_ustar();
            header.set_size(2);
            archive.append_data(&mut header, path, &b"{}"[..]).unwrap();
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&archive.into_inner().unwrap()).unwrap();
        let tarball = gzip.finish().unwrap();
        let of = |manifest: Value| json!(commands(manifest.as_object().unwrap(), &tarball));
        let folder = json!({ "name": "a", "directories": { "bin": "./bin/" } });
        assert_eq!(of(folder), json!({ "pear.js": "bin/pear.js" }));
        let both = json!({ "name": "@s/a", "bin": "./cli.js", "directories": { "bin": "bin" } });
        assert_eq!(of(both), json!({ "a": "cli.js" }));
        assert_eq!(of(json!({ "name": "a" })), json!({}));
    }
}
