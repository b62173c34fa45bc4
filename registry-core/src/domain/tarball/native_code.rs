use serde_json::{Map, Value, json};

/// What clients run at an install for a package with a `*.gyp` file, without being asked by a script.
pub(super) const BUILD: &str = "node-gyp rebuild";

/// Says what clients do at an install for a package with a `*.gyp` file. A script of its own goes before, and
/// `gypfile: false` turns it off.
pub(super) fn declare(manifest: &mut Map<String, Value>) {
    let is_off = manifest.get("gypfile") == Some(&Value::Bool(false));
    let script =
        |name: &str| manifest.get("scripts").and_then(|scripts| scripts.get(name)).and_then(Value::as_str);
    let has = |name: &str| script(name).is_some_and(|script| !script.is_empty());
    if is_off || has("preinstall") || (has("install") && script("install") != Some(BUILD)) {
        return;
    }
    let scripts = manifest.entry("scripts").or_insert_with(|| json!({}));
    if !scripts.is_object() {
        *scripts = json!({});
    }
    if let Some(scripts) = scripts.as_object_mut() {
        scripts.insert("install".into(), BUILD.into());
    }
    manifest.insert("gypfile".into(), true.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_declared_unless_something_else_is() {
        let declared = |manifest: Value| {
            let mut manifest = manifest.as_object().unwrap().clone();
            declare(&mut manifest);
            Value::Object(manifest)
        };
        let built = json!({ "scripts": { "install": BUILD }, "gypfile": true });
        for manifest in
            [json!({}), json!({ "scripts": null }), json!({ "scripts": { "install": "" } }), built.clone()]
        {
            assert_eq!(declared(manifest), built);
        }
        for manifest in [
            json!({ "gypfile": false }),
            json!({ "scripts": { "install": "make" } }),
            json!({ "scripts": { "preinstall": "make" } }),
        ] {
            assert_eq!(declared(manifest.clone()), manifest);
        }
    }
}
