//! Writes the folder of a package, as its author has it before `npm publish`.
//!
//! ```
//! use registry_testkit::clients::package;
//! let parent = tempfile::tempdir().unwrap();
//! let folder = package("@acme/one", "1.0.0").dependency("two", "^2.0.0").write_below(parent.path());
//! let manifest = std::fs::read_to_string(folder.join("package.json")).unwrap();
//! assert!(manifest.contains(r#""two": "^2.0.0""#));
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// A package with a `package.json`, a `README.md` and an `index.js`.
pub fn package(name: &str, version: &str) -> PackageFolder {
    let mut manifest = Map::new();
    manifest.insert("name".to_owned(), json!(name));
    manifest.insert("version".to_owned(), json!(version));
    manifest.insert("main".to_owned(), json!("index.js"));
    let files = BTreeMap::from([
        ("README.md".to_owned(), format!("# {name}\n")),
        ("index.js".to_owned(), format!("module.exports = {:?};\n", format!("{name}@{version}"))),
    ]);
    PackageFolder { manifest, files }
}

/// The content of a package's folder. Made by [`package`].
#[derive(Debug, Clone)]
pub struct PackageFolder {
    manifest: Map<String, Value>,
    files: BTreeMap<String, String>,
}

impl PackageFolder {
    /// With something in each field that decides what an install does. Its dependencies are in no registry.
    #[must_use]
    pub fn with_much(self) -> Self {
        self.field("dependencies", json!({ "fig": "^1.0.0", "10": "1", "2": "1" }))
            .field("optionalDependencies", json!({ "plum": "~2.0.0" }))
            .field("devDependencies", json!({ "lime": "*" }))
            .field("peerDependencies", json!({ "kiwi": ">=1 <3" }))
            .field("peerDependenciesMeta", json!({ "kiwi": { "optional": true } }))
            .field("overrides", json!({ "fig": { "seed": "1.0.0" } }))
            .field("scripts", json!({ "postinstall": "node index.js", "test": "echo \u{fc}ber \u{1f350}" }))
            .field("bin", json!("./index.js"))
            .field("exports", json!({ ".": { "import": "./index.js", "default": "./index.js" } }))
            .field("type", json!("commonjs"))
            .field("engines", json!({ "node": ">=18" }))
            .field("os", json!(["linux", "!win32"]))
            .field("cpu", json!("x64"))
            .field("config", json!({ "port": 8080.0, "large": 12_345_678_901_234_567_890_u64 }))
    }

    /// With this field in its `package.json`.
    #[must_use]
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.manifest.insert(name.to_owned(), value);
        self
    }

    /// With this dependency.
    #[must_use]
    pub fn dependency(mut self, name: &str, range: &str) -> Self {
        let dependencies = self.manifest.entry("dependencies").or_insert_with(|| json!({}));
        dependencies[name] = json!(range);
        self
    }

    /// With a command `name` that prints the package's name and version.
    #[must_use]
    pub fn command(self, name: &str) -> Self {
        let path = format!("bin/{name}.js");
        let script = "#!/usr/bin/env node\nconsole.log(require('..'));\n";
        self.field("bin", json!({ name: path })).file(&path, script)
    }

    /// With this file.
    #[must_use]
    pub fn file(mut self, path: &str, content: &str) -> Self {
        self.files.insert(path.to_owned(), content.to_owned());
        self
    }

    /// Writes the folder below `parent` and says where. A second version of a package gets a folder of its own.
    ///
    /// # Panics
    ///
    /// If a file cannot be written.
    pub fn write_below(&self, parent: &Path) -> PathBuf {
        let part = |field: &str| self.manifest[field].as_str().unwrap_or_default().replace('/', "+");
        let folder = parent.join(format!("{}-{}", part("name"), part("version")));
        let manifest = format!("{:#}\n", Value::Object(self.manifest.clone()));
        write(&folder.join("package.json"), &manifest);
        for (path, content) in &self.files {
            write(&folder.join(path), content);
        }
        folder
    }
}

fn write(path: &Path, content: &str) {
    let parent = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(parent).and_then(|()| fs::write(path, content));
    written.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}
