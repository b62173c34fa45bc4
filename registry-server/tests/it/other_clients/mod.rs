//! pnpm, yarn, bun and deno against a registry that shows nothing to strangers.

mod bun;
mod deno;
mod pnpm;
mod pnpm_manage;
mod yarn_1;
mod yarn_4;

use std::fs;
use std::path::Path;

use registry_testkit::clients::{Client, CommandOutput, PackageFolder, PinnedClient, package};
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::sign_up;

/// What the server answers to a version that is there already.
const REFUSAL: &str = "You cannot publish over the previously published versions: 1.2.0.";

/// Every read needs a token here, so that whatever a client reads proves that it sent one.
const PRIVATE: &str =
    "[[packages]]\nmatch = \"**\"\nread = [\"@authenticated\"]\npublish = [\"@authenticated\"]\n";

/// How a package manager is told to do what all of them do.
struct Manager {
    pinned: &'static PinnedClient,
    /// In the folder of a package. The last one publishes.
    publish: &'static [&'static [&'static str]],
    /// Followed by the names of packages.
    add: &'static [&'static str],
    lock_file: &'static str,
    /// Installs what the lock file says, and nothing else.
    frozen: &'static [&'static str],
}

/// A private registry and one client of `ana`'s.
struct Place {
    server: ServerProcess,
    client: Client,
    token: String,
    manager: &'static Manager,
    _storage: TempDir,
}

impl Place {
    async fn of(manager: &'static Manager) -> Self {
        Self::configured(manager, PRIVATE).await
    }

    async fn configured(manager: &'static Manager, config_text: &str) -> Self {
        let storage = TempDir::with_prefix("storage-").unwrap();
        let config = storage.path().join("registry.toml");
        fs::write(&config, config_text).unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let packages = storage.path().join("packages");
        let arguments = ["--config", config.to_str().unwrap()];
        let server = ServerProcess::start(binary, &arguments, &packages).await;
        let token = sign_up(&HttpClient::new(server.base_url()), "ana").await;
        let client = Client::with_token(manager.pinned, server.base_url(), &token).await;
        Self { server, client, token, manager, _storage: storage }
    }

    /// The same client in a home of its own, with nothing cached, signed in as a new user.
    async fn colleague(&self, name: &str) -> Client {
        let token = sign_up(&HttpClient::new(self.server.base_url()), name).await;
        Client::with_token(self.manager.pinned, self.server.base_url(), &token).await
    }

    /// Runs the client in an empty project, because some run nowhere else.
    async fn run(&self, arguments: &[&str]) -> CommandOutput {
        let project = self.client.home().project(&package("empty", "0.0.0"));
        self.client.run_in(&project, arguments).await
    }

    /// What the client prints on stdout when it does this.
    async fn printed(&self, arguments: &[&str]) -> String {
        self.run(arguments).await.assert_success().stdout
    }

    /// The packument, as `ana` sees it.
    async fn packument(&self, name: &str) -> Value {
        let request = HttpClient::new(self.server.base_url()).get(&format!("/{name}")).bearer(&self.token);
        request.send().await.assert_status(200).json()
    }

    /// Deprecates a version, as npm does it.
    async fn deprecate(&self, name: &str, version: &str, message: &str) {
        let mut packument = self.packument(name).await;
        packument["versions"][version]["deprecated"] = message.into();
        let request = HttpClient::new(self.server.base_url()).put(&format!("/{name}")).bearer(&self.token);
        let _ = request.json(&packument).send().await.assert_status(200);
    }

    /// Publishes a package.
    async fn publish(&self, package: &PackageFolder) -> CommandOutput {
        let folder = self.client.home().project(package);
        let (publish, before) = self.manager.publish.split_last().unwrap();
        for command in before {
            let _ = self.client.run_in(&folder, command).await.assert_success();
        }
        self.client.run_in(&folder, publish).await
    }

    /// Publishes a scoped package, and the same version once more. Returns what the second attempt printed.
    async fn publish_twice(&self) -> CommandOutput {
        let _ = self.publish(&package("@acme/base", "1.2.0")).await.assert_success();
        let stored = self.packument("@acme/base").await;
        assert_eq!(stored["dist-tags"]["latest"], "1.2.0");
        assert_eq!(stored["maintainers"][0]["name"], "ana");
        assert!(stored["time"]["1.2.0"].is_string(), "{stored}");
        assert_eq!(stored["versions"]["1.2.0"]["dist"]["fileCount"], 3);

        let other = package("@acme/base", "1.2.0").file("index.js", "module.exports = 'other';\n");
        let again = self.publish(&other).await.assert_failure();
        assert_eq!(self.packument("@acme/base").await, stored);
        again
    }

    /// Publishes a scoped and an unscoped package, each with a dependency, and adds both to a project. Then a
    /// colleague installs from the lock file, after newer versions of everything have been published.
    ///
    /// Returns the text of the lock file.
    async fn install_from_lock(&self) -> String {
        let manager = self.manager;
        let family = |version: &str| {
            [
                package("@acme/base", version),
                package("middle", version).dependency("@acme/base", "^1.0.0"),
                package("@acme/top", version).dependency("middle", "^1.0.0"),
            ]
        };
        for package in family("1.2.0") {
            let _ = self.publish(&package).await.assert_success();
        }
        let project = self.client.home().project(&package("project", "0.0.0"));
        let add = [manager.add, &["@acme/top", "middle"]].concat();
        let _ = self.client.run_in(&project, &add).await.assert_success();
        for name in ["@acme/base", "middle", "@acme/top"] {
            assert_eq!(installed_version(&project, name), "1.2.0");
        }
        for package in family("1.3.0") {
            let _ = self.publish(&package).await.assert_success();
        }

        let colleague = self.colleague("bob").await;
        let copy = colleague.home().project(&package("project", "0.0.0"));
        for file in ["package.json", manager.lock_file] {
            fs::copy(project.join(file), copy.join(file)).unwrap();
        }
        let _ = colleague.run_in(&copy, manager.frozen).await.assert_success();
        for name in ["@acme/base", "middle", "@acme/top"] {
            assert_eq!(installed_version(&copy, name), "1.2.0");
        }
        fs::read_to_string(copy.join(manager.lock_file)).unwrap()
    }
}

/// The version of a package in `node_modules`, or where pnpm keeps what the project itself does not depend on.
pub(crate) fn installed_version(project: &Path, name: &str) -> String {
    let folders = [project.join("node_modules"), project.join("node_modules/.pnpm/node_modules")];
    let manifests = folders.map(|folder| folder.join(name).join("package.json"));
    let manifest = manifests.iter().find(|manifest| manifest.is_file());
    let manifest = manifest.unwrap_or_else(|| panic!("{name} is not installed in {}", project.display()));
    let manifest: Value = serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
    manifest["version"].as_str().unwrap().to_owned()
}
