//! `import verdaccio`, of storages that a real Verdaccio wrote and of damaged ones.

mod real;
mod refused;
mod settings;
mod stopped;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::running::registry_server;

const OPEN: &str = "packages: { '**': { access: $all, publish: $authenticated } }\n";

/// The folder of a Verdaccio that does not run, and a place for our storage and settings.
struct Verdaccio {
    folder: TempDir,
    list: Vec<String>,
}

impl Verdaccio {
    fn new(config: &str) -> Self {
        let folder = TempDir::with_prefix("verdaccio-").unwrap();
        fs::create_dir(folder.path().join("storage")).unwrap();
        fs::write(folder.path().join("config.yaml"), format!("storage: ./storage\n{config}")).unwrap();
        let verdaccio = Self { folder, list: Vec::new() };
        verdaccio.write_list();
        verdaccio
    }

    /// With a package of one version for each name.
    fn with(names: &[&str]) -> Self {
        let mut verdaccio = Self::new(OPEN);
        for name in names {
            verdaccio.publish(&PublishDocument::new(name, "1.0.0"));
        }
        verdaccio
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn config(&self) -> String {
        self.path("config.yaml").display().to_string()
    }

    fn write_list(&self) {
        let list = json!({ "list": self.list, "secret": "a".repeat(32) });
        fs::write(self.path("storage/.verdaccio-db.json"), list.to_string()).unwrap();
    }

    /// Writes a version as Verdaccio does.
    fn publish(&mut self, document: &PublishDocument) {
        let name = document.build()["name"].as_str().unwrap().to_owned();
        self.write(document);
        if !self.list.contains(&name) {
            self.list.push(name);
        }
        self.write_list();
    }

    /// Writes a version of a package that is not listed.
    fn write(&self, document: &PublishDocument) {
        let built = document.build();
        let name = built["name"].as_str().unwrap();
        let (version, manifest) = built["versions"].as_object().unwrap().iter().next().unwrap();
        let file = format!("{}-{version}.tgz", name.rsplit('/').next().unwrap());
        fs::create_dir_all(self.path(&format!("storage/{name}"))).unwrap();
        fs::write(self.path(&format!("storage/{name}/{file}")), document.tarball()).unwrap();
        self.change(name, |package| {
            let time =
                format!("2020-03-0{}T01:02:03.456Z", package["versions"].as_object().unwrap().len() + 1);
            let mut manifest = manifest.clone();
            manifest["contributors"] = json!([]);
            manifest.as_object_mut().unwrap().shift_remove("readme");
            package["versions"][version] = manifest;
            package["time"][version] = json!(time);
            package["time"]["modified"] = json!(time);
            package["dist-tags"]["latest"] = json!(version);
            package["_attachments"][&file] = json!({ "shasum": document.shasum(), "version": version });
        });
    }

    /// Changes the `package.json` of a package.
    fn change(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let file = self.path(&format!("storage/{name}/package.json"));
        let mut package = fs::read(&file).map_or_else(
            |_| {
                json!({
                    "name": name, "versions": {}, "time": { "created": "2020-03-01T01:02:03.456Z" }, "users": {},
                    "dist-tags": {}, "_uplinks": {}, "_distfiles": {}, "_attachments": {}, "_rev": "3-1",
                    "_id": name, "readme": format!("# {name}\n"),
                })
            },
            |json| serde_json::from_slice(&json).unwrap(),
        );
        change(&mut package);
        fs::write(file, serde_json::to_string_pretty(&package).unwrap()).unwrap();
    }

    /// Our storage.
    fn target(&self) -> PathBuf {
        self.path("target")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.folder.path(), &self.config(), &self.target());
        command.args(arguments);
        command
    }

    async fn import(&self, arguments: &[&str]) -> Output {
        output(self.command(arguments)).await
    }
}

/// The command in a folder, without what the machine has set.
fn command(folder: &Path, config: &str, target: &Path) -> Command {
    let storage = format!("file:{}", target.display());
    let mut command = registry_server(&["import", "verdaccio", config, "--storage", &storage]);
    command.current_dir(folder).env("HOME", folder);
    for variable in ["VERDACCIO_STORAGE_PATH", "VERDACCIO_PUBLIC_URL"] {
        command.env_remove(variable);
    }
    command
}

async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// What was printed of packages, and the sum, without what is said of settings.
fn records(output: &Output) -> Vec<Value> {
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    let records = printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.filter(|record| record.get("setting").is_none()).collect()
}
