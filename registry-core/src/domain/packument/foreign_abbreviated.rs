use indexmap::IndexMap;
use serde_json::value::RawValue;

use crate::domain::PackageName;

use super::abbreviated::{field_of_manifest, has_install_script};
use super::full::{field, key, write_version_map};
use super::manifest::write_with_tarball;
use super::{PackumentError, Text};

type Fields<'json> = IndexMap<Text<'json>, &'json RawValue>;

/// The abbreviated form of another registry's full document, with every `dist.tarball` below `base`, and with `time` if
/// that tells of every version: clients take a `time` that lacks one for none.
pub fn render_foreign_abbreviated(
    name: &PackageName,
    json: &[u8],
    base: &str,
) -> Result<Vec<u8>, PackumentError> {
    write(name, json, base).map_err(|source| PackumentError { name: name.clone(), source })
}

fn write(name: &PackageName, document: &[u8], base: &str) -> Result<Vec<u8>, serde_json::Error> {
    let fields: Fields<'_> = serde_json::from_slice(document)?;
    let read = |field: &str| match fields.get(field) {
        Some(value) => serde_json::from_str::<Fields<'_>>(value.get()),
        None => Ok(Fields::new()),
    };
    let versions = read("versions")?;
    // Only what is needed fails the whole: a `time` that cannot be read is as good as none.
    let time = read("time").unwrap_or_default();
    let mut json = Vec::with_capacity(document.len() / 4);
    json.push(b'{');
    field(&mut json, "name", name)?;
    if let Some(modified) = fields.get("modified").or_else(|| time.get("modified")) {
        field(&mut json, "modified", modified)?;
    }
    for kept in ["dist-tags", "policyRestrictions"] {
        if let Some(value) = fields.get(kept) {
            field(&mut json, kept, value)?;
        }
    }
    key(&mut json, "versions")?;
    let manifests = versions.iter().map(|(version, manifest)| (version.as_str(), *manifest));
    write_version_map(&mut json, manifests, |json, version, manifest| {
        write_version(json, name, version, manifest, base)
    })?;
    if !time.is_empty() && versions.keys().all(|version| time.contains_key(version)) {
        field(&mut json, "time", &time)?;
    }
    json.push(b'}');
    Ok(json)
}

fn write_version(
    json: &mut Vec<u8>,
    name: &PackageName,
    version: &str,
    manifest: &RawValue,
    base: &str,
) -> Result<(), serde_json::Error> {
    let fields: Fields<'_> = serde_json::from_str(manifest.get())?;
    json.push(b'{');
    for (name, value) in &fields {
        if field_of_manifest(name.as_str()) {
            field(json, name.as_str(), value)?;
        }
    }
    let told = fields.get("hasInstallScript").is_some_and(|told| told.get() == "true");
    if told || fields.get("scripts").is_some_and(|scripts| has_install_script(scripts)) {
        field(json, "hasInstallScript", &true)?;
    }
    if let Some(dist) = fields.get("dist") {
        key(json, "dist")?;
        write_with_tarball(json, name, version, dist.get(), Some(dist), base)?;
    }
    json.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn render(document: &Value) -> Value {
        let name = PackageName::parse("pear").unwrap();
        let rendered =
            render_foreign_abbreviated(&name, document.to_string().as_bytes(), "https://here.example");
        serde_json::from_slice(&rendered.unwrap()).unwrap()
    }

    #[test]
    fn what_an_install_needs_is_there_with_trust_and_time() {
        let dist = json!({
            "tarball": "https://registry.example/files/pear.tgz", "integrity": "sha512-x",
            "signatures": [{ "keyid": "SHA256:k", "sig": "MEUC" }],
            "attestations": { "url": "https://registry.example/-/npm/v1/attestations/pear@1.0.0" },
        });
        let time = json!({ "created": "a", "modified": "c", "1.0.0": "b" });
        let rendered = render(&json!({
            "_id": "pear", "name": "pear", "readme": "# pear", "dist-tags": { "latest": "1.0.0" }, "time": time,
            "versions": { "1.0.0": {
                "name": "pear", "version": "1.0.0", "description": "no", "libc": ["musl"], "dist": dist,
                "scripts": { "install": "make" }, "_npmUser": { "name": "ana" },
            } },
        }));
        let mut dist = dist;
        dist["tarball"] = "https://here.example/pear/-/pear-1.0.0.tgz".into();
        dist["attestations"]["url"] = "https://here.example/-/npm/v1/attestations/pear@1.0.0".into();
        let manifest = json!({
            "name": "pear", "version": "1.0.0", "libc": ["musl"], "hasInstallScript": true, "dist": dist,
        });
        let expected = json!({
            "name": "pear", "modified": "c", "dist-tags": { "latest": "1.0.0" },
            "versions": { "1.0.0": manifest }, "time": time,
        });
        assert_eq!(rendered, expected);
    }

    #[test]
    fn time_is_complete_or_not_there() {
        for time in [json!({ "1.0.0": "a" }), json!({}), json!(null), json!("never")] {
            let rendered = render(&json!({ "versions": { "1.0.0": {}, "2.0.0": {} }, "time": time }));
            assert!(rendered.get("time").is_none(), "{time}");
        }
        let complete = json!({ "1.0.0": "a", "2.0.0": "b", "0.1.0": "taken back" });
        let rendered = render(&json!({ "versions": { "1.0.0": {}, "2.0.0": {} }, "time": complete }));
        assert_eq!(rendered["time"], complete);
    }
}
