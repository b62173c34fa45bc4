use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::domain::lockfile::LockedPackage;
use crate::domain::{PackageName, Version};

/// The digests that npm's integrities name, as CycloneDX spells them.
const ALGORITHMS: [(&str, &str); 4] =
    [("sha512-", "SHA-512"), ("sha384-", "SHA-384"), ("sha256-", "SHA-256"), ("sha1-", "SHA-1")];

/// One version of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) name: PackageName,
    pub(super) version: String,
    pub(super) number: Option<Version>,
    /// Whether the registry let the reader see it.
    pub(super) is_seen: bool,
    pub(super) json: Value,
}

impl Component {
    pub(super) fn of_manifest(name: &PackageName, version: &str, manifest: &Value) -> Self {
        let mut component = Self { is_seen: true, ..Self::bare(name, version) };
        let dist = &manifest["dist"];
        let mut hashes: Vec<Value> = dist["integrity"].as_str().map(hashes_of).unwrap_or_default();
        if let Some(shasum) = dist["shasum"].as_str().filter(|shasum| is_hex(shasum, 40)) {
            hashes.push(json!({ "alg": "SHA-1", "content": shasum }));
        }
        let mut references = Vec::new();
        let mut refer = |kind: &str, url: Option<&str>| {
            if let Some(url) = url.filter(|url| url::Url::parse(url).is_ok()) {
                references.push(json!({ "type": kind, "url": url }));
            }
        };
        refer("distribution", dist["tarball"].as_str());
        refer("website", manifest["homepage"].as_str());
        refer("vcs", manifest["repository"]["url"].as_str().or_else(|| manifest["repository"].as_str()));
        refer("issue-tracker", manifest["bugs"]["url"].as_str().or_else(|| manifest["bugs"].as_str()));
        component.set("description", manifest["description"].as_str().map(Value::from));
        component.set("licenses", licenses(manifest));
        component.set("hashes", (!hashes.is_empty()).then(|| hashes.into()));
        component.set("externalReferences", (!references.is_empty()).then(|| references.into()));
        component
    }

    /// A version of which only a lock file says something.
    pub(super) fn of_lock(locked: &LockedPackage) -> Self {
        let mut component = Self::bare(&locked.name, locked.version.as_str());
        let hashes = locked.integrity.as_deref().map(hashes_of).unwrap_or_default();
        component.set("hashes", (!hashes.is_empty()).then(|| hashes.into()));
        component
    }

    fn bare(name: &PackageName, version: &str) -> Self {
        let mut json = Map::new();
        let purl = purl(name, version);
        json.insert("type".into(), "library".into());
        json.insert("bom-ref".into(), purl.clone().into());
        if let Some(scope) = name.scope() {
            json.insert("group".into(), format!("@{}", scope.trim_start_matches('@')).into());
        }
        json.insert("name".into(), name.base().into());
        json.insert("version".into(), version.into());
        json.insert("purl".into(), purl.into());
        let number = Version::parse(version).ok();
        Self { name: name.clone(), version: version.to_owned(), number, is_seen: false, json: json.into() }
    }

    fn set(&mut self, field: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.json[field] = value;
        }
    }

    /// Returns what identifies the component within the document.
    pub(super) fn reference(&self) -> &str {
        self.json["bom-ref"].as_str().unwrap_or_default()
    }
}

/// The package URL of a version, which all tools know it by.
fn purl(name: &PackageName, version: &str) -> String {
    let version = version.replace('+', "%2B");
    match name.as_str().strip_prefix('@') {
        Some(scoped) => format!("pkg:npm/%40{scoped}@{version}"),
        None => format!("pkg:npm/{name}@{version}"),
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The hashes of an integrity, which may have several.
fn hashes_of(integrity: &str) -> Vec<Value> {
    let hash = |word: &str| {
        let (algorithm, encoded) = ALGORITHMS
            .iter()
            .find_map(|(prefix, algorithm)| Some((algorithm, word.strip_prefix(prefix)?)))?;
        let digest = STANDARD.decode(encoded.split('?').next()?).ok()?;
        Some(json!({ "alg": algorithm, "content": const_hex::encode(digest) }))
    };
    integrity.split_whitespace().filter_map(hash).collect()
}

fn licenses(manifest: &Value) -> Option<Value> {
    let of = |value: &Value| value.as_str().or_else(|| value["type"].as_str()).map(str::to_owned);
    let listed = manifest["licenses"].as_array().into_iter().flatten().filter_map(of);
    let all: Vec<String> = of(&manifest["license"]).into_iter().chain(listed).collect();
    let is_id = |text: &str| {
        !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-.".contains(letter))
    };
    match all.as_slice() {
        [] => None,
        // An expression stands alone.
        [one] if one.contains(" OR ") || one.contains(" AND ") || one.contains(" WITH ") => {
            Some(json!([{ "expression": one }]))
        }
        // Whether an id is in the list of SPDX is left to the reader.
        several => Some(
            several
                .iter()
                .map(|one| {
                    if is_id(one) && one != "UNLICENSED" {
                        json!({ "license": { "id": one } })
                    } else {
                        json!({ "license": { "name": one } })
                    }
                })
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_says_what_its_manifest_says() {
        let name = PackageName::parse("@acme/pear").unwrap();
        let manifest = json!({
            "description": "A pear", "license": "(MIT OR ISC)", "homepage": "https://pears.example", "repository": { "url": "nothing" },
            "dist": { "integrity": "sha512-AAEC sha1-AAEC", "shasum": "x", "tarball": "https://registry.example/pear.tgz" },
        });
        let component = Component::of_manifest(&name, "1.0.0+build", &manifest);
        assert_eq!(
            component.json,
            json!({
                "type": "library", "bom-ref": "pkg:npm/%40acme/pear@1.0.0%2Bbuild", "group": "@acme", "name": "pear",
                "version": "1.0.0+build", "purl": "pkg:npm/%40acme/pear@1.0.0%2Bbuild", "description": "A pear",
                "licenses": [{ "expression": "(MIT OR ISC)" }],
                "hashes": [{ "alg": "SHA-512", "content": "000102" }, { "alg": "SHA-1", "content": "000102" }],
                "externalReferences": [
                    { "type": "distribution", "url": "https://registry.example/pear.tgz" },
                    { "type": "website", "url": "https://pears.example" },
                ],
            })
        );
    }

    #[test]
    fn licenses_are_ids_expressions_or_names() {
        for (manifest, expected) in [
            (json!({ "license": "MIT" }), json!([{ "license": { "id": "MIT" } }])),
            (json!({ "license": "MIT OR ISC" }), json!([{ "expression": "MIT OR ISC" }])),
            (json!({ "license": { "type": "BSD" } }), json!([{ "license": { "id": "BSD" } }])),
            (
                json!({ "license": "SEE LICENSE IN x" }),
                json!([{ "license": { "name": "SEE LICENSE IN x" } }]),
            ),
            (json!({ "license": "UNLICENSED" }), json!([{ "license": { "name": "UNLICENSED" } }])),
            (
                json!({ "licenses": ["MIT", { "type": "ISC" }] }),
                json!([{ "license": { "id": "MIT" } }, { "license": { "id": "ISC" } }]),
            ),
        ] {
            assert_eq!(licenses(&manifest), Some(expected), "{manifest}");
        }
        assert_eq!(licenses(&json!({})), None);
    }
}
