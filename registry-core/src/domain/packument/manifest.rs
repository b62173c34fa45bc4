use std::borrow::Cow;
use std::io::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::PackageName;

use super::raw;

/// The parts of a stored manifest that rendering looks at.
#[derive(Deserialize)]
pub(super) struct ManifestView<'json> {
    #[serde(borrow)]
    pub(super) dist: Option<&'json RawValue>,
}

/// The parts of a stored `dist` that rendering looks at.
#[derive(Deserialize)]
pub(super) struct DistView<'json> {
    #[serde(borrow)]
    pub(super) tarball: Option<&'json RawValue>,
    #[serde(borrow)]
    pub(super) integrity: Option<Cow<'json, str>>,
}

/// The path of a tarball below the registry's base URL: `@scope/name/-/name-1.0.0.tgz`.
pub fn tarball_path(name: &PackageName, version: &str) -> String {
    format!("{name}/-/{}-{version}.tgz", name.base())
}

/// One manifest with its `dist.tarball` below `base`, which ends without a slash.
pub fn render_manifest(
    name: &PackageName,
    version: &str,
    manifest: &RawValue,
    base: &str,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut json = Vec::with_capacity(manifest.get().len() + base.len() + 8);
    write_manifest(&mut json, name, version, manifest, base)?;
    Ok(json)
}

/// Writes a stored manifest, with the value of `dist.tarball` replaced and every other byte as it is.
pub(super) fn write_manifest(
    json: &mut Vec<u8>,
    name: &PackageName,
    version: &str,
    manifest: &RawValue,
    base: &str,
) -> Result<(), serde_json::Error> {
    let view: ManifestView<'_> = serde_json::from_str(manifest.get())?;
    write_with_tarball(json, name, version, manifest.get(), view.dist, base)
}

/// Writes `text`, which holds `dist`, with the value of `dist.tarball` replaced.
pub(super) fn write_with_tarball(
    json: &mut Vec<u8>,
    name: &PackageName,
    version: &str,
    text: &str,
    dist: Option<&RawValue>,
    base: &str,
) -> Result<(), serde_json::Error> {
    let tarball = match dist {
        None => None,
        Some(dist) => serde_json::from_str::<DistView<'_>>(dist.get())?.tarball,
    };
    match tarball.and_then(|tarball| raw::position(text, tarball.get())) {
        None => json.extend_from_slice(text.as_bytes()),
        Some(place) => {
            json.extend_from_slice(&text.as_bytes()[..place.start]);
            // Names, versions and checked URLs hold nothing that JSON must escape.
            write!(json, "\"{base}/{name}/-/{}-{version}.tgz\"", name.base())
                .map_err(serde_json::Error::io)?;
            json.extend_from_slice(&text.as_bytes()[place.end..]);
        }
    }
    Ok(())
}
