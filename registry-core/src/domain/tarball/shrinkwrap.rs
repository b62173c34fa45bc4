use std::collections::BTreeSet;

use serde_json::{Map, Value};
use url::Url;

use super::TarballError;
use crate::domain::shorten::shorten;
use crate::domain::strict_json::parse_strict_json;
use crate::domain::{PackageName, Version};

/// The largest `npm-shrinkwrap.json`, in bytes: some 10,000 packages.
pub(super) const LARGEST: u64 = 4 << 20;

/// The fields of the document.
const DOCUMENT: [&str; 7] =
    ["name", "version", "lockfileVersion", "requires", "packages", "dependencies", "license"];

/// The fields that npm writes of a package in `packages` and that do not decide where it comes from.
const HARMLESS: [&str; 23] = [
    "integrity",
    "inBundle",
    "hasShrinkwrap",
    "hasInstallScript",
    "dev",
    "optional",
    "devOptional",
    "peer",
    "extraneous",
    "ideallyInert",
    "license",
    "funding",
    "engines",
    "os",
    "cpu",
    "libc",
    "bin",
    "deprecated",
    "bundleDependencies",
    "bundledDependencies",
    "acceptDependencies",
    "peerDependenciesMeta",
    "packageManager",
];

/// The fields of a package in `packages` that name its dependencies.
const RANGES: [&str; 3] = ["dependencies", "optionalDependencies", "peerDependencies"];

/// The fields that npm 6 writes of a package in `dependencies` and that do not decide where it comes from.
const HARMLESS_BEFORE: [&str; 7] =
    ["integrity", "bundled", "dev", "optional", "devOptional", "peer", "extraneous"];

/// Returns the origins, such as `https://registry.example`, from which npm would fetch the packages that an
/// `npm-shrinkwrap.json` lists. npm installs them whatever `package.json` says, and other clients do not read the file.
/// So it may have what npm writes of packages of registries, and nothing else: readers of other fields, and of other
/// types, are too many to know.
pub(super) fn origins(json: &[u8]) -> Result<BTreeSet<String>, TarballError> {
    let read = parse_strict_json(super::inspect::without_byte_order_mark(json));
    let document = read.map_err(|error| TarballError::ShrinkwrapJson { reason: error.to_string() })?;
    let mut origins = BTreeSet::new();
    for (field, value) in object(&document, "the document")? {
        match field.as_str() {
            "packages" => {
                for (path, package) in object(value, "packages")? {
                    listed_package(path, object(package, path)?, &mut origins)?;
                }
            }
            "dependencies" => nested_packages(value, &mut origins)?,
            field if DOCUMENT.contains(&field) => {}
            field => return Err(unknown(field, "")),
        }
    }
    Ok(origins)
}

/// A package of the files of npm 7 and later, listed by the path of its folder.
fn listed_package(
    path: &str,
    fields: &Map<String, Value>,
    origins: &mut BTreeSet<String>,
) -> Result<(), TarballError> {
    // The package itself, of which npm reads package.json.
    if path.is_empty() {
        let decides =
            |field: &&String| ["resolved", "link"].contains(&field.as_str()) || field.starts_with('_');
        return fields.keys().find(decides).map_or(Ok(()), |field| Err(unknown(field, path)));
    }
    if !is_in_modules(path) {
        return Err(refused(path));
    }
    for (field, value) in fields {
        match field.as_str() {
            "resolved" => origins.extend([origin(value)?]),
            "version" => require(value.as_str().is_some_and(is_version), value)?,
            "name" => require(value.as_str().is_some_and(is_name), value)?,
            field if RANGES.contains(&field) => ranges(value)?,
            field if HARMLESS.contains(&field) => {}
            field => return Err(unknown(field, path)),
        }
    }
    Ok(())
}

/// Packages of the files of npm 6, listed below the packages that need them.
fn nested_packages(value: &Value, origins: &mut BTreeSet<String>) -> Result<(), TarballError> {
    for (name, package) in object(value, "dependencies")? {
        require(is_name(name), &name.as_str().into())?;
        for (field, value) in object(package, name)? {
            match field.as_str() {
                "resolved" => origins.extend([origin(value)?]),
                "version" => {
                    require(value.as_str().is_some_and(|text| is_version(text) || is_alias(text)), value)?;
                }
                "dependencies" => nested_packages(value, origins)?,
                "requires" if value.is_object() => ranges(value)?,
                "requires" => require(value.is_boolean(), value)?,
                field if HARMLESS_BEFORE.contains(&field) => {}
                field => return Err(unknown(field, name)),
            }
        }
    }
    Ok(())
}

/// Requires that dependencies are ranges or tags of packages of registries.
fn ranges(value: &Value) -> Result<(), TarballError> {
    for (name, range) in object(value, "dependencies")? {
        let is_range = |text: &str| !text.contains([':', '/', '\\']) || is_alias_of_range(text);
        require(is_name(name) && range.as_str().is_some_and(is_range), range)?;
    }
    Ok(())
}

/// Returns the origin of the URL that a package is fetched from.
fn origin(source: &Value) -> Result<String, TarballError> {
    let url = source.as_str().and_then(|text| {
        // As npm writes it, so that no reader takes another part of it for the host.
        let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()))?;
        let begins_so = text.starts_with(&format!("{}://", url.scheme()));
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let has_user = !url.username().is_empty() || url.password().is_some();
        (begins_so && is_plain && !has_user && url.fragment().is_none()).then_some(url)
    });
    url.map(|url| url.origin().ascii_serialization()).ok_or_else(|| refused_value(source))
}

/// Whether a path is that of a package in `node_modules`, at any depth.
fn is_in_modules(path: &str) -> bool {
    path.strip_prefix("node_modules/").is_some_and(|rest| rest.split("/node_modules/").all(is_name))
}

fn is_name(text: &str) -> bool {
    PackageName::parse(text).is_ok()
}

fn is_version(text: &str) -> bool {
    Version::parse(text).is_ok()
}

fn is_alias(text: &str) -> bool {
    let alias = text.strip_prefix("npm:").and_then(|alias| alias.rsplit_once('@'));
    alias.is_some_and(|(name, version)| is_name(name) && is_version(version))
}

fn is_alias_of_range(text: &str) -> bool {
    let Some(alias) = text.strip_prefix("npm:") else { return false };
    let (name, range) = match alias.char_indices().skip(1).find(|(_, letter)| *letter == '@') {
        Some((at, _)) => (&alias[..at], &alias[at + 1..]),
        None => (alias, ""),
    };
    is_name(name) && !range.contains([':', '/', '\\'])
}

fn object<'json>(value: &'json Value, what: &str) -> Result<&'json Map<String, Value>, TarballError> {
    value.as_object().ok_or_else(|| TarballError::ShrinkwrapJson {
        reason: format!("{:?} is not an object", shorten(what)),
    })
}

fn require(is_plain: bool, value: &Value) -> Result<(), TarballError> {
    if is_plain { Ok(()) } else { Err(refused_value(value)) }
}

fn refused_value(value: &Value) -> TarballError {
    match value.as_str() {
        Some(text) => refused(text),
        None => refused(&value.to_string()),
    }
}

fn refused(source: &str) -> TarballError {
    TarballError::ShrinkwrapSource { source_text: shorten(source).into_owned() }
}

fn unknown(field: &str, package: &str) -> TarballError {
    let package = if package.is_empty() { "the document" } else { package };
    TarballError::ShrinkwrapJson {
        reason: format!("npm would not write the field {:?} of {:?}", shorten(field), shorten(package)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(document: &Value) -> Result<Vec<String>, TarballError> {
        origins(document.to_string().as_bytes()).map(|origins| origins.into_iter().collect())
    }

    fn listed(fields: &Value) -> Result<Vec<String>, TarballError> {
        of(&json!({ "packages": { "node_modules/fig": fields } }))
    }

    fn nested(fields: &Value) -> Result<Vec<String>, TarballError> {
        of(&json!({ "dependencies": { "fig": fields } }))
    }

    #[test]
    fn names_each_registry_once() {
        let document = json!({
            "name": "pear", "version": "1.0.0", "lockfileVersion": 2, "requires": true,
            "packages": {
                "": { "name": "pear", "version": "1.0.0", "devDependencies": { "near": "file:../near" } },
                "node_modules/fig": {
                    "version": "1.0.0", "resolved": "https://a.example/fig/-/fig-1.0.0.tgz", "integrity": "sha512-abc",
                    "dependencies": { "@x/y": "^1.0.0 || >=2", "other": "npm:@x/y@~1.2", "tagged": "next" },
                    "engines": { "node": ">=20" }, "bin": { "fig": "bin/fig.js" }, "hasInstallScript": true
                },
                "node_modules/fig/node_modules/@x/y": {
                    "name": "@x/z", "version": "1.0.0-rc.1", "resolved": "http://b.example:8080/npm/@x/y/-/y-1.0.0.tgz", "dev": true
                }
            },
            "dependencies": {
                "fig": { "version": "1.0.0", "resolved": "https://A.example:443/fig/-/fig-1.0.0.tgz", "requires": { "@x/y": "1" } },
                "alias": { "version": "npm:@x/y@1.0.0-rc.1", "dependencies": { "old": { "version": "2.0.0", "bundled": true } } }
            }
        });
        assert_eq!(of(&document).unwrap(), ["http://b.example:8080", "https://a.example"]);
        assert_eq!(origins("\u{feff}{}".as_bytes()).unwrap(), BTreeSet::new());
    }

    #[test]
    fn only_registries_are_sources() {
        for source in [
            "git+https://a.example/fig.git#abc",
            "git+ssh://git@a.example/fig.git",
            "git@a.example:fig/fig.git",
            "github:fig/fig",
            "fig/fig",
            "ssh://a.example/fig",
            "HTTP://a.example/fig.tgz",
            " https://a.example/fig.tgz",
            "https:\\\\a.example\\fig.tgz",
            "https:/a.example/fig.tgz",
            "https://a.exam\tple/fig.tgz",
            "https://user:secret@a.example/fig.tgz",
            "https://a.example/fig.tgz#b",
            "http:",
            "data:application/gzip,abc",
            "file:fig.tgz",
            "file:../fig",
            "../fig",
            "fig.tgz",
            "/fig",
            "C:/fig",
        ] {
            assert!(listed(&json!({ "resolved": source })).is_err(), "{source:?}");
            assert!(nested(&json!({ "resolved": source })).is_err(), "{source:?}");
            assert!(listed(&json!({ "version": source })).is_err(), "{source:?}");
            // A name, and no place.
            let is_name = source == "fig.tgz";
            assert_eq!(listed(&json!({ "name": source })).is_ok(), is_name, "{source:?}");
            assert!(nested(&json!({ "version": source })).is_err(), "{source:?}");
        }
    }

    /// Each of these had npm 10 or 11 install a package from a place that the registry had not seen.
    #[test]
    fn what_npm_reads_in_its_own_way_is_refused() {
        let evil = "http://evil.example/evil.tgz";
        for fields in [
            json!({ "version": "1.0.0", "resolved": [evil] }),
            json!({ "version": [evil] }),
            json!({ "version": "1.0.0", "name": format!("fig@{evil}?") }),
            json!({ "version": "1.0.0", "name": "fig@file:/etc#" }),
            json!({ "version": "1.0.0", "_resolved": evil }),
            json!({ "version": "1.0.0", "_from": evil }),
            json!({ "version": "1.0.0", "from": evil }),
            json!({ "version": "1.0.0", "resolved": "sub", "link": true }),
            json!({ "version": "1.0.0", "dependencies": { "inner": evil } }),
            json!({ "version": "1.0.0", "optionalDependencies": { "inner": "fig/fig" } }),
            json!("1.0.0"),
        ] {
            assert!(listed(&fields).is_err(), "{fields}");
        }
        for fields in [
            json!({ "version": "1.0.0", "from": evil }),
            json!({ "version": "1.0.0", "from": "file:../../fig.tgz" }),
            json!({ "version": "1.0.0", "resolved": [evil] }),
            json!({ "version": "npm:fig@http://evil.example" }),
            json!({ "version": "1.0.0", "requires": { "inner": evil } }),
            json!({ "version": "1.0.0", "dependencies": { "inner": { "version": evil } } }),
        ] {
            assert!(nested(&fields).is_err(), "{fields}");
        }
        for path in [
            "../evil",
            "../../node_modules/evil",
            "node_modules/../../evil",
            "node_modules/../evil",
            "node_modules/a/../b",
            "node_modules/a/lib",
            "vendor/fig",
            "./node_modules/fig",
            "/node_modules/fig",
            "node_modules/a/node_modules/",
            "node_modules//a",
            "node_modules\\a",
        ] {
            let document = json!({ "packages": { path: { "version": "1.0.0" } } });
            assert!(of(&document).is_err(), "{path}");
        }
        for document in [
            json!({ "packages": { "": { "resolved": evil } } }),
            json!({ "packages": { "": { "link": true } } }),
            json!({ "packages": [] }),
            json!({ "overrides": {} }),
            json!({ "dependencies": { "../evil": { "version": "1.0.0" } } }),
            json!([]),
        ] {
            assert!(of(&document).is_err(), "{document}");
        }
    }

    #[test]
    fn what_is_no_strict_json_is_refused() {
        for document in ["", "[", "{\"packages\":{},\"packages\":{}}", "{'packages': {}}"] {
            let refused = origins(document.as_bytes());
            assert!(matches!(refused, Err(TarballError::ShrinkwrapJson { .. })), "{document}");
        }
    }
}
