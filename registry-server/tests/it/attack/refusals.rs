//! What real clients print when the registry refuses, as people see it, without what says nothing about the reason.

use std::fmt::Write as _;
use std::path::Path;

use futures::future::join_all;
use registry_core::domain::Integrity;
use registry_testkit::clients::{Client, package};
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use registry_testkit::tarball::Tarball;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::table::{RENEW, what_it_says};
use super::{MANAGERS, Manager};
use crate::running::run;
use crate::support::sign_up;

const SETTINGS: &str = r#"
[cache]
upstream_seconds = 0

[block_list]
seconds = 0

[similar_names]
check = "refuse"
popular_file = "POPULAR"

[[packages]]
match = "@secret/*"
read = ["user:ada"]
publish = ["user:ada"]

[[packages]]
match = "@ours/*"
read = ["@all"]
publish = ["@authenticated"]

[[packages]]
match = "@theirs/*"
read = ["@all"]
publish = ["user:ada"]

[[packages]]
match = "**"
read = ["@all"]
publish = ["@authenticated"]
origin = ["npm"]

[[policy]]
match = "blocked"
block = ["blocked"]
contact = "ask #security"

[[policy]]
match = "young"
minimum_age = "36500 days"

[[policy]]
match = "frozen"
freeze = "2020-01-01"

[[policy]]
match = "licensed"
licenses = ["MIT"]

[[policy]]
match = "scripted"
install_scripts = "refuse"

[[policy]]
match = "unproven"
provenance = "required"

[[policy]]
match = "unlisted"
allow = ["unlisted@2.x"]
"#;

/// Installs that are refused: the case, and what is installed.
const INSTALLS: [(&str, &str); 15] = [
    ("every version is blocked", "blocked"),
    ("every version is too young", "young"),
    ("every version is later than a freeze", "frozen"),
    ("no version has an allowed license", "licensed"),
    ("every version has an install script", "scripted"),
    ("no version has provenance", "unproven"),
    ("no version is on the list of allowed ones", "unlisted"),
    ("the only version was recalled", "recalled"),
    ("one version was recalled, and is asked for", "partly@1.1.0"),
    ("the name looks like another", "1eft-pad"),
    ("there is no such package", "no-such-package"),
    ("there is no such version", "partly@9.9.9"),
    ("there is no version in the range", "partly@^9.0.0"),
    ("the package is for others", "@secret/plan"),
    ("the upstream fails", "broken"),
];

/// Publishes that are refused: the case, the package and its version.
const PUBLISHES: [(&str, &str, &str); 5] = [
    ("the version exists", "@ours/fig", "1.0.0"),
    ("another account may publish", "@theirs/fig", "1.0.0"),
    ("the package is for others", "@secret/plan", "1.0.0"),
    ("the name comes from an upstream", "partly", "3.0.0"),
    ("the name looks like another", "@0urs/fig", "1.0.0"),
];

struct World {
    _upstream: FakeUpstream,
    server: ServerProcess,
    _folder: TempDir,
    token: String,
}

impl World {
    async fn start() -> Self {
        let upstream = FakeUpstream::start(ServedPackages(Vec::new())).await;
        for name in [
            "blocked", "young", "frozen", "licensed", "scripted", "unproven", "unlisted", "recalled",
            "1eft-pad",
        ] {
            serve(&upstream, name, &["1.0.0"]);
        }
        serve(&upstream, "partly", &["1.0.0", "1.1.0"]);
        upstream.answer("/broken", FakeAnswer::status(500));
        let folder = TempDir::with_prefix("refusals-").unwrap();
        let popular = folder.path().join("popular.txt");
        std::fs::write(&popular, "left-pad\n").unwrap();
        let settings = SETTINGS.replace("POPULAR", popular.to_str().unwrap());
        let settings = format!("{settings}[upstreams.npm]\nurl = \"{}\"\n", upstream.base_url());
        let storage = folder.path().join("storage");
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let server = ServerProcess::start(binary, &["--config", &settings], &storage).await;
        let url = format!("file:{}", storage.display());
        for version in ["recalled@1.0.0", "partly@1.1.0"] {
            let command =
                ["recall", version, "--reason", "it steals tokens", "--config", &settings, "--storage", &url];
            let output = run(&command);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let token = sign_up(&HttpClient::new(server.base_url()), "ana").await;
        Self { _upstream: upstream, server, _folder: folder, token }
    }

    /// What a client prints for each refused install and publish.
    async fn told(&self, manager: &Manager) -> Vec<Vec<String>> {
        let mut told = Vec::new();
        for (_, wanted) in INSTALLS {
            let client = Client::with_token(manager.pinned, self.server.base_url(), &self.token).await;
            let (name, range) = match wanted.rsplit_once('@') {
                Some((name, range)) if !name.is_empty() => (name, range),
                _ => (wanted, "*"),
            };
            let app = client.home().project(&package("app", "1.0.0").dependency(name, range));
            let output = client.run_in(&app, manager.install).await.assert_failure();
            told.push(what_it_says(&client, &output));
        }
        let client = Client::with_token(manager.pinned, self.server.base_url(), &self.token).await;
        for (_, name, version) in PUBLISHES {
            let folder = client.home().project(&package(name, version));
            let before: &[&[&str]] = if manager.name == "yarn 4" { &[&["install"]] } else { &[] };
            for command in before {
                let _ = client.run_in(&folder, command).await;
            }
            let publish: &[&str] = match manager.name {
                "yarn 4" => &["npm", "publish"],
                "pnpm" => &["publish", "--no-git-checks"],
                _ => &["publish"],
            };
            let output = client.run_in(&folder, publish).await.assert_failure();
            told.push(what_it_says(&client, &output));
        }
        told
    }
}

fn serve(upstream: &FakeUpstream, name: &str, versions: &[&str]) {
    let mut packument = json!({ "_id": name, "name": name, "dist-tags": {}, "versions": {}, "time": {} });
    for version in versions {
        let manifest = json!({ "name": name, "version": version, "license": "GPL-3.0-only",
            "scripts": { "install": "true" } });
        let bytes = Tarball::of_manifest(manifest.clone()).pack();
        let path = format!("/{name}/-/{name}-{version}.tgz");
        let mut manifest: Value = manifest;
        manifest["dist"] = json!({
            "tarball": format!("{}{path}", upstream.base_url()), "integrity": Integrity::of(&bytes).to_string(),
        });
        packument["versions"][version] = manifest;
        packument["dist-tags"]["latest"] = (*version).into();
        packument["time"][version] = "2025-11-01T00:00:00.000Z".into();
        packument["time"]["modified"] = "2025-11-01T00:00:00.000Z".into();
        upstream.answer(&path, FakeAnswer::status(200).body(bytes));
    }
    let answer = FakeAnswer::status(200).header("content-type", "application/json");
    upstream.answer(&format!("/{name}"), answer.body(packument.to_string()));
}

#[tokio::test]
async fn clients_say_why_they_are_refused() {
    let world = World::start().await;
    // One version is there, so that the next publish of it is refused.
    let npm = Client::with_token(MANAGERS[0].pinned, world.server.base_url(), &world.token).await;
    let folder = npm.home().project(&package("@ours/fig", "1.0.0"));
    let _ = npm.run_in(&folder, &["publish"]).await.assert_success();
    let told = join_all(MANAGERS.iter().map(|manager| world.told(manager))).await;
    let cases = INSTALLS.iter().map(|(case, wanted)| format!("install {wanted}: {case}"));
    let publishes = PUBLISHES.iter().map(|(case, name, version)| format!("publish {name}@{version}: {case}"));
    let mut text = String::new();
    for (number, case) in cases.chain(publishes).enumerate() {
        writeln!(text, "{case}").unwrap();
        for (manager, told) in MANAGERS.iter().zip(&told) {
            writeln!(text, "  {}", manager.name).unwrap();
            for line in &told[number] {
                writeln!(text, "    {line}").unwrap();
            }
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/attack/refusals.txt");
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(expected, text, "if this is as it should be, run the test with {RENEW}=1");
}
