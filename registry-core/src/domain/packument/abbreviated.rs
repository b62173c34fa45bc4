use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::full::{DistTags, field, key, write_versions};
use super::manifest::write_with_tarball;
use super::{JsonKey, Packument, PackumentError};

/// npm's spelling of the field; publishers also use `bundledDependencies`.
const BUNDLED: &str = "bundleDependencies";

/// The fields of a manifest that an install needs: npm's list, and `libc`, which pnpm and bun read.
const FIELDS: [&str; 18] = [
    "name",
    "version",
    "deprecated",
    "dependencies",
    "acceptDependencies",
    "optionalDependencies",
    "devDependencies",
    BUNDLED,
    "peerDependencies",
    "peerDependenciesMeta",
    "bin",
    "directories",
    "engines",
    "_hasShrinkwrap",
    "funding",
    "cpu",
    "os",
    "libc",
];

/// The scripts that run at an install.
pub(crate) const INSTALL_SCRIPTS: [&str; 3] = ["preinstall", "install", "postinstall"];

/// Renders the abbreviated document, `application/vnd.npm.install-v1+json`, with the whole `time` map added, so that
/// clients with an age gate need no second request. `base` is as in [`render_full`](super::render_full).
pub fn render_abbreviated(packument: &Packument<'_>, base: &str) -> Result<Vec<u8>, PackumentError> {
    write(packument, base).map_err(|source| PackumentError { name: packument.name.clone(), source })
}

fn write(packument: &Packument<'_>, base: &str) -> Result<Vec<u8>, serde_json::Error> {
    let mut json = Vec::with_capacity(packument.versions.len() * (512 + base.len()));
    json.push(b'{');
    field(&mut json, "name", &packument.name)?;
    if let Some(modified) = packument.time.get("modified") {
        field(&mut json, "modified", modified)?;
    }
    field(&mut json, "dist-tags", &DistTags(packument))?;
    key(&mut json, "versions")?;
    write_versions(&mut json, packument, |json, version, manifest| {
        write_version(json, packument, version, manifest, base)
    })?;
    if packument.versions.keys().all(|version| packument.time.contains_key(version.as_str())) {
        field(&mut json, "time", &packument.time)?;
    }
    json.push(b'}');
    Ok(json)
}

fn write_version(
    json: &mut Vec<u8>,
    packument: &Packument<'_>,
    version: &str,
    manifest: &RawValue,
    base: &str,
) -> Result<(), serde_json::Error> {
    let fields: IndexMap<JsonKey<'_>, &RawValue> = serde_json::from_str(manifest.get())?;
    json.push(b'{');
    write_install_fields(json, &fields)?;
    if has_install_script(&fields) {
        field(json, "hasInstallScript", &true)?;
    }
    if let Some(dist) = fields.get("dist") {
        key(json, "dist")?;
        write_with_tarball(json, &packument.name, version, dist.get(), Some(dist), base)?;
    }
    json.push(b'}');
    Ok(())
}

/// Writes the install fields of a manifest, as npm's registry spells them: without an empty `deprecated`, and with
/// `bundleDependencies` even if the publisher wrote `bundledDependencies`. `dist` is written separately.
pub(super) fn write_install_fields(
    json: &mut Vec<u8>,
    fields: &IndexMap<JsonKey<'_>, &RawValue>,
) -> Result<(), serde_json::Error> {
    for (name, value) in fields {
        match name.as_str() {
            "deprecated" if says_nothing(value) => {}
            "bundledDependencies" if fields.contains_key(BUNDLED) => {}
            "bundledDependencies" => field(json, BUNDLED, value)?,
            name if FIELDS.contains(&name) => field(json, name, value)?,
            _ => {}
        }
    }
    Ok(())
}

/// Whether npm treats this `deprecated` as missing.
pub(super) fn says_nothing(deprecated: &RawValue) -> bool {
    matches!(deprecated.get(), "false" | "null" | "\"\"" | "0")
}

/// Whether an install runs a script: the manifest declares one, for native code that only yarn builds, or contains one.
pub(super) fn has_install_script(fields: &IndexMap<JsonKey<'_>, &RawValue>) -> bool {
    let has_script = |scripts: &&RawValue| {
        serde_json::from_str::<IndexMap<JsonKey<'_>, &RawValue>>(scripts.get())
            .is_ok_and(|scripts| INSTALL_SCRIPTS.iter().any(|script| scripts.contains_key(script)))
    };
    fields.get("hasInstallScript").is_some_and(|told| told.get() == "true")
        || fields.get("scripts").is_some_and(has_script)
}
