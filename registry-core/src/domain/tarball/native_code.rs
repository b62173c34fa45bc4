use serde_json::{Map, Value, json};

use super::TarballContents;

/// The command that clients run at an install of a package with a `*.gyp` file and without a script.
pub(super) const BUILD: &str = "node-gyp rebuild";

/// Declares the native code that clients build at an install even without a script.
///
/// npm and pnpm build it unless the package has its own script or says `gypfile: false`: then the manifest gets the
/// script. yarn reads neither `gypfile` nor `preinstall`: if only yarn builds, the manifest declares an install script
/// without containing one, which npm and pnpm would run too.
pub(super) fn declare(manifest: &mut Map<String, Value>, contents: &TarballContents) {
    if contents.has_gyp_file && is_built_by_npm(manifest) {
        declare_script(manifest);
    } else if contents.has_binding_gyp && script(manifest, "install").is_none() {
        manifest.insert("hasInstallScript".into(), true.into());
    }
    // npm 11 runs it like scripts of packages that are not bundled.
    if contents.has_bundled_install_script {
        manifest.insert("hasInstallScript".into(), true.into());
    }
}

fn is_built_by_npm(manifest: &Map<String, Value>) -> bool {
    manifest.get("gypfile") != Some(&Value::Bool(false))
        && script(manifest, "preinstall").is_none()
        && script(manifest, "install").is_none_or(|script| script == BUILD)
}

/// Returns a script unless it is empty, which all clients treat as missing.
fn script<'a>(manifest: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    manifest.get("scripts")?.get(name)?.as_str().filter(|script| !script.is_empty())
}

fn declare_script(manifest: &mut Map<String, Value>) {
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

    fn declared(manifest: &Value, has_binding_gyp: bool) -> Value {
        let mut manifest = manifest.as_object().unwrap().clone();
        let contents = TarballContents { has_gyp_file: true, has_binding_gyp, ..Default::default() };
        declare(&mut manifest, &contents);
        Value::Object(manifest)
    }

    #[test]
    fn a_build_by_npm_gets_a_script() {
        let built = json!({ "scripts": { "install": BUILD }, "gypfile": true });
        for manifest in
            [json!({}), json!({ "scripts": null }), json!({ "scripts": { "install": "" } }), built.clone()]
        {
            for has_binding_gyp in [true, false] {
                assert_eq!(declared(&manifest, has_binding_gyp), built);
            }
        }
    }

    #[test]
    fn a_build_by_yarn_alone_gets_a_flag_and_no_script() {
        for manifest in [
            json!({ "gypfile": false }),
            json!({ "gypfile": false, "scripts": { "install": "" } }),
            json!({ "gypfile": false, "scripts": { "install": 7 } }),
            json!({ "scripts": { "preinstall": "make" } }),
        ] {
            let mut told = manifest.clone();
            told["hasInstallScript"] = true.into();
            assert_eq!(declared(&manifest, true), told);
            assert_eq!(declared(&manifest, false), manifest, "yarn looks for binding.gyp alone");
        }
        let own = json!({ "gypfile": false, "scripts": { "install": "make" } });
        assert_eq!(declared(&own, true), own);
    }
}
