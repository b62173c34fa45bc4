//! The bucket of a deployment of codebox-npm, copied into a folder, and the clients that its people have.

use std::fs;
use std::path::Path;

use registry_core::storage::LocalDisk;
use registry_testkit::clients::{Client, Npm, PNPM, PinnedClient, YARN_1, package};
use registry_testkit::codebox_npm::CodeboxNpm;
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{publish, sign_up};

/// The rules that codebox-npm had: every user who is let in reads, admins write.
const CONFIG: &str = "path_prefix = \"/prod/registry\"\n\
    [[packages]]\n\
    match = \"**\"\n\
    read = [\"@authenticated\"]\n\
    publish = [\"user:ana\"]\n\
    administer = [\"user:ana\"]\n";

struct Moved {
    server: ServerProcess,
    token: String,
    _storage: TempDir,
}

impl Moved {
    async fn start() -> Self {
        let storage = TempDir::with_prefix("codebox-").unwrap();
        CodeboxNpm::sample().copy_to(&LocalDisk::open(storage.path()).unwrap()).await.unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let server = ServerProcess::start(binary, &["--config", CONFIG], storage.path()).await;
        let token = sign_up(&HttpClient::new(server.base_url()), "ana").await;
        Self { server, token, _storage: storage }
    }

    /// Where the old deployment had it, in front of the same host.
    fn base_url(&self) -> String {
        format!("{}/prod/registry", self.server.base_url())
    }

    async fn npm(&self) -> Npm {
        Npm::with_token(&self.base_url(), &self.token).await
    }

    async fn client(&self, pinned: &PinnedClient) -> Client {
        Client::with_token(pinned, &self.base_url(), &self.token).await
    }
}

/// The version of an installed package, which its program tells too.
fn installed(project: &Path, name: &str) -> String {
    let folder = project.join("node_modules").join(name);
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("package.json")).unwrap()).unwrap();
    let version = manifest["version"].as_str().unwrap().to_owned();
    assert!(fs::read_to_string(folder.join("index.js")).unwrap().contains(&format!("{name}@{version}")));
    version
}

#[tokio::test]
async fn npm_installs_looks_and_warns_from_the_first_request() {
    let moved = Moved::start().await;
    let npm = moved.npm().await;
    let project = npm.home().project(&package("project", "0.0.0"));
    let wanted = ["install", "@acme/tools", "no-endpoint", "OldPear"];
    let _ = npm.run_in(&project, &wanted).await.assert_success();
    for (name, version) in
        [("@acme/tools", "1.1.0"), ("left-pear", "1.1.0"), ("no-endpoint", "1.0.0"), ("OldPear", "0.1.0")]
    {
        assert_eq!(installed(&project, name), version, "{name}");
    }
    let _ = npm
        .run_in(&project, &["install", "left-pear@1.0.0"])
        .await
        .assert_success()
        .assert_printed("npm warn deprecated left-pear@1.0.0: it is not ripe");
    let _ = npm.run_in(&project, &["install", "left-pear@beta"]).await.assert_success();
    assert_eq!(installed(&project, "left-pear"), "2.0.0-beta.1");
    let seen = npm.run(&["view", "left-pear", "versions", "dist-tags", "--json"]).await.assert_success();
    let seen: Value = serde_json::from_str(&seen.stdout).unwrap();
    assert_eq!(seen["versions"], json!(["1.0.0", "1.1.0", "2.0.0-beta.1"]));
    assert_eq!(seen["dist-tags"], json!({ "latest": "1.1.0", "beta": "2.0.0-beta.1", "stable": "1.0.0" }));
}

/// Its addresses are those that codebox-npm had stored, and its digests those of the time.
#[tokio::test]
async fn npm_ci_goes_on_with_the_lock_file_of_the_old_deployment() {
    let moved = Moved::start().await;
    let npm = moved.npm().await;
    let project = npm.home().project(
        &package("project", "0.0.0").dependency("@acme/tools", "^1.0.0").dependency("left-pear", "^1.0.0"),
    );
    let base = moved.base_url();
    let tools = CodeboxNpm::sample().package("@acme%2ftools").body["versions"]["1.0.0"].clone();
    let pear = CodeboxNpm::sample().package("left-pear").body["versions"]["1.0.0"].clone();
    let address = |manifest: &Value| {
        let stored = manifest["dist"]["tarball"].as_str().unwrap();
        stored.replace("https://old.registry.example/prod/registry", &base)
    };
    let lock = json!({
        "name": "project", "version": "0.0.0", "lockfileVersion": 2, "requires": true,
        "packages": {
            "": { "name": "project", "version": "0.0.0",
                  "dependencies": { "@acme/tools": "^1.0.0", "left-pear": "^1.0.0" } },
            "node_modules/@acme/tools": { "version": "1.0.0", "resolved": address(&tools),
                "integrity": tools["dist"]["integrity"], "dependencies": { "left-pear": "^1.0.0" } },
            // npm 4 had no more than a SHA-1, and lock files had less.
            "node_modules/left-pear": { "version": "1.0.0", "resolved": address(&pear) }
        }
    });
    assert!(address(&tools).ends_with("/@acme%2ftools/-/%40acme%2Ftools-1.0.0.tgz"));
    fs::write(project.join("package-lock.json"), lock.to_string()).unwrap();
    let _ = npm.run_in(&project, &["ci"]).await.assert_success();
    assert_eq!(installed(&project, "@acme/tools"), "1.0.0");
    assert_eq!(installed(&project, "left-pear"), "1.0.0");
}

#[tokio::test]
async fn npm_tags_deprecates_publishes_and_unpublishes() {
    let moved = Moved::start().await;
    let npm = moved.npm().await;
    let printed = async |arguments: &[&str]| npm.run(arguments).await.assert_success().stdout;
    let added = printed(&["dist-tag", "add", "@acme/tools@1.0.0", "stable"]).await;
    assert_eq!(added, "+stable: @acme/tools@1.0.0\n");
    assert_eq!(printed(&["dist-tag", "ls", "@acme/tools"]).await, "latest: 1.1.0\nstable: 1.0.0\n");
    assert_eq!(printed(&["dist-tag", "rm", "left-pear", "stable"]).await, "-stable: left-pear@1.0.0\n");

    let _ = printed(&["deprecate", "@acme/tools@<1.1.0", "use the new one"]).await;
    assert_eq!(printed(&["view", "@acme/tools@1.0.0", "deprecated"]).await, "use the new one\n");
    let _ = printed(&["deprecate", "left-pear@1.0.0", ""]).await;
    assert_eq!(printed(&["view", "left-pear@1.0.0", "deprecated"]).await, "");

    for name in ["@acme/tools", "left-pear", "no-endpoint"] {
        publish(&npm, &package(name, "1.2.0")).await;
    }
    let again = npm.home().project(&package("@acme/tools", "1.1.0"));
    let _ = npm
        .run_in(&again, &["publish"])
        .await
        .assert_failure()
        .assert_printed("previously published versions: 1.1.0");
    let project = npm.home().project(&package("project", "0.0.0"));
    let _ = npm.run_in(&project, &["install", "@acme/tools", "left-pear@1.1.0"]).await.assert_success();
    assert_eq!(installed(&project, "@acme/tools"), "1.2.0");
    assert_eq!(installed(&project, "left-pear"), "1.1.0");

    assert_eq!(printed(&["unpublish", "@acme/tools@1.0.0"]).await, "- @acme/tools@1.0.0\n");
    assert_eq!(
        printed(&["view", "@acme/tools", "versions", "--json"]).await,
        "[\n  \"1.1.0\",\n  \"1.2.0\"\n]\n"
    );
    let tarball = HttpClient::new(&moved.base_url()).get("/@acme/tools/-/tools-1.0.0.tgz");
    let _ = tarball.bearer(&moved.token).send().await.assert_status(404);
}

/// Packages of codebox-npm say nothing of when they were published, and after a publish they say it of some versions.
async fn installs_before_and_after_a_publish(pinned: &PinnedClient) {
    let moved = Moved::start().await;
    let client = moved.client(pinned).await;
    let before = client.home().project(&package("before", "0.0.0"));
    let _ = client.run_in(&before, &["add", "@acme/tools", "no-endpoint"]).await.assert_success();
    assert_eq!(installed(&before, "@acme/tools"), "1.1.0");

    publish(&moved.npm().await, &package("@acme/tools", "1.2.0")).await;
    let colleague = moved.client(pinned).await;
    let after = colleague.home().project(&package("after", "0.0.0"));
    let _ = colleague.run_in(&after, &["add", "@acme/tools@1.0.0", "left-pear"]).await.assert_success();
    assert_eq!(installed(&after, "@acme/tools"), "1.0.0");
    assert_eq!(installed(&after, "left-pear"), "1.1.0");
}

#[tokio::test]
async fn pnpm_installs_before_and_after_a_publish() {
    installs_before_and_after_a_publish(&PNPM).await;
}

#[tokio::test]
async fn yarn_1_installs_before_and_after_a_publish() {
    installs_before_and_after_a_publish(&YARN_1).await;
}
