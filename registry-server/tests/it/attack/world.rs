use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use registry_core::clock::{Clock as _, SystemClock};
use registry_core::domain::Integrity;
use registry_testkit::clients::{Client, CommandOutput, package};
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use registry_testkit::tarball::Tarball;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Manager;
use super::table::Outcome;
use crate::running::run;
use crate::support::sign_up;

/// How far the attack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The bad version is there.
    Published,
    /// The upstream removed it.
    Removed,
}

/// An upstream, and two servers in front of it: one with a defense, and an open one.
pub(super) struct World {
    upstream: FakeUpstream,
    front: ServerProcess,
    open: ServerProcess,
    storage: TempDir,
    _open_storage: TempDir,
    settings: String,
    /// Tokens of the front server and of the open one: yarn asks for nothing without.
    tokens: [String; 2],
}

impl World {
    pub(super) async fn start(settings: &str) -> Self {
        let upstream = FakeUpstream::start(ServedPackages(Vec::new())).await;
        let (storage, open_storage) =
            (TempDir::with_prefix("attack-").unwrap(), TempDir::with_prefix("open-").unwrap());
        let common = format!(
            "[cache]\nupstream_seconds = 0\n[block_list]\nseconds = 0\n[upstreams.npm]\nurl = \"{}\"\n\
             [[packages]]\nmatch = \"**\"\nread = [\"@all\"]\norigin = [\"npm\"]\n",
            upstream.base_url()
        );
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let settings = format!("{common}{settings}");
        let front = ServerProcess::start(binary, &["--config", &settings], storage.path()).await;
        let open = ServerProcess::start(binary, &["--config", &common], open_storage.path()).await;
        let [front_token, open_token] = [&front, &open].map(|server| HttpClient::new(server.base_url()));
        let tokens = [sign_up(&front_token, "ana").await, sign_up(&open_token, "ana").await];
        let mut world =
            Self { upstream, front, open, storage, _open_storage: open_storage, settings, tokens };
        world.set_stage(Stage::Published);
        world
    }

    pub(super) fn set_stage(&mut self, stage: Stage) {
        let versions: &[&str] = if stage == Stage::Published { &["1.0.0", "1.1.0"] } else { &["1.0.0"] };
        let now = SystemClock.now();
        let base = self.upstream.base_url().to_owned();
        let mut packument =
            json!({ "_id": "pear", "name": "pear", "dist-tags": {}, "versions": {}, "time": {} });
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        for version in versions {
            let bytes = tarball(version);
            let path = format!("/pear/-/pear-{version}.tgz");
            let mut manifest = json!({ "name": "pear", "version": version, "dist": {
                "tarball": format!("{base}{path}"), "integrity": Integrity::of(&bytes).to_string(),
            }});
            let age = if *version == "1.0.0" {
                // Builds of the project published it, and a stolen token the other one.
                manifest["_npmUser"] = json!({ "name": "GitHub Actions", "email": "", "trustedPublisher": {
                    "id": "github", "oidcConfigId": "oidc:1",
                }});
                manifest["dist"]["attestations"] = json!({
                    "url": format!("{base}/-/npm/v1/attestations/pear@1.0.0"),
                    "provenance": { "predicateType": "https://slsa.dev/provenance/v1" },
                });
                TimeDelta::days(400)
            } else {
                TimeDelta::days(3)
            };
            packument["time"][version] = time(now - age).into();
            packument["time"]["modified"] = time(now - age).into();
            packument["versions"][version] = manifest;
            packument["dist-tags"]["latest"] = (*version).into();
            self.upstream.answer(&path, FakeAnswer::status(200).body(bytes));
        }
        if stage == Stage::Removed {
            self.upstream.answer("/pear/-/pear-1.1.0.tgz", FakeAnswer::status(404));
        }
        let answer = FakeAnswer::status(200).header("content-type", "application/json");
        self.upstream.answer("/pear", answer.body(packument.to_string()));
    }

    /// Fetches what the front server serves, so that it has it in its cache.
    pub(super) async fn warm(&self) {
        let http = HttpClient::new(self.front.base_url());
        for path in ["/pear", "/pear/-/pear-1.0.0.tgz", "/pear/-/pear-1.1.0.tgz"] {
            let _ = http.get(path).send().await;
        }
    }

    /// Runs a command of the operator on the storage of the front server.
    pub(super) fn operate(&self, command: &[&str]) {
        let storage = format!("file:{}", self.storage.path().display());
        let output = run(&[command, &["--config", &self.settings, "--storage", &storage]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Returns a lock file with the bad version, for the front server.
    pub(super) async fn lock_file(&self, manager: &Manager) -> String {
        let client = Client::with_token(manager.pinned, self.open.base_url(), &self.tokens[1]).await;
        let app = project(&client);
        let _ = client.run_in(&app, manager.install).await.assert_success();
        let lock = fs::read_to_string(app.join(manager.lock_file)).unwrap();
        assert!(lock.contains("1.1.0"), "{lock}");
        lock.replace(self.open.base_url(), self.front.base_url())
    }

    /// Installs in a fresh project of a fresh client. On a busy machine, a client may fail for reasons of its own: one that names no
    /// answer of the registry tries again.
    pub(super) async fn install(&self, manager: &Manager, lock: Option<&str>) -> Outcome {
        let outcome = self.try_install(manager, lock).await;
        if outcome.fails_without_reason() { self.try_install(manager, lock).await } else { outcome }
    }

    async fn try_install(&self, manager: &Manager, lock: Option<&str>) -> Outcome {
        let client = Client::with_token(manager.pinned, self.front.base_url(), &self.tokens[0]).await;
        let app = project(&client);
        let arguments = match lock {
            None => manager.install,
            Some(lock) => {
                fs::write(app.join(manager.lock_file), lock).unwrap();
                manager.frozen
            }
        };
        let output = client.run_in(&app, arguments).await;
        Outcome::new(installed(&app), &output, client.home())
    }
}

fn project(client: &Client) -> PathBuf {
    // yarn 4 would not write a folder that can be looked into.
    let app = package("app", "1.0.0")
        .dependency("pear", "^1.0.0")
        .file(".yarnrc.yml", "nodeLinker: node-modules\n");
    client.home().project(&app)
}

/// The version that is in the project.
fn installed(app: &Path) -> Option<String> {
    let manifest = fs::read(app.join("node_modules/pear/package.json")).ok()?;
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    manifest["version"].as_str().map(str::to_owned)
}

fn tarball(version: &str) -> Vec<u8> {
    let tarball = Tarball::of_manifest(json!({ "name": "pear", "version": version }));
    tarball.file("index.js", b"module.exports = 'pear';\n").pack()
}

/// All that a command printed.
pub(super) fn printed(output: &CommandOutput) -> String {
    format!("{}\n{}", output.stdout, output.stderr)
}
