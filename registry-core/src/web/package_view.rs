use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::Version;

/// Scripts that clients run when they install a package.
pub(super) const INSTALL_SCRIPTS: [&str; 3] = ["preinstall", "install", "postinstall"];

/// What pages show of a packument, as readers receive it. Fields of the wrong type count as absent.
#[derive(Debug)]
pub(crate) struct PackageView {
    /// Tag → version, as the packument orders them.
    pub(crate) tags: Vec<(String, String)>,
    /// Highest first.
    pub(crate) versions: Vec<ListedVersion>,
    /// The readme of the packument, which is that of `latest`.
    pub(crate) readme: Option<String>,
    pub(crate) maintainers: Vec<String>,
    json: Bytes,
}

/// What pages list of a version.
#[derive(Debug)]
pub(crate) struct ListedVersion {
    pub(crate) version: Version,
    pub(crate) published: Option<DateTime<Utc>>,
    /// The bytes of its files.
    pub(crate) size: Option<u64>,
    pub(crate) files: Option<u64>,
    pub(crate) dependencies: usize,
    /// The message of a deprecated version.
    pub(crate) deprecated: Option<String>,
    pub(crate) publisher: Option<String>,
    pub(crate) is_signed: bool,
    pub(crate) has_provenance: bool,
    pub(crate) has_install_script: bool,
    /// The place of its manifest in the packument.
    manifest: Range<usize>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, default)]
    versions: IndexMap<String, &'a RawValue>,
    #[serde(default, rename = "dist-tags")]
    tags: Value,
    #[serde(default)]
    time: BTreeMap<String, Value>,
    #[serde(default)]
    readme: Value,
    #[serde(default)]
    maintainers: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Manifest {
    deprecated: Value,
    dist: Value,
    scripts: Value,
    dependencies: Value,
    #[serde(rename = "_npmUser")]
    publisher: Value,
}

impl PackageView {
    /// Reads a full packument.
    pub(crate) fn parse(json: Bytes) -> Result<Self, serde_json::Error> {
        let document: Document<'_> = serde_json::from_slice(&json)?;
        let listed = document.versions.iter().filter_map(|(version, manifest)| {
            ListedVersion::of(version, manifest, place(&json, manifest)?, &document.time)
        });
        let mut versions: Vec<_> = listed.collect();
        versions.sort_unstable_by(|one, other| other.version.cmp(&one.version));
        let tags = document.tags.as_object().into_iter().flatten();
        let tags = tags.filter_map(|(tag, version)| Some((tag.clone(), version.as_str()?.to_owned())));
        let tags = tags.collect();
        let readme = text(&document.readme).filter(|readme| readme != "ERROR: No README data found!");
        let maintainers = people(&document.maintainers);
        Ok(Self { tags, versions, readme, maintainers, json })
    }

    /// Returns the version that `latest` names, or else the highest release, or else the highest.
    pub(crate) fn latest(&self) -> Option<&ListedVersion> {
        let release = || self.versions.iter().find(|listed| !listed.version.is_prerelease());
        self.find("latest").or_else(release).or_else(|| self.versions.first())
    }

    /// Returns the version of this number or dist-tag.
    pub(crate) fn find(&self, selector: &str) -> Option<&ListedVersion> {
        let number = |number: &str| self.versions.iter().find(|listed| listed.version.as_str() == number);
        number(selector).or_else(|| {
            let (_, version) = self.tags.iter().find(|(tag, _)| tag == selector)?;
            number(version)
        })
    }

    /// Returns the tags of a version.
    pub(crate) fn tags_of(&self, version: &Version) -> impl Iterator<Item = &str> {
        let tags = self.tags.iter().filter(move |(_, tagged)| tagged == version.as_str());
        tags.map(|(tag, _)| tag.as_str())
    }

    /// Returns the version before this one, in the order of versions.
    pub(crate) fn before(&self, version: &Version) -> Option<&ListedVersion> {
        let lower = |listed: &&ListedVersion| listed.version < *version;
        let release = self.versions.iter().filter(lower).find(|listed| !listed.version.is_prerelease());
        if version.is_prerelease() { self.versions.iter().find(lower) } else { release }
    }

    /// Returns the manifest of a version.
    pub(crate) fn manifest(&self, listed: &ListedVersion) -> Value {
        let json = self.json.get(listed.manifest.clone()).unwrap_or_default();
        serde_json::from_slice(json).unwrap_or_default()
    }

    /// The approximate memory use in bytes.
    pub(super) fn weight(&self) -> usize {
        let readme = self.readme.as_ref().map_or(0, String::len);
        self.json.len() + readme + self.versions.len() * 256 + self.tags.len() * 64
    }
}

impl ListedVersion {
    fn of(
        version: &str,
        manifest: &RawValue,
        place: Range<usize>,
        time: &BTreeMap<String, Value>,
    ) -> Option<Self> {
        let published = time.get(version).and_then(Value::as_str).and_then(|time| time.parse().ok());
        let version = Version::parse(version).ok()?;
        let read: Manifest = serde_json::from_str(manifest.get()).unwrap_or_default();
        let scripts = read.scripts.as_object();
        Some(Self {
            version,
            published,
            size: read.dist["unpackedSize"].as_u64(),
            files: read.dist["fileCount"].as_u64(),
            dependencies: read.dependencies.as_object().map_or(0, serde_json::Map::len),
            deprecated: text(&read.deprecated).filter(|message| !message.is_empty()),
            publisher: person(&read.publisher),
            is_signed: read.dist["signatures"].as_array().is_some_and(|signatures| !signatures.is_empty()),
            has_provenance: read.dist["attestations"].is_object(),
            has_install_script: scripts
                .is_some_and(|scripts| INSTALL_SCRIPTS.iter().any(|script| scripts.contains_key(*script))),
            manifest: place,
        })
    }
}

/// Returns the place of a part of a text in it.
fn place(whole: &[u8], part: &RawValue) -> Option<Range<usize>> {
    let start = part.get().as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let end = start + part.get().len();
    (end <= whole.len()).then_some(start..end)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Returns the name of a person, which is an object or a text such as `Ana <ana@registry.example>`.
pub(crate) fn person(value: &Value) -> Option<String> {
    let name = value["name"].as_str().or_else(|| value["username"].as_str());
    let name = name.or_else(|| value.as_str().and_then(|text| text.split(['<', '(']).next()));
    name.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
}

fn people(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(person).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn view(document: &Value) -> PackageView {
        PackageView::parse(document.to_string().into()).unwrap()
    }

    #[test]
    fn versions_are_listed_from_the_highest() {
        let view = view(&json!({
            "dist-tags": { "latest": "1.10.0", "next": "2.0.0-rc.1", "gone": "9.9.9" },
            "versions": {
                "1.2.0": { "version": "1.2.0" },
                "1.10.0": { "description": "ten", "dependencies": { "fig": "1" }, "scripts": { "install": "x" },
                            "dist": { "unpackedSize": 7, "fileCount": 2, "signatures": [{}] } },
                "2.0.0-rc.1": { "deprecated": "broken", "_npmUser": { "name": "ana" } },
                "not a version": {},
            },
            "time": { "1.10.0": "2026-01-02T03:04:05.000Z", "1.2.0": 7 },
        }));
        let versions: Vec<_> = view.versions.iter().map(|listed| listed.version.as_str()).collect();
        assert_eq!(versions, ["2.0.0-rc.1", "1.10.0", "1.2.0"]);
        let latest = view.latest().unwrap();
        assert_eq!((latest.version.as_str(), latest.size, latest.dependencies), ("1.10.0", Some(7), 1));
        assert!(latest.is_signed && latest.has_install_script && latest.published.is_some());
        assert_eq!(view.manifest(latest)["description"], "ten");
        let next = view.find("next").unwrap();
        assert_eq!((next.deprecated.as_deref(), next.publisher.as_deref()), (Some("broken"), Some("ana")));
        assert!(view.find("gone").is_none() && view.find("3.0.0").is_none());
        assert_eq!(view.before(&latest.version).unwrap().version.as_str(), "1.2.0");
        assert_eq!(view.tags_of(&latest.version).collect::<Vec<_>>(), ["latest"]);
    }

    #[test]
    fn fields_of_the_wrong_type_count_as_absent() {
        for odd in [json!(null), json!(7), json!("x"), json!([]), json!({}), json!([null, 7])] {
            let view = view(&json!({
                "dist-tags": odd, "readme": odd, "maintainers": odd, "time": { "1.0.0": odd },
                "versions": { "1.0.0": { "deprecated": odd, "dist": odd, "scripts": odd, "dependencies": odd,
                                         "_npmUser": odd } },
            }));
            assert_eq!(view.latest().unwrap().version.as_str(), "1.0.0", "{odd}");
        }
        assert!(view(&json!({})).latest().is_none());
    }
}
