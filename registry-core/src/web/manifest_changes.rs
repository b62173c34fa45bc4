use std::collections::BTreeSet;

use serde_json::Value;

use super::package_view::{INSTALL_SCRIPTS, person};

/// The fields of dependencies, and what one entry of each is called.
const DEPENDENCIES: [(&str, &str); 4] = [
    ("dependencies", "dependency"),
    ("peerDependencies", "peer dependency"),
    ("optionalDependencies", "optional dependency"),
    ("devDependencies", "development dependency"),
];
/// Further fields that say how a package behaves.
const FIELDS: [(&str, &str); 10] = [
    ("bin", "commands"),
    ("engines", "engines"),
    ("main", "main file"),
    ("module", "module file"),
    ("type", "module kind"),
    ("exports", "exports"),
    ("types", "types"),
    ("license", "license"),
    ("repository", "repository"),
    ("description", "description"),
];
/// The longest value that is shown.
const LONGEST: usize = 200;

/// A difference of two manifests, to be read as a sentence: verb, what, and the values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ManifestChange {
    pub(crate) verb: &'static str,
    pub(crate) what: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    /// Whether it runs code when the package is installed.
    pub(crate) runs_at_install: bool,
}

impl ManifestChange {
    fn of(what: String, before: Option<&Value>, after: Option<&Value>) -> Option<Self> {
        let verb = match (before, after) {
            (None, Some(_)) => "adds",
            (Some(_), None) => "removes",
            (Some(before), Some(after)) if before != after => "changes",
            _ => return None,
        };
        Some(Self { verb, what, before: before.map(shown), after: after.map(shown), runs_at_install: false })
    }
}

/// Says what changed from one manifest to another: scripts first, then dependencies, then the rest.
pub(crate) fn manifest_changes(old: &Value, new: &Value) -> Vec<ManifestChange> {
    let mut changes = Vec::new();
    let scripts = keys(&old["scripts"], &new["scripts"]);
    let (at_install, others): (Vec<_>, Vec<_>) =
        scripts.into_iter().partition(|script| INSTALL_SCRIPTS.contains(script));
    for script in at_install.iter().chain(&others) {
        let what = format!("the script {script}");
        let change = ManifestChange::of(what, old["scripts"].get(*script), new["scripts"].get(*script));
        let runs_at_install = at_install.contains(script) && new["scripts"].get(*script).is_some();
        changes.extend(change.map(|change| ManifestChange { runs_at_install, ..change }));
    }
    for (field, noun) in DEPENDENCIES {
        for name in keys(&old[field], &new[field]) {
            let what = format!("the {noun} {name}");
            changes.extend(ManifestChange::of(what, old[field].get(name), new[field].get(name)));
        }
    }
    for (field, noun) in FIELDS {
        let (before, after) = (old.get(field), new.get(field));
        changes.extend(ManifestChange::of(format!("the {noun}"), before, after));
    }
    let publisher = |manifest: &Value| person(&manifest["_npmUser"]).map(Value::String);
    let (before, after) = (publisher(old), publisher(new));
    changes.extend(ManifestChange::of("the publisher".to_owned(), before.as_ref(), after.as_ref()));
    changes
}

/// The keys of two objects.
fn keys<'a>(old: &'a Value, new: &'a Value) -> BTreeSet<&'a str> {
    let keys = |value: &'a Value| value.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    keys(old).chain(keys(new)).collect()
}

fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scripts_come_first_and_those_that_run_at_an_install_before_them() {
        let old = json!({ "scripts": { "build": "tsc", "test": "old" }, "dependencies": { "fig": "1" }, "license": "MIT" });
        let new = json!({ "scripts": { "build": "tsc", "test": "new", "postinstall": "node x" },
            "dependencies": { "kiwi": "^2" }, "license": "ISC" });
        let changes = manifest_changes(&old, &new);
        let told: Vec<_> = changes.iter().map(|change| format!("{} {}", change.verb, change.what)).collect();
        assert_eq!(
            told,
            [
                "adds the script postinstall",
                "changes the script test",
                "removes the dependency fig",
                "adds the dependency kiwi",
                "changes the license",
            ]
        );
        assert!(changes[0].runs_at_install && changes[1..].iter().all(|change| !change.runs_at_install));
        assert_eq!(manifest_changes(&new, &new), []);
    }

    #[test]
    fn hostile_manifests_are_compared_too() {
        for odd in
            [json!(null), json!(7), json!("x"), json!([1]), json!({ "scripts": [], "dependencies": "x" })]
        {
            manifest_changes(&odd, &json!({ "scripts": { "install": {} }, "dependencies": ["a"] }));
        }
    }
}
