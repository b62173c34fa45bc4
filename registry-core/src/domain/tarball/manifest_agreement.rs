use serde_json::{Map, Value};

use super::{TarballContents, bins, dependencies, install_fields, scripts};
use crate::domain::Version;
use crate::domain::shorten::shorten;

/// A field whose value differs between a publish document and the tarball's `package.json`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the publish document says {document} for `{field}`, and package.json in the tarball says {tarball}; \
     publish the tarball together with the package.json that was packed into it"
)]
pub struct ManifestDisagreement {
    field: String,
    document: String,
    tarball: String,
}

impl ManifestDisagreement {
    pub(super) fn new(field: &str, document: Option<&Value>, tarball: Option<&Value>) -> Self {
        let show = |value: Option<&Value>| {
            value.map_or_else(|| "nothing".to_owned(), |value| shorten(&value.to_string()).into_owned())
        };
        Self { field: shorten(field).into_owned(), document: show(document), tarball: show(tarball) }
    }

    /// Returns the field, such as `dependencies.left-pad`.
    pub fn field(&self) -> &str {
        &self.field
    }
}

/// Whether a version in a publish document matches the `package.json` in its tarball in every field that decides what
/// an install does: name, version, dependencies, scripts, bins, platforms, engines, entry points, bundled dependencies
/// and license.
///
/// The document may contain the form that clients normalize `package.json` to before a publish. Only clients' own
/// normalizations are accepted: the document itself is never normalized to match.
pub fn agree(
    document_version: &Map<String, Value>,
    contents: &TarballContents,
) -> Result<(), ManifestDisagreement> {
    let (document, manifest) = (document_version, &contents.manifest);
    check(document, manifest, "name", |document, manifest| document == manifest.trim())?;
    check(document, manifest, "version", is_same_version)?;
    for field in ["dependencies", "optionalDependencies", "peerDependencies"] {
        dependencies::agree(field, document, manifest)?;
    }
    scripts::agree(document, manifest)?;
    bins::agree(document, manifest)?;
    install_fields::agree(document, contents)
}

fn check(
    document: &Map<String, Value>,
    manifest: &Map<String, Value>,
    field: &str,
    same: impl FnOnce(&str, &str) -> bool,
) -> Result<(), ManifestDisagreement> {
    let (document, manifest) = (document.get(field), manifest.get(field));
    match (document.and_then(Value::as_str), manifest.and_then(Value::as_str)) {
        (Some(said), Some(packed)) if same(said, packed) => Ok(()),
        _ => Err(ManifestDisagreement::new(field, document, manifest)),
    }
}

/// Clients strip a leading `v` or `=`, spaces and build metadata (`semver.clean`).
fn is_same_version(document: &str, packed: &str) -> bool {
    let cleaned = packed.trim_start_matches(['=', 'v', ' ']).trim();
    let release = cleaned.split('+').next().unwrap_or(cleaned);
    document == packed || (Version::parse(cleaned).is_ok() && (document == cleaned || document == release))
}

/// Returns the two values of each entry of two objects.
pub(super) fn entries<'a>(
    document: &'a Map<String, Value>,
    manifest: &'a Map<String, Value>,
) -> impl Iterator<Item = (&'a String, Option<&'a Value>, Option<&'a Value>)> {
    let said = document.iter().map(|(name, value)| (name, Some(value), manifest.get(name)));
    let unsaid = manifest.iter().filter(|(name, _)| !document.contains_key(*name));
    said.chain(unsaid.map(|(name, value)| (name, None, Some(value))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(document: &Value, manifest: &Value) -> Result<(), String> {
        let contents =
            TarballContents { manifest: manifest.as_object().unwrap().clone(), ..Default::default() };
        agree(document.as_object().unwrap(), &contents)
            .map_err(|disagreement| disagreement.field().to_owned())
    }

    fn versions(document: &str, packed: &str) -> bool {
        says(&json!({ "name": "a", "version": document }), &json!({ "name": "a", "version": packed })).is_ok()
    }

    #[test]
    fn the_name_may_lose_spaces_and_nothing_else() {
        let packed = json!({ "name": " a ", "version": "1.0.0" });
        assert_eq!(says(&json!({ "name": "a", "version": "1.0.0" }), &packed), Ok(()));
        for document in [json!({ "name": "b", "version": "1.0.0" }), json!({ "version": "1.0.0" })] {
            assert_eq!(says(&document, &packed), Err("name".to_owned()));
        }
    }

    #[test]
    fn the_version_may_be_cleaned() {
        for packed in ["1.2.3", "v1.2.3", "=1.2.3", " =v 1.2.3 ", "1.2.3+build"] {
            assert!(versions("1.2.3", packed), "{packed:?}");
        }
        assert!(versions("1.2.3+build", "1.2.3+build"));
        for (document, packed) in [
            ("1.2.3", "1.2.4"),
            ("1.2.3", "1.2.3-a"),
            ("1.2.3+build", "1.2.3"),
            ("1.2.3", "1.2.3+build+"),
            ("", "v"),
        ] {
            assert!(!versions(document, packed), "{document:?} and {packed:?}");
        }
    }

    #[test]
    fn the_message_is_short_whatever_the_client_sent() {
        let long = "x".repeat(1_000_000);
        let disagreement = ManifestDisagreement::new(&long, Some(&json!(long)), Some(&json!([long])));
        assert!(disagreement.to_string().len() < 400);
        let disagreement = ManifestDisagreement::new("scripts.install", None, Some(&json!("make")));
        assert_eq!(
            disagreement.to_string(),
            "the publish document says nothing for `scripts.install`, and package.json in the tarball says \
             \"make\"; publish the tarball together with the package.json that was packed into it"
        );
    }
}
