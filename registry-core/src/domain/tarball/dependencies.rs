use std::borrow::Cow;

use serde_json::{Map, Value};

use super::ManifestDisagreement;
use super::field_types::is_nothing;
use super::git_reference::is_same_repository;
use super::install_fields::BUNDLED;
use super::manifest_agreement::entries;

/// Whether a field with dependencies has the same value in the document and in the tarball.
pub(super) fn agree(
    field: &str,
    document: &Map<String, Value>,
    manifest: &Map<String, Value>,
) -> Result<(), ManifestDisagreement> {
    let (said, packed) = (document.get(field), manifest.get(field));
    if said == packed {
        return Ok(());
    }
    let none = Map::new();
    let said_dependencies = match said {
        Some(Value::Object(dependencies)) => dependencies,
        said if is_nothing(said) => &none,
        _ => return Err(ManifestDisagreement::new(field, said, packed)),
    };
    let packed_dependencies = as_object(packed);
    let is_excused = |name: &str, said| field == "dependencies" && is_listed_elsewhere(name, said, manifest);
    entries(said_dependencies, &packed_dependencies)
        .find(|(name, said, packed)| !is_same(*said, *packed) && !is_excused(name, *said))
        .map_or(Ok(()), |(name, said, packed)| {
            Err(ManifestDisagreement::new(&format!("{field}.{name}"), said, packed))
        })
}

fn is_same(said: Option<&Value>, packed: Option<&Value>) -> bool {
    match (said, packed) {
        // A dependency that is not a string is dropped.
        (None, Some(packed)) => !packed.is_string(),
        (Some(Value::String(said)), Some(Value::String(packed))) => {
            said == packed || is_same_repository(said, packed)
        }
        (said, packed) => said == packed,
    }
}

/// Whether a dependency that the document has in excess, or lacks, follows from another field of the tarball.
fn is_listed_elsewhere(name: &str, said: Option<&Value>, manifest: &Map<String, Value>) -> bool {
    let optional = as_object(manifest.get("optionalDependencies"));
    match said {
        // yarn omits optional dependencies from the others.
        None => optional.contains_key(name),
        Some(said) => {
            // Older npm repeats optional dependencies; npm adds bundled ones that no field lists.
            optional.get(name) == Some(said)
                || (said == "*"
                    && !as_object(manifest.get("dependencies")).contains_key(name)
                    && is_bundled(name, manifest))
        }
    }
}

fn is_bundled(name: &str, manifest: &Map<String, Value>) -> bool {
    let names = BUNDLED.iter().find_map(|field| manifest.get(*field));
    match names {
        Some(Value::Array(names)) => names.iter().any(|bundled| bundled == name),
        Some(Value::Object(names)) => names.contains_key(name),
        _ => false,
    }
}

/// Converts dependencies, which may also be a list or a string of `name@range`, to an object.
pub(super) fn as_object(dependencies: Option<&Value>) -> Cow<'_, Map<String, Value>> {
    match dependencies {
        Some(Value::Object(dependencies)) => Cow::Borrowed(dependencies),
        Some(Value::Array(list)) => {
            Cow::Owned(list.iter().filter_map(Value::as_str).map(name_and_range).collect())
        }
        Some(Value::String(text)) => {
            let list = text.split([',', ' ', '\t', '\n', '\r']).filter(|dependency| !dependency.is_empty());
            Cow::Owned(list.map(name_and_range).collect())
        }
        _ => Cow::Owned(Map::new()),
    }
}

fn name_and_range(dependency: &str) -> (String, Value) {
    let dependency = dependency.trim();
    let separator = |character: char| character.is_whitespace() || "@><=".contains(character);
    let end = dependency.find(separator).unwrap_or(dependency.len());
    let name = &dependency[..end];
    let name = if end < dependency.len() { name.strip_suffix(':').unwrap_or(name) } else { name };
    let range = &dependency[name.len()..];
    (name.to_owned(), range.strip_prefix('@').unwrap_or(range).trim().into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(document: &Value, manifest: &Value) -> Result<(), String> {
        for field in ["dependencies", "optionalDependencies", "peerDependencies"] {
            agree(field, document.as_object().unwrap(), manifest.as_object().unwrap())
                .map_err(|disagreement| disagreement.field().to_owned())?;
        }
        Ok(())
    }

    #[test]
    fn a_hidden_an_added_and_another_dependency_are_refused_in_each_field() {
        for field in ["dependencies", "optionalDependencies", "peerDependencies"] {
            let packed = json!({ field: { "a": "^1", "evil": "*" } });
            let of_evil = Err(format!("{field}.evil"));
            assert_eq!(says(&json!({ field: { "a": "^1" } }), &packed), of_evil);
            assert_eq!(says(&packed, &json!({ field: { "a": "^1" } })), of_evil);
            assert_eq!(says(&json!({ field: { "a": "^1", "evil": "^1" } }), &packed), of_evil);
            assert_eq!(says(&json!({}), &packed), Err(format!("{field}.a")));
            assert_eq!(says(&json!({ field: ["a"] }), &packed), Err(field.to_owned()));
            assert_eq!(says(&json!({ field: { "b": ["1"] } }), &json!({})), Err(format!("{field}.b")));
            assert_eq!(says(&json!({ field: {} }), &json!({ field: null })), Ok(()));
            assert_eq!(says(&packed, &packed), Ok(()));
        }
    }

    #[test]
    fn a_dependency_may_move_between_fields_only_as_clients_move_it() {
        let packed =
            json!({ "dependencies": { "a": "1", "b": "1" }, "optionalDependencies": { "b": "1", "c": "2" } });
        let optional = json!({ "b": "1", "c": "2" });
        for dependencies in [json!({ "a": "1" }), json!({ "a": "1", "b": "1", "c": "2" })] {
            let document = json!({ "dependencies": dependencies, "optionalDependencies": optional });
            assert_eq!(says(&document, &packed), Ok(()));
        }
        let document = json!({ "dependencies": { "a": "1", "c": "9" }, "optionalDependencies": optional });
        assert_eq!(says(&document, &packed), Err("dependencies.c".to_owned()));
        let document = json!({ "dependencies": { "a": "1" }, "optionalDependencies": { "c": "2" } });
        assert_eq!(says(&document, &packed), Err("optionalDependencies.b".to_owned()));
        let document = json!({ "peerDependencies": { "b": "1" }, "optionalDependencies": { "b": "1" } });
        let packed = json!({ "optionalDependencies": { "b": "1" } });
        assert_eq!(says(&document, &packed), Err("peerDependencies.b".to_owned()));
    }

    #[test]
    fn a_bundled_dependency_may_be_added_with_any_range_only() {
        let packed = json!({ "bundleDependencies": ["b"], "dependencies": { "a": "1" } });
        assert_eq!(says(&json!({ "dependencies": { "a": "1", "b": "*" } }), &packed), Ok(()));
        assert_eq!(says(&json!({ "dependencies": { "a": "1" } }), &packed), Ok(()));
        assert_eq!(
            says(&json!({ "dependencies": { "a": "1", "b": "^1" } }), &packed),
            Err("dependencies.b".to_owned())
        );
        let packed = json!({ "bundleDependencies": ["b"], "dependencies": { "b": "1" } });
        assert_eq!(says(&json!({ "dependencies": { "b": "*" } }), &packed), Err("dependencies.b".to_owned()));
    }

    #[test]
    fn lists_and_texts_become_objects() {
        let packed = json!({ "dependencies": ["a@^1", 7, "b"], "optionalDependencies": "c@1, d" });
        let document =
            json!({ "dependencies": { "a": "^1", "b": "" }, "optionalDependencies": { "c": "1", "d": "" } });
        assert_eq!(says(&document, &packed), Ok(()));
        assert_eq!(says(&json!({ "dependencies": {} }), &packed), Err("dependencies.a".to_owned()));
    }
}
