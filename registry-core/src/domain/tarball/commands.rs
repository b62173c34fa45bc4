use std::collections::BTreeMap;

use flate2::bufread::MultiGzDecoder;
use serde_json::{Map, Value};
use tar::Archive;

use super::bins::{commands as tidied, parts};

/// Returns the commands of a package with the paths of their files, as clients write them into a publish document: from
/// `bin`, or else all files below `directories.bin`, for which the tarball is scanned. The tarball must be inspected.
pub(in crate::domain) fn commands(manifest: &Map<String, Value>, tarball: &[u8]) -> BTreeMap<String, String> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let listed = tidied(manifest.get("bin"), &text(manifest.get("name")));
    let folder = manifest.get("directories").and_then(|directories| directories.get("bin"));
    match folder.and_then(Value::as_str) {
        Some(folder) if listed.is_empty() && !parts(folder).is_empty() => below(&parts(folder), tarball),
        _ => listed,
    }
}

/// Returns the files below a folder of the package, by name. Files whose names begin with a dot are not commands.
fn below(folder: &[&str], tarball: &[u8]) -> BTreeMap<String, String> {
    let mut archive = Archive::new(MultiGzDecoder::new(tarball));
    // The tarball was inspected, so it has no unreadable entry.
    let paths = archive.entries().into_iter().flatten().filter_map(Result::ok).filter_map(|entry| {
        let is_file = entry.header().entry_type().is_file();
        is_file.then(|| String::from_utf8_lossy(&entry.path_bytes()).into_owned())
    });
    let command = |path: String| {
        let inside = parts(&path).get(1..)?.to_vec();
        let name = *inside.last()?;
        let is_command = inside.len() > folder.len() && inside.starts_with(folder) && !name.starts_with('.');
        is_command.then(|| (name.to_owned(), inside.join("/")))
    };
    paths.filter_map(command).collect()
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
        for path in
            ["package/package.json", "package/bin/pear.js", "package/bin/deep/apple", "package/bin/.x"]
        {
            let mut header = tar::Header::new_ustar();
            header.set_size(2);
            archive.append_data(&mut header, path, &b"{}"[..]).unwrap();
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&archive.into_inner().unwrap()).unwrap();
        let tarball = gzip.finish().unwrap();
        let of = |manifest: Value| json!(commands(manifest.as_object().unwrap(), &tarball));
        let folder = json!({ "name": "a", "directories": { "bin": "./bin/" } });
        assert_eq!(of(folder), json!({ "pear.js": "bin/pear.js", "apple": "bin/deep/apple" }));
        let both = json!({ "name": "@s/a", "bin": "./cli.js", "directories": { "bin": "bin" } });
        assert_eq!(of(both), json!({ "a": "cli.js" }));
        assert_eq!(of(json!({ "name": "a" })), json!({}));
    }
}
