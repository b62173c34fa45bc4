use indexmap::IndexMap;
use semver::Version;
use serde::de::IgnoredAny;
use serde_json::value::{RawValue, to_raw_value};

use super::folder::FolderError;

/// An object whose values stay as they are written.
type Object = IndexMap<String, Box<RawValue>>;

/// A `package.json` of Verdaccio as a packument, without what Verdaccio only heard of.
pub(super) struct StoredPackage {
    /// The packument. Each `dist.tarball` is the path of a file below the storage.
    pub(super) packument: Vec<u8>,
    /// How many versions an uplink told of, whose tarballs Verdaccio never took.
    pub(super) never_taken: usize,
    /// Whether nothing is left: no version, and no number of one that was unpublished.
    pub(super) is_empty: bool,
}

/// Why a `package.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoredPackageError {
    #[error("its package.json is not the JSON that Verdaccio writes ({0}): restore it from a backup")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Folder(#[from] FolderError),
}

impl StoredPackage {
    /// Reads the file of a package in the folder `place`. `has_file` tells which tarballs are there.
    pub(super) fn read(
        json: &[u8],
        place: &str,
        has_file: impl Fn(&str) -> Result<bool, FolderError>,
    ) -> Result<Self, StoredPackageError> {
        let mut document: Object = serde_json::from_slice(json)?;
        let (from_uplink, attached) = (files(&document, "_distfiles"), files(&document, "_attachments"));
        let (mut versions, mut never_taken) = (Object::new(), Vec::new());
        for (version, manifest) in object(&document, "versions") {
            let file = file_of(&document, &version, &manifest);
            let is_known = attached.contains_key(&file) || !from_uplink.contains_key(&file);
            if !is_known && !has_file(&file)? {
                never_taken.push(version);
            } else {
                versions.insert(version, with_tarball(manifest, &format!("{place}/{file}"))?);
            }
        }
        // Else their numbers would look unpublished.
        let mut time = object(&document, "time");
        time.retain(|version, _| !never_taken.contains(version));
        let is_empty = versions.is_empty() && time.keys().all(|number| Version::parse(number).is_err());
        let tags = object(&document, "dist-tags");
        let tags: IndexMap<String, String> =
            tags.into_iter().filter_map(|(tag, version)| Some((tag, tagged(&version)?))).collect();
        for (field, value) in [
            ("versions", to_raw_value(&versions)?),
            ("time", to_raw_value(&time)?),
            ("dist-tags", to_raw_value(&tags)?),
        ] {
            document.insert(field.to_owned(), value);
        }
        let packument = serde_json::to_vec(&document)?;
        Ok(Self { packument, never_taken: never_taken.len(), is_empty })
    }
}

/// Whether a package has a tarball that did not come from an uplink.
pub(super) fn is_published_here(json: &[u8]) -> serde_json::Result<bool> {
    let document: Object = serde_json::from_slice(json)?;
    let from_uplink = files(&document, "_distfiles");
    Ok(files(&document, "_attachments").keys().any(|file| !from_uplink.contains_key(file)))
}

/// Returns a field that is an object; an empty one for any other.
fn object(document: &Object, field: &str) -> Object {
    document.get(field).and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default()
}

fn files(document: &Object, field: &str) -> IndexMap<String, IgnoredAny> {
    document.get(field).and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default()
}

fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// Returns the name of the tarball: as Verdaccio looks it up, what stands last in its address.
fn file_of(document: &Object, version: &str, manifest: &RawValue) -> String {
    let dist: Option<Object> = serde_json::from_str::<Object>(manifest.get())
        .ok()
        .and_then(|manifest| serde_json::from_str(manifest.get("dist")?.get()).ok());
    let url = dist.and_then(|dist| text(dist.get("tarball")?)).unwrap_or_default();
    let path = url.split(['?', '#']).next().unwrap_or_default();
    match path.rsplit('/').next() {
        Some(file) if !matches!(file, "" | "." | "..") => file.to_owned(),
        _ => {
            let name = document.get("name").and_then(|name| text(name)).unwrap_or_default();
            format!("{}-{version}.tgz", name.rsplit('/').next().unwrap_or_default())
        }
    }
}

/// Sets `dist.tarball`. A manifest of another form stays as it is: the import refuses it.
fn with_tarball(manifest: Box<RawValue>, path: &str) -> serde_json::Result<Box<RawValue>> {
    let Ok(mut fields) = serde_json::from_str::<Object>(manifest.get()) else { return Ok(manifest) };
    let Some(Ok(mut dist)) = fields.get("dist").map(|dist| serde_json::from_str::<Object>(dist.get())) else {
        return Ok(manifest);
    };
    dist.insert("tarball".to_owned(), to_raw_value(path)?);
    fields.insert("dist".to_owned(), to_raw_value(&dist)?);
    to_raw_value(&fields)
}

/// Returns the version that a tag names. Storages of old have several, of which Verdaccio shows the highest.
fn tagged(value: &RawValue) -> Option<String> {
    text(value).or_else(|| {
        let all: Vec<String> = serde_json::from_str(value.get()).ok()?;
        all.into_iter().max_by_key(|version| Version::parse(version).ok())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(document: &Value, there: &[&str]) -> (Value, usize) {
        let has_file = |file: &str| Ok(there.contains(&file));
        let read = StoredPackage::read(document.to_string().as_bytes(), "@a/b", has_file).ok().unwrap();
        (serde_json::from_slice(&read.packument).unwrap(), read.never_taken)
    }

    #[test]
    fn versions_that_only_an_uplink_has_are_left_out_with_their_times() {
        let dist = |file: &str| json!({ "dist": { "tarball": format!("http://old/@a/b/-/{file}?x"), "shasum": "1" } });
        let document = json!({
            "name": "@a/b",
            "versions": {
                "1.0.0": dist("b-1.0.0.tgz"), "1.1.0": dist("b-1.1.0.tgz"), "1.2.0": dist("b-1.2.0.tgz"),
                "1.3.0": dist("b-1.3.0.tgz"), "1.4.0": {}, "1.5.0": 7,
            },
            "time": { "1.0.0": "a", "1.1.0": "b", "0.9.0": "c" },
            "dist-tags": { "latest": ["1.0.0", "1.2.0", "1.10.0", "1.9.0"], "beta": "1.0.0", "odd": [] },
            "_distfiles": { "b-1.0.0.tgz": {}, "b-1.1.0.tgz": {}, "b-1.2.0.tgz": {} },
            "_attachments": { "b-1.2.0.tgz": {} },
        });
        let (packument, never_taken) = read(&document, &["b-1.0.0.tgz"]);
        assert_eq!(never_taken, 1);
        let versions: Vec<_> = packument["versions"].as_object().unwrap().keys().collect();
        assert_eq!(versions, ["1.0.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"]);
        assert_eq!(
            packument["versions"]["1.0.0"],
            json!({ "dist": { "tarball": "@a/b/b-1.0.0.tgz", "shasum": "1" } })
        );
        assert_eq!(packument["time"], json!({ "1.0.0": "a", "0.9.0": "c" }));
        assert_eq!(packument["dist-tags"], json!({ "latest": "1.10.0", "beta": "1.0.0" }));
    }

    #[test]
    fn packages_of_an_uplink_are_told_from_own_ones() {
        let told = |attached: &[&str], from_uplink: &[&str]| {
            let object =
                |files: &[&str]| files.iter().map(|file| ((*file).to_owned(), json!({}))).collect::<Value>();
            let document = json!({ "_attachments": object(attached), "_distfiles": object(from_uplink) });
            is_published_here(document.to_string().as_bytes()).unwrap()
        };
        assert!(told(&["a"], &[]) && told(&["a", "b"], &["a"]));
        assert!(!told(&[], &["a"]) && !told(&["a"], &["a", "b"]) && !told(&[], &[]));
    }
}
