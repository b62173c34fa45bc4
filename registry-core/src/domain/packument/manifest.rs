use std::borrow::Cow;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::PackageName;

use super::raw::{self, JsonKey};

/// The parts of a stored manifest that rendering reads.
#[derive(Deserialize)]
pub(super) struct ManifestView<'json> {
    #[serde(borrow)]
    pub(super) dist: Option<&'json RawValue>,
}

/// The parts of a stored `dist` that rendering reads.
#[derive(Deserialize)]
pub(super) struct DistView<'json> {
    #[serde(borrow)]
    pub(super) tarball: Option<&'json RawValue>,
    #[serde(borrow)]
    pub(super) integrity: Option<Cow<'json, str>>,
    #[serde(borrow)]
    attestations: Option<&'json RawValue>,
}

/// Returns the path of a tarball below the registry's base URL: `@scope/name/-/name-1.0.0.tgz`.
pub fn tarball_path(name: &PackageName, version: &str) -> String {
    format!("{name}/-/{}-{version}.tgz", name.base())
}

/// Renders one manifest with its `dist.tarball` below `base`, which has no trailing slash.
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

/// Writes a stored manifest, with the URLs in `dist` replaced and every other byte unchanged.
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

/// Writes `text`, which contains `dist`, with the values of `dist.tarball` and `dist.attestations.url` replaced.
pub(super) fn write_with_tarball(
    json: &mut Vec<u8>,
    name: &PackageName,
    version: &str,
    text: &str,
    dist: Option<&RawValue>,
    base: &str,
) -> Result<(), serde_json::Error> {
    let view: Option<DistView<'_>> = dist.map(|dist| serde_json::from_str(dist.get())).transpose()?;
    let (tarball, attestations) = view.map_or((None, None), |view| (view.tarball, view.attestations));
    let attestations = attestations.and_then(attestations_url);
    let place = |value: Option<&RawValue>| raw::position(text, value?.get());
    let mut urls = [
        place(tarball).map(|place| (place, format!("{base}/{}", tarball_path(name, version)))),
        place(attestations).map(|place| (place, format!("{base}/{}", attestations_path(name, version)))),
    ];
    urls.sort_by_key(|url| url.as_ref().map(|(place, _)| place.start));
    let mut written = 0;
    for (place, url) in urls.into_iter().flatten() {
        json.extend_from_slice(&text.as_bytes()[written..place.start]);
        serde_json::to_writer(&mut *json, &url)?;
        written = place.end;
    }
    json.extend_from_slice(&text.as_bytes()[written..]);
    Ok(())
}

/// Returns the URL in `dist.attestations`, if it has npm's format.
fn attestations_url(attestations: &RawValue) -> Option<&RawValue> {
    let fields: IndexMap<JsonKey<'_>, &RawValue> = serde_json::from_str(attestations.get()).ok()?;
    fields.get("url").copied().filter(|url| url.get().starts_with('"'))
}

/// Returns the path of a version's attestations below the registry's base URL. Some servers read an unescaped + as a
/// space.
fn attestations_path(name: &PackageName, version: &str) -> String {
    let name = name.as_str().replace('/', "%2f");
    format!("-/npm/v1/attestations/{name}@{}", version.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(version: &str, dist: &str) -> String {
        let name = PackageName::parse("@acme/pear").unwrap();
        let manifest = RawValue::from_string(format!("{{\"a\": 1.0, \"dist\": {dist}}}")).unwrap();
        let json = render_manifest(&name, version, &manifest, "https://r.example").unwrap();
        let json = String::from_utf8(json).unwrap();
        json.strip_prefix("{\"a\": 1.0, \"dist\": ").unwrap().strip_suffix('}').unwrap().to_owned()
    }

    #[test]
    fn both_urls_are_replaced_wherever_they_stand() {
        let (tarball, attestations) = (
            r#""https://r.example/@acme/pear/-/pear-1.0.0+b.tgz""#,
            r#""https://r.example/-/npm/v1/attestations/@acme%2fpear@1.0.0%2Bb""#,
        );
        for (dist, expected) in [
            (
                r#"{"tarball":"x", "attestations":{"url":"y","provenance":{"p": 1}},"z":0}"#,
                format!(
                    r#"{{"tarball":{tarball}, "attestations":{{"url":{attestations},"provenance":{{"p": 1}}}},"z":0}}"#
                ),
            ),
            (
                r#"{"attestations": {"url":null }, "tarball": "x"}"#,
                format!(r#"{{"attestations": {{"url":null }}, "tarball": {tarball}}}"#),
            ),
            (
                r#"{"attestations": {"url":"" }, "tarball": "x"}"#,
                format!(r#"{{"attestations": {{"url":{attestations} }}, "tarball": {tarball}}}"#),
            ),
        ] {
            assert_eq!(rendered("1.0.0+b", dist), expected);
        }
    }

    #[test]
    fn what_has_another_form_stays_as_it_is() {
        for dist in
            [r#"{"attestations":"yes"}"#, r#"{"attestations":{}}"#, r#"{"attestations":[ 1]}"#, "{}", "null"]
        {
            assert_eq!(rendered("1.0.0", dist), dist);
        }
    }

    #[test]
    fn an_invalid_version_breaks_no_json() {
        let json = rendered("1\",\"x", r#"{"tarball":"x"}"#);
        let dist: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(dist["tarball"], "https://r.example/@acme/pear/-/pear-1\",\"x.tgz");
    }
}
