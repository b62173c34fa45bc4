use std::cell::Cell;

use indexmap::IndexMap;
use serde_json::value::RawValue;

use crate::domain::PackageName;

use super::abbreviated::{has_install_script, write_install_fields};
use super::foreign_document::ForeignDocument;
use super::full::{field, key};
use super::manifest::write_with_tarball;
use super::{JsonKey, PackumentError};

type Fields<'json> = IndexMap<JsonKey<'json>, &'json RawValue>;

/// Renders the abbreviated form of another registry's full document, with every `dist.tarball` below `base`, and with
/// `time` if it covers every version: clients treat an incomplete `time` as missing.
pub fn render_foreign_abbreviated(
    name: &PackageName,
    json: &[u8],
    base: &str,
) -> Result<Vec<u8>, PackumentError> {
    ForeignDocument::parse(name, json)?.render_abbreviated(base)
}

impl ForeignDocument<'_> {
    /// Renders the abbreviated form of a full document; see [`render_foreign_abbreviated`].
    pub fn render_abbreviated(&self, base: &str) -> Result<Vec<u8>, PackumentError> {
        self.write_abbreviated(base).map_err(|source| PackumentError { name: self.name.clone(), source })
    }

    fn write_abbreviated(&self, base: &str) -> Result<Vec<u8>, serde_json::Error> {
        let value = |field: &str| self.fields.get(field).copied().flatten();
        let time = self.entries("time");
        let mut json = Vec::new();
        json.push(b'{');
        field(&mut json, "name", &self.name)?;
        // pnpm and bun reject a document with any other type there.
        let is_text = |value: &&RawValue| value.get().starts_with('"');
        let modified = value("modified").filter(is_text);
        if let Some(modified) = modified.or_else(|| time.0.get("modified").copied().filter(is_text)) {
            field(&mut json, "modified", modified)?;
        }
        for kept in ["dist-tags", "policyRestrictions"] {
            if let Some(value) = value(kept) {
                self.write_field(&mut json, kept, value)?;
            }
        }
        key(&mut json, "versions")?;
        let tells_of_all = Cell::new(!time.0.is_empty());
        self.write_versions(&mut json, |json, version, manifest, dist| {
            tells_of_all.set(tells_of_all.get() && time.0.contains_key(version));
            write_version(json, &self.name, version, manifest, dist, base)
        })?;
        if tells_of_all.get() {
            field(&mut json, "time", &time.0)?;
        }
        json.push(b'}');
        Ok(json)
    }
}

fn write_version(
    json: &mut Vec<u8>,
    name: &PackageName,
    version: &str,
    manifest: &RawValue,
    dist: Option<&RawValue>,
    base: &str,
) -> Result<(), serde_json::Error> {
    let fields: Fields<'_> = serde_json::from_str(manifest.get())?;
    json.push(b'{');
    write_install_fields(json, &fields)?;
    if has_install_script(&fields) {
        field(json, "hasInstallScript", &true)?;
    }
    match (dist, fields.get("dist")) {
        (Some(dist), _) => {
            key(json, "dist")?;
            write_with_tarball(json, name, version, dist.get(), Some(dist), base)?;
        }
        (None, Some(null)) => field(json, "dist", null)?,
        (None, None) => {}
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
    fn the_moment_of_the_last_change_is_a_text_or_not_there() {
        for odd in [json!(null), json!(5), json!(["a"]), json!({})] {
            let rendered = render(&json!({ "versions": {}, "modified": odd, "time": { "modified": "c" } }));
            assert_eq!(rendered["modified"], "c");
            let rendered = render(&json!({ "versions": {}, "modified": odd, "time": { "modified": odd } }));
            assert!(rendered.get("modified").is_none(), "{odd}");
        }
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
