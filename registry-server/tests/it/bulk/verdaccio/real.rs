//! A real Verdaccio, filled once, and moved in both ways.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use futures::{StreamExt as _, stream};
use registry_testkit::amount;
use registry_testkit::benchmark::{Process, free_port};
use registry_testkit::clients::{NODE, Npm, Toolbox, VERDACCIO};
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::import::lines;
use super::{command, output, records};
use crate::running::registry_server;
use crate::support::{PASSWORD, account, files_below, start_server, user_path};

/// A Verdaccio that runs.
struct Running {
    folder: TempDir,
    process: Process,
    port: u16,
    token: String,
}

impl Running {
    async fn start() -> Self {
        let (node, script) =
            (Toolbox::shared().entry_of(&NODE).await, Toolbox::shared().entry_of(&VERDACCIO).await);
        let (folder, port) = (TempDir::with_prefix("verdaccio-").unwrap(), free_port().unwrap());
        let config = format!(
            "storage: ./storage
listen: 127.0.0.1:{port}
auth:
  htpasswd:
    file: ./htpasswd
    max_users: 10
security:
  api:
    jwt:
      sign:
        expiresIn: 1h
uplinks: {{}}
packages:
  '@closed/*':
    access: ana
    publish: ana
  '**':
    access: $all
    publish: $authenticated
web:
  enable: false
log: {{ type: stdout, format: json, level: fatal }}
"
        );
        let file = folder.path().join("config.yaml");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(node);
        command.arg(script).arg("--config").arg(&file).env_clear().current_dir(folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", folder.path());
        command.env("NODE_ENV", "production");
        let process = Process::start(&mut command, port, &folder.path().join("log")).unwrap();
        let http = HttpClient::new(&format!("http://127.0.0.1:{port}"));
        let mut tokens = Vec::new();
        for name in ["ana", "ben"] {
            let signed_up = http.put(&user_path(name)).json(&account(name, PASSWORD)).send().await;
            tokens.push(signed_up.assert_status(201).json()["token"].as_str().unwrap().to_owned());
        }
        Self { folder, process, port, token: tokens.remove(0) }
    }

    fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn http(&self) -> HttpClient {
        HttpClient::new(&self.base_url())
    }

    async fn publish(&self, document: &PublishDocument) {
        let document = document.build();
        let path = path(document["name"].as_str().unwrap());
        let put = self.http().put(&path).bearer(&self.token).json(&document).send();
        let _ = put.await.assert_status(201);
    }

    async fn packument(&self, name: &str) -> Value {
        self.http().get(&path(name)).bearer(&self.token).send().await.assert_status(200).json()
    }

    async fn put(&self, path: &str, document: &Value) {
        let put = self.http().put(path).bearer(&self.token).json(document).send().await;
        assert!(put.status.is_success(), "{put:?}");
    }

    /// Publishes packages, and does with some of them what users do.
    async fn fill(&self, names: &[String]) {
        let documents =
            names.iter().flat_map(|name| ["1.0.0", "1.1.0"].map(|version| document(name, version)));
        // Both versions of a package one after the other.
        let documents: Vec<_> = documents.collect();
        let pairs = stream::iter(documents.chunks(2)).map(|pair| async move {
            for document in pair {
                self.publish(document).await;
            }
        });
        pairs.buffer_unordered(8).collect::<Vec<()>>().await;

        let mut deprecated = self.packument(&names[0]).await;
        deprecated["versions"]["1.0.0"]["deprecated"] = json!("use 1.1.0");
        self.put(&path(&names[0]), &deprecated).await;
        self.put(&format!("/-/package/{}/dist-tags/old", &path(&names[1])[1..]), &json!("1.0.0")).await;
        self.put(&path(&names[2]), &json!({ "_id": names[2], "_rev": "1", "users": { "ana": true } })).await;

        self.publish(&PublishDocument::new(&names[3], "1.2.0")).await;
        let mut unpublished = self.packument(&names[3]).await;
        let revision = unpublished["_rev"].as_str().unwrap().to_owned();
        for field in ["versions", "time"] {
            unpublished[field].as_object_mut().unwrap().shift_remove("1.2.0");
        }
        unpublished["dist-tags"]["latest"] = json!("1.1.0");
        self.put(&format!("{}/-rev/{revision}", path(&names[3])), &unpublished).await;
        let base = names[3].rsplit('/').next().unwrap();
        let tarball = format!("{}/-/{base}-1.2.0.tgz/-rev/{revision}", path(&names[3]));
        let _ = self.http().delete(&tarball).bearer(&self.token).send().await.assert_status(201);
    }
}

fn path(name: &str) -> String {
    format!("/{}", name.replace('/', "%2f"))
}

fn names() -> Vec<String> {
    let number = amount("PACKAGES", 204);
    let name = |number: usize| match number % 3 {
        0 => format!("@acme/pear-{number}"),
        1 => format!("@closed/fig-{number}"),
        _ => format!("plum-{number}"),
    };
    (0..number.max(6)).map(name).collect()
}

/// The lock file of a project with all of the packages, some in a version that is not the latest.
fn lock_file(names: &[String], base_url: &str, dependencies: &Value) -> Value {
    let mut packages = json!({ "": { "name": "app", "version": "1.0.0", "dependencies": dependencies } });
    for (name, version) in names.iter().zip(["1.1.0", "1.0.0"].iter().cycle()) {
        let base = name.rsplit('/').next().unwrap();
        packages[format!("node_modules/{name}")] = json!({
            "version": version,
            "resolved": format!("{base_url}/{name}/-/{base}-{version}.tgz"),
            "integrity": document(name, version).integrity(),
        });
    }
    json!({ "name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": packages })
}

fn document(name: &str, version: &str) -> PublishDocument {
    let content = format!("module.exports = {:?};\n", format!("{name}@{version}"));
    PublishDocument::new(name, version)
        .field("description", json!(format!("{name} is green")))
        .file("index.js", content.as_bytes())
}

/// Installs from a lock file in a clean home, and returns all files.
async fn installed(base_url: &str, token: &str, manifest: &str, lock: &str) -> BTreeMap<String, Vec<u8>> {
    let npm = Npm::with_token(base_url, token).await;
    let folder = npm.home().work_folder();
    fs::write(folder.join("package.json"), manifest).unwrap();
    fs::write(folder.join("package-lock.json"), lock).unwrap();
    let _ =
        npm.run_in(&folder, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).await.assert_success();
    files_below(&folder.join("node_modules"))
}

async fn sign_in(base_url: &str, name: &str) -> String {
    let http = HttpClient::new(base_url);
    let answer = http.put(&user_path(name)).json(&account(name, PASSWORD)).send().await.assert_status(201);
    answer.json()["token"].as_str().unwrap().to_owned()
}

/// Serves at the address that the settings have from Verdaccio.
fn serve(settings: &Path, storage: &Path, port: u16) -> Process {
    let storage_url = format!("file:{}", storage.display());
    let mut command = registry_server(&["--config", settings.to_str().unwrap(), "--storage", &storage_url]);
    let log = settings.with_file_name("server.log");
    Process::start(command.env("HOME", storage), port, &log).unwrap()
}

#[tokio::test]
async fn a_team_moves_in_with_its_lock_file_its_users_and_its_packages() {
    let (verdaccio, names) = (Running::start().await, names());
    verdaccio.fill(&names).await;
    let dependencies: Value = names.iter().map(|name| (name.clone(), json!("^1.0.0"))).collect();
    let manifest = json!({ "name": "app", "version": "1.0.0", "dependencies": dependencies }).to_string();
    let lock = lock_file(&names, &verdaccio.base_url(), &dependencies).to_string();
    let before = installed(&verdaccio.base_url(), &verdaccio.token, &manifest, &lock).await;
    assert!(before.len() > 2 * names.len(), "{}", before.len());

    // While it runs, by both ways.
    let folder = verdaccio.folder.path().to_owned();
    let config = folder.join("config.yaml").display().to_string();
    let (by_folder, by_http) = (folder.join("by-folder"), folder.join("by-http"));
    let imported = output(command(&folder, &config, &by_folder)).await;
    let sum = lines(&imported).pop().unwrap();
    let versions = 2 * names.len();
    assert_eq!(
        (&sum["packages"], &sum["added"], &sum["cached"]),
        (&json!(names.len()), &json!(versions), &json!(0))
    );
    let again = output(command(&folder, &config, &by_folder)).await;
    let sum = records(&again).pop().unwrap();
    assert_eq!(
        (&sum["added"], &sum["unchanged"], &sum["failures"]),
        (&json!(0), &json!(versions), &json!(0))
    );
    // The storage must be there for this one.
    let settings = folder.join("registry.toml");
    assert!(start_server(&by_http).await.stop().await.success());
    let storage = format!("file:{}", by_http.display());
    let mut command =
        registry_server(&["import", "registry", &verdaccio.base_url(), "--all", "--storage", &storage]);
    command.env("HOME", &folder).env("OLD", &verdaccio.token).args(["--token-env", "OLD"]);
    let sum = lines(&output(command).await).pop().unwrap();
    assert_eq!((&sum["packages"], &sum["added"]), (&json!(names.len()), &json!(versions)));

    let mut there = BTreeMap::new();
    for name in &names[..4] {
        there.insert(name.clone(), verdaccio.packument(name).await);
    }
    let Running { folder: kept, process, port, .. } = verdaccio;
    drop(process);
    let base_url = format!("http://127.0.0.1:{port}");
    for storage in [&by_http, &by_folder] {
        let server = serve(&settings, storage, port);
        let token = sign_in(&base_url, "ana").await;
        let after = installed(&base_url, &token, &manifest, &lock).await;
        let differing: Vec<_> = before
            .iter()
            .filter(|(file, bytes)| after.get(*file) != Some(*bytes))
            .map(|(file, _)| file)
            .collect();
        assert_eq!((before.len(), differing), (after.len(), Vec::<&String>::new()));

        let http = HttpClient::new(&base_url);
        for (name, there) in &there {
            let here = http.get(&path(name)).bearer(&token).send().await.assert_status(200).json();
            for field in ["dist-tags", "time", "readme"] {
                assert_eq!(here[field], there[field], "{field} of {name}");
            }
            for version in ["1.0.0", "1.1.0"] {
                let (here, there) = (&here["versions"][version], &there["versions"][version]);
                assert_eq!(here["deprecated"], there["deprecated"]);
                assert_eq!(here["dist"]["integrity"], there["dist"]["integrity"]);
            }
        }
        drop(server);
    }

    // The rights of users are those that they had.
    let server = serve(&settings, &by_folder, port);
    let http = HttpClient::new(&base_url);
    let (ana, ben) = (sign_in(&base_url, "ana").await, sign_in(&base_url, "ben").await);
    let _ = http.get(&path(&names[1])).bearer(&ben).send().await.assert_status(404);
    let _ = http.get(&path(&names[1])).send().await.assert_status(401);
    let wrong = http.put(&user_path("ana")).json(&account("ana", "another password")).send().await;
    assert_eq!(wrong.status, 401);
    for (name, token) in [(&names[0], &ben), (&names[1], &ana)] {
        let next = PublishDocument::new(name, "1.3.0").build();
        let _ = http.put(&path(name)).bearer(token).json(&next).send().await.assert_status(201);
    }
    let stars = http.get("/-/_view/starredByUser?key=%22ana%22").bearer(&ana).send().await.assert_status(200);
    assert_eq!(stars.json()["rows"], json!([{ "value": names[2] }]));
    drop((server, kept));
}
