//! Fields besides dependencies, scripts and commands that affect an install, or what users see before it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::bins::parts;
use super::dependencies::as_object;
use super::native_code::BUILD;
use super::{ManifestDisagreement, TarballContents};

/// Fields that restrict where the package installs, or select the modules that load. No client changes these.
const AS_WRITTEN: [&str; 6] =
    ["acceptDependencies", "dependenciesMeta", "peerDependenciesMeta", "main", "exports", "type"];

/// Lists of platforms, which may also be one string.
const PLATFORMS: [&str; 3] = ["os", "cpu", "libc"];

/// The spellings of the field with bundled dependencies; npm prefers the first.
pub(super) const BUNDLED: [&str; 2] = ["bundleDependencies", "bundledDependencies"];

/// Licenses that yarn 1 renames.
const RENAMED: [(&str, &str); 2] = [("MIT/X11", "MIT"), ("X11", "MIT")];

/// Whether these fields have the same values in the document and in the tarball.
pub(super) fn agree(
    document: &Map<String, Value>,
    contents: &TarballContents,
) -> Result<(), ManifestDisagreement> {
    let manifest = &contents.manifest;
    let expect = |field: &str, is_same: bool| {
        let disagreement = || ManifestDisagreement::new(field, document.get(field), manifest.get(field));
        if is_same { Ok(()) } else { Err(disagreement()) }
    };
    for field in AS_WRITTEN {
        expect(field, written(document, field) == written(manifest, field))?;
    }
    for field in PLATFORMS {
        expect(field, list(written(document, field)) == list(written(manifest, field)))?;
    }
    expect("overrides", overrides(document) == overrides(manifest))?;
    expect("engines", said_engines(document) == said_engines(manifest))?;
    expect("license", is_same_license(license(document).as_deref(), license(manifest).as_deref(), contents))?;
    expect("gypfile", is_same_gypfile(document, manifest))?;
    expect("directories", is_same_folder_of_commands(document, manifest))?;
    let spelled = BUNDLED.into_iter().find(|field| written(document, field).is_some());
    expect(spelled.unwrap_or(BUNDLED[0]), is_same_bundle(document, manifest))
}

/// Adds to a document what it lacks, from the tarball: values implied by files, and fields that some clients omit.
pub(super) fn complete(document: &mut Map<String, Value>, contents: &TarballContents) {
    let manifest = &contents.manifest;
    for field in ["gypfile", "directories"] {
        if let (None, Some(packed)) = (written(document, field), written(manifest, field)) {
            document.insert(field.to_owned(), packed.clone());
        }
    }
    let said = BUNDLED.iter().find_map(|field| bundled(document, field));
    let names = said.or_else(|| BUNDLED.iter().find_map(|field| bundled(manifest, field)));
    for field in BUNDLED {
        document.shift_remove(field);
    }
    if let Some(names) = names {
        document.insert(BUNDLED[0].to_owned(), json!(names));
    }
}

/// Returns a field unless it is `null`.
fn written<'a>(manifest: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    manifest.get(field).filter(|value| !value.is_null())
}

fn list(value: Option<&Value>) -> Option<Vec<&Value>> {
    match value? {
        Value::Array(values) => Some(values.iter().collect()),
        value => Some(vec![value]),
    }
}

/// npm 12 drops a value that is not an object, and an empty one.
fn overrides(manifest: &Map<String, Value>) -> Option<&Map<String, Value>> {
    manifest.get("overrides")?.as_object().filter(|overrides| !overrides.is_empty())
}

fn said_engines(manifest: &Map<String, Value>) -> Option<Value> {
    match written(manifest, "engines")? {
        Value::Array(list) => Some(engines(list)),
        engines => Some(engines.clone()),
    }
}

/// yarn 1 converts `["node >=20"]` to `{ "node": ">=20" }`.
pub(super) fn engines(list: &[Value]) -> Value {
    let engine = |engine: &Value| {
        let (name, range) = engine.as_str()?.trim().split_once(' ').unwrap_or((engine.as_str()?.trim(), ""));
        Some((name.to_owned(), Value::from(range.split_whitespace().collect::<Vec<_>>().join(" "))))
    };
    Value::Object(list.iter().filter_map(engine).collect())
}

fn license(manifest: &Map<String, Value>) -> Option<String> {
    let name = |license: &Value| {
        let license = license.get("type").unwrap_or(license);
        license.as_str().map(str::trim).filter(|license| !license.is_empty()).map(str::to_owned)
    };
    written(manifest, "license").and_then(name).or_else(|| match written(manifest, "licenses")? {
        Value::Array(licenses) => {
            let names: Vec<String> = licenses.iter().filter_map(name).collect();
            match names.as_slice() {
                [] => None,
                [name] => Some(name.clone()),
                names => Some(format!("({})", names.join(" OR "))),
            }
        }
        license => name(license),
    })
}

/// yarn 1 reads a license file or the readme if `package.json` has no license, or an inexact one.
fn is_same_license(said: Option<&str>, packed: Option<&str>, contents: &TarballContents) -> bool {
    let has_text = contents.has_license_file || contents.readme.is_some();
    match (said, packed) {
        (said, packed) if said == packed => true,
        (None, Some(_)) => false,
        (_, None) => has_text,
        (Some(said), Some(packed)) => {
            let basic = packed.to_lowercase();
            let basic = basic.strip_suffix("-like").or_else(|| basic.strip_suffix('*')).unwrap_or(&basic);
            RENAMED.contains(&(packed, said))
                || (has_text && !basic.is_empty() && said.to_lowercase().starts_with(basic))
        }
    }
}

/// npm writes `true` if it adds a script. If the document has no value, the tarball decides.
fn is_same_gypfile(document: &Map<String, Value>, manifest: &Map<String, Value>) -> bool {
    let (said, packed) = (written(document, "gypfile"), written(manifest, "gypfile"));
    let builds = || document.get("scripts").and_then(|scripts| scripts.get("install")) == Some(&json!(BUILD));
    let is_added = said == Some(&Value::Bool(true)) && packed != Some(&Value::Bool(false)) && builds();
    said.is_none() || said == packed || is_added
}

/// yarn 1 drops `directories`.
fn is_same_folder_of_commands(document: &Map<String, Value>, manifest: &Map<String, Value>) -> bool {
    let folder = |manifest: &Map<String, Value>| {
        let folder = manifest.get("directories")?.get("bin").filter(|folder| !folder.is_null())?;
        Some(folder.as_str().map_or_else(
            || vec![folder.to_string()],
            |folder| parts(folder).into_iter().map(str::to_owned).collect(),
        ))
    };
    written(document, "directories").is_none() || folder(document) == folder(manifest)
}

fn is_same_bundle(document: &Map<String, Value>, manifest: &Map<String, Value>) -> bool {
    let said: Vec<BTreeSet<String>> = BUNDLED
        .iter()
        .filter_map(|field| bundled(document, field))
        .map(|names| names.into_iter().collect())
        .collect();
    let optional = as_object(manifest.get("optionalDependencies"));
    let is_packed = |names: &BTreeSet<String>| {
        BUNDLED.iter().filter_map(|field| Some((field, bundled(manifest, field)?))).any(|(field, packed)| {
            let packed: BTreeSet<String> = packed.into_iter().collect();
            // Older npm includes optional dependencies in `true`.
            let is_all = manifest.get(*field) == Some(&Value::Bool(true));
            *names == packed
                || (is_all
                    && packed.is_subset(names)
                    && names.difference(&packed).all(|name| optional.contains_key(name)))
        })
    };
    let packs_some =
        || BUNDLED.iter().any(|field| bundled(manifest, field).is_some_and(|names| !names.is_empty()));
    said.iter().all(|names| is_packed(names) || (names.is_empty() && !packs_some()))
}

/// Whether a package lists no dependency to bundle, under neither spelling.
pub(super) fn bundles_nothing(manifest: &Map<String, Value>) -> bool {
    // The dependencies that `true` selects depend on the client.
    let bundles = |field: &str| {
        manifest.get(field) == Some(&Value::Bool(true))
            || bundled(manifest, field).is_some_and(|names| !names.is_empty())
    };
    !BUNDLED.into_iter().any(bundles)
}

/// Returns the names in one of the two fields, converted from every form that npm accepts.
pub(super) fn bundled(manifest: &Map<String, Value>, field: &str) -> Option<Vec<String>> {
    match manifest.get(field)? {
        Value::Bool(true) => Some(as_object(manifest.get("dependencies")).keys().cloned().collect()),
        Value::Object(names) => Some(names.keys().cloned().collect()),
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str).filter(|name| !name.is_empty());
            Some(names.map(str::to_owned).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn says(document: &Value, manifest: &Value) -> Result<(), String> {
        let contents = TarballContents { manifest: object(manifest), ..TarballContents::default() };
        agree(&object(document), &contents).map_err(|disagreement| disagreement.field().to_owned())
    }

    #[test]
    fn each_field_is_compared() {
        for (field, one, other) in [
            ("os", json!(["linux"]), json!(["darwin"])),
            ("cpu", json!(["x64"]), json!(["!x64"])),
            ("libc", json!(["glibc"]), json!(["musl"])),
            ("engines", json!({ "node": ">=20" }), json!({ "node": ">=18" })),
            ("acceptDependencies", json!({ "a": "*" }), json!({ "a": "1" })),
            ("dependenciesMeta", json!({ "a": { "built": false } }), json!({})),
            ("peerDependenciesMeta", json!({ "a": { "optional": true } }), json!({})),
            ("overrides", json!({ "a": "1" }), json!({ "a": "2" })),
            ("main", json!("a.js"), json!("b.js")),
            ("exports", json!({ ".": "./a.js" }), json!({ ".": "./b.js" })),
            ("type", json!("module"), json!("commonjs")),
            ("license", json!("MIT"), json!("ISC")),
            ("gypfile", json!(false), json!(true)),
            ("directories", json!({ "bin": "a" }), json!({ "bin": "b" })),
            ("bundleDependencies", json!(["a"]), json!(["b"])),
            ("bundledDependencies", json!(["a"]), json!(["b"])),
        ] {
            let with = |value: &Value| json!({ field: value });
            assert_eq!(says(&with(&one), &with(&one)), Ok(()), "{field}");
            assert_eq!(says(&with(&one), &with(&other)), Err(field.to_owned()));
            assert_eq!(says(&with(&one), &json!({})), Err(field.to_owned()), "added");
            let filled =
                matches!(field, "gypfile" | "directories" | "bundleDependencies" | "bundledDependencies");
            let hidden = says(&json!({}), &with(&one));
            assert_eq!(hidden, if filled { Ok(()) } else { Err(field.to_owned()) }, "{field} hidden");
        }
    }

    #[test]
    fn what_clients_make_of_a_field_is_the_same() {
        for (document, manifest) in [
            (json!({ "os": ["linux"] }), json!({ "os": "linux" })),
            (json!({ "engines": { "node": ">= 20" } }), json!({ "engines": ["node >= 20"] })),
            (json!({ "license": "MIT" }), json!({ "license": { "type": "MIT", "url": "x" } })),
            (
                json!({ "license": "(MIT OR ISC)" }),
                json!({ "licenses": [{ "type": "MIT" }, { "type": "ISC" }] }),
            ),
            (json!({ "license": "MIT" }), json!({ "license": "MIT/X11" })),
            (json!({ "main": null }), json!({})),
            (json!({}), json!({ "overrides": {} })),
            (json!({}), json!({ "overrides": ["a"] })),
            (json!({ "directories": { "bin": "bin" } }), json!({ "directories": { "bin": "./bin/" } })),
            (json!({ "bundleDependencies": ["a"] }), json!({ "bundledDependencies": ["a"] })),
            (
                json!({ "bundleDependencies": ["a"] }),
                json!({ "dependencies": { "a": "1" }, "bundledDependencies": true }),
            ),
            (json!({ "bundleDependencies": ["b"] }), json!({ "bundleDependencies": { "b": "1" } })),
            (json!({ "bundleDependencies": [] }), json!({ "bundleDependencies": false })),
            (
                json!({ "bundleDependencies": ["a", "o"] }),
                json!({ "dependencies": { "a": "1" }, "optionalDependencies": { "o": "1" }, "bundleDependencies": true }),
            ),
        ] {
            assert_eq!(says(&document, &manifest), Ok(()), "{document} and {manifest}");
        }
    }

    #[test]
    fn a_license_is_inferred_from_a_file_only() {
        let mut contents = TarballContents { manifest: object(&json!({})), ..TarballContents::default() };
        let said = object(&json!({ "license": "MIT" }));
        assert!(agree(&said, &contents).is_err());
        contents.has_license_file = true;
        assert_eq!(agree(&said, &contents), Ok(()));
        contents.manifest = object(&json!({ "license": "ISC" }));
        assert!(agree(&said, &contents).is_err());
    }

    #[test]
    fn npm_may_say_that_native_code_is_built() {
        let builds = json!({ "gypfile": true, "scripts": { "install": "node-gyp rebuild" } });
        assert_eq!(says(&builds, &json!({})), Ok(()));
        assert_eq!(says(&builds, &json!({ "gypfile": false })), Err("gypfile".to_owned()));
        assert_eq!(says(&json!({ "gypfile": true }), &json!({})), Err("gypfile".to_owned()));
        assert_eq!(says(&json!({ "gypfile": false }), &json!({})), Err("gypfile".to_owned()));
    }
}
