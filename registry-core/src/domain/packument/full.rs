use serde::Serialize;
use serde_json::value::RawValue;

use super::manifest::write_manifest;
use super::scan::fitting;
use super::{Packument, PackumentError};

/// Renders the full document, as `GET /{name}` returns it: everything but the registry's internal fields. `base` is the
/// registry's URL without a trailing slash; every `dist.tarball` lies below it.
pub fn render_full(packument: &Packument<'_>, base: &str) -> Result<Vec<u8>, PackumentError> {
    write(packument, base).map_err(|source| PackumentError { name: packument.name.clone(), source })
}

fn write(packument: &Packument<'_>, base: &str) -> Result<Vec<u8>, serde_json::Error> {
    let mut json = Vec::with_capacity(
        packument.versions.values().map(|manifest| manifest.get().len() + base.len() + 64).sum(),
    );
    json.push(b'{');
    field(&mut json, "_id", &packument.name)?;
    field(&mut json, "_rev", &packument.revision)?;
    field(&mut json, "name", &packument.name)?;
    for (name, value) in &packument.other {
        if !name.as_str().starts_with('_') {
            field(&mut json, name.as_str(), value)?;
        }
    }
    field(&mut json, "dist-tags", &DistTags(packument))?;
    key(&mut json, "versions")?;
    write_versions(&mut json, packument, |json, version, manifest| {
        write_manifest(json, &packument.name, version, manifest, base)
    })?;
    field(&mut json, "time", &packument.time)?;
    field(&mut json, "maintainers", &packument.maintainers)?;
    if !packument.users.is_empty() {
        field(&mut json, "users", &packument.users)?;
    }
    json.push(b'}');
    Ok(json)
}

/// Writes `{"1.0.0":…,…}` with the output of `write` for each version of a packument; a bucket of codebox-npm may hold
/// any keys.
pub(super) fn write_versions(
    json: &mut Vec<u8>,
    packument: &Packument<'_>,
    mut write: impl FnMut(&mut Vec<u8>, &str, &RawValue) -> Result<(), serde_json::Error>,
) -> Result<(), serde_json::Error> {
    let versions = packument.versions.iter().map(|(version, manifest)| (version.as_str(), &**manifest));
    write_version_map(json, versions, |json, version, manifest| write(json, version, &fitting(manifest)))
}

/// Writes `{"1.0.0":…,…}` with the output of `write` for each version.
pub(super) fn write_version_map<'a>(
    json: &mut Vec<u8>,
    versions: impl Iterator<Item = (&'a str, &'a RawValue)>,
    mut write: impl FnMut(&mut Vec<u8>, &str, &RawValue) -> Result<(), serde_json::Error>,
) -> Result<(), serde_json::Error> {
    json.push(b'{');
    for (version, manifest) in versions {
        key(json, version)?;
        write(json, version, manifest)?;
    }
    json.push(b'}');
    Ok(())
}

/// Writes `"name":value`, after a comma unless it is the first of its object.
pub(super) fn field(
    json: &mut Vec<u8>,
    name: &str,
    value: &(impl Serialize + ?Sized),
) -> Result<(), serde_json::Error> {
    key(json, name)?;
    serde_json::to_writer(json, value)
}

/// Writes `"name":`, after a comma unless it is the first of its object.
pub(super) fn key(json: &mut Vec<u8>, name: &str) -> Result<(), serde_json::Error> {
    if json.last() != Some(&b'{') {
        json.push(b',');
    }
    serde_json::to_writer(&mut *json, name)?;
    json.push(b':');
    Ok(())
}

/// The tags that name an existing version. Some clients fail on a package with any other tag.
pub(super) struct DistTags<'a>(pub(super) &'a Packument<'a>);

impl Serialize for DistTags<'_> {
    fn serialize<Target: serde::Serializer>(&self, serializer: Target) -> Result<Target::Ok, Target::Error> {
        serializer.collect_map(self.0.live_dist_tags())
    }
}

impl Packument<'_> {
    /// Returns the tags that name an existing version.
    pub fn live_dist_tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.dist_tags
            .iter()
            .filter(|(_, version)| self.versions.contains_key(version.as_str()))
            .map(|(tag, version)| (tag.as_str(), version.as_str()))
    }
}
