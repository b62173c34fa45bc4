use serde_json::{Map, Value};

use super::ManifestDisagreement;
use super::field_types::is_nothing;
use super::manifest_agreement::entries;
use super::native_code::BUILD;

/// Scripts that clients add because of a file. The file need not be in the tarball: the `files` field may exclude it.
const ADDED: [(&str, &str); 2] = [("install", BUILD), ("start", "node server.js")];

/// Whether the document has the scripts of the tarball.
pub(super) fn agree(
    document: &Map<String, Value>,
    manifest: &Map<String, Value>,
) -> Result<(), ManifestDisagreement> {
    let (said, packed) = (document.get("scripts"), manifest.get("scripts"));
    if said == packed {
        return Ok(());
    }
    let none = Map::new();
    let said_scripts = match said {
        Some(Value::Object(scripts)) => scripts,
        said if is_nothing(said) => &none,
        _ => return Err(ManifestDisagreement::new("scripts", said, packed)),
    };
    let packed_scripts = packed.and_then(Value::as_object).unwrap_or(&none);
    entries(said_scripts, packed_scripts)
        .find(|(name, said, packed)| !is_same(name, *said, *packed))
        .map_or(Ok(()), |(name, said, packed)| {
            Err(ManifestDisagreement::new(&format!("scripts.{name}"), said, packed))
        })
}

fn is_same(name: &str, said: Option<&Value>, packed: Option<&Value>) -> bool {
    let packed_text = packed.and_then(Value::as_str);
    said == packed
        || match said {
            // A script that is not a string is dropped.
            None => packed_text.is_none(),
            Some(Value::String(said)) => {
                packed_text.is_some_and(|packed| without_bin_folder(packed) == said)
                    || (packed_text.unwrap_or_default().is_empty() && ADDED.contains(&(name, said)))
            }
            Some(_) => false,
        }
}

/// Strips `node_modules/.bin/` before a command, which is redundant, since scripts run with that folder in their
/// `PATH`.
fn without_bin_folder(mut script: &str) -> &str {
    let folder = |script: &'_ str| {
        let rest = script.strip_prefix("./").or_else(|| script.strip_prefix(".\\")).unwrap_or(script);
        let rest = rest.strip_prefix("node_modules")?.strip_prefix(['/', '\\'])?.strip_prefix(".bin")?;
        Some(script.len() - rest.strip_prefix(['/', '\\'])?.len())
    };
    while let Some(length) = folder(script) {
        script = &script[length..];
    }
    script
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(document: &Value, manifest: &Value) -> Result<(), String> {
        let fields = |scripts: &Value| Map::from_iter([("scripts".to_owned(), scripts.clone())]);
        agree(&fields(document), &fields(manifest)).map_err(|disagreement| disagreement.field().to_owned())
    }

    #[test]
    fn a_hidden_an_added_and_another_script_are_refused() {
        let packed = json!({ "test": "node test", "postinstall": "curl evil" });
        assert_eq!(says(&json!({ "test": "node test" }), &packed), Err("scripts.postinstall".to_owned()));
        assert_eq!(says(&json!(null), &packed), Err("scripts.test".to_owned()));
        assert_eq!(says(&packed, &json!({ "test": "node test" })), Err("scripts.postinstall".to_owned()));
        assert_eq!(
            says(&json!({ "test": "node test", "postinstall": "true" }), &packed),
            Err("scripts.postinstall".to_owned())
        );
        assert_eq!(says(&json!("node test"), &packed), Err("scripts".to_owned()));
        assert_eq!(says(&json!({ "test": ["node test"] }), &json!({})), Err("scripts.test".to_owned()));
    }

    #[test]
    fn what_clients_drop_may_be_missing() {
        let packed =
            json!({ "test": "node_modules/.bin/node_modules\\.bin/tap a", "number": 1, "nothing": null });
        assert_eq!(says(&json!({ "test": "tap a" }), &packed), Ok(()));
        assert_eq!(says(&packed, &packed), Ok(()));
        assert_eq!(says(&json!({ "test": "tap b" }), &packed), Err("scripts.test".to_owned()));
        assert_eq!(
            says(&json!({ "test": "node_modules/.bin/tap" }), &json!({ "test": "tap" })),
            Err("scripts.test".to_owned())
        );
    }

    #[test]
    fn what_clients_add_is_known_word_for_word() {
        let added = json!({ "install": "node-gyp rebuild", "start": "node server.js" });
        assert_eq!(says(&added, &json!(null)), Ok(()));
        assert_eq!(says(&added, &json!({ "install": "", "start": 1 })), Ok(()));
        assert_eq!(says(&added, &json!({ "install": "make" })), Err("scripts.install".to_owned()));
        assert_eq!(
            says(&json!({ "install": "node-gyp rebuild && evil" }), &json!({})),
            Err("scripts.install".to_owned())
        );
        assert_eq!(
            says(&json!({ "postinstall": "node-gyp rebuild" }), &json!({})),
            Err("scripts.postinstall".to_owned())
        );
    }
}
