//! Lock files that clients wrote at another registry, whose addresses have the paths of that registry, and real installs of them.

use std::fs;
use std::path::Path;

use registry_testkit::clients::{NPM, PinnedClient, package};
use serde_json::{Value, json};

use crate::support::{Registry, publish};

/// As Nexus and Artifactory serve packages.
const SETTINGS: &str = "[server]\nlegacy_prefixes = [\"/repository/npm-hosted\", \"/api/npm/npm-local\"]\n\
                        [[packages]]\nmatch = \"**\"\nread = [\"@all\"]\npublish = [\"@authenticated\"]\n";

/// The `resolved` of `pear` and `@acme/fig`, below the address of the server.
type Paths = [&'static str; 2];

/// A folder with a lock file of npm whose tarballs are at these paths.
async fn project(registry: &Registry, folder: &Path, paths: Paths) {
    let base_url = registry.server.base_url();
    let mut packages = serde_json::Map::new();
    let dependencies = json!({ "pear": "1.0.0", "@acme/fig": "1.0.0" });
    packages
        .insert(String::new(), json!({ "name": "app", "version": "1.0.0", "dependencies": dependencies }));
    for (name, path) in ["pear", "@acme/fig"].into_iter().zip(paths) {
        let path_of_packument = format!("/{}", name.replace('/', "%2f"));
        let packument = registry.http().get(&path_of_packument).send().await.assert_status(200).json();
        packages.insert(
            format!("node_modules/{name}"),
            json!({
                "version": "1.0.0",
                "resolved": format!("{base_url}{path}"),
                "integrity": packument["versions"]["1.0.0"]["dist"]["integrity"],
            }),
        );
    }
    let lock: Value = json!({
        "name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": packages,
    });
    fs::write(folder.join("package-lock.json"), lock.to_string()).unwrap();
}

async fn installs(npm: &PinnedClient) {
    let registry = Registry::configured(SETTINGS).await;
    let ana = registry.user("ana").await;
    publish(&ana, &package("pear", "1.0.0")).await;
    publish(&ana, &package("@acme/fig", "1.0.0")).await;
    let app = package("app", "1.0.0").dependency("pear", "1.0.0").dependency("@acme/fig", "1.0.0");
    let nexus =
        ["/repository/npm-hosted/pear/-/pear-1.0.0.tgz", "/repository/npm-hosted/@acme/fig/-/fig-1.0.0.tgz"];
    let artifactory =
        ["/api/npm/npm-local/pear/-/pear-1.0.0.tgz", "/api/npm/npm-local/@acme/fig/-/@acme/fig-1.0.0.tgz"];
    // Verdaccio at the root, and an older one of it.
    let root = ["/pear/-/pear-1.0.0.tgz", "/@acme/fig/-/@acme/fig-1.0.0.tgz"];
    for paths in [nexus, artifactory, root] {
        // Each in a clean home, so that no cache has a tarball.
        let npm =
            crate::support::npm_with_token(npm, registry.server.base_url(), &ana.home().token().unwrap())
                .await;
        let folder = npm.home().project(&app);
        project(&registry, &folder, paths).await;
        let _ = npm.run_in(&folder, &["ci"]).await.assert_success();
        for name in ["pear", "@acme/fig"] {
            assert!(
                folder.join("node_modules").join(name).join("package.json").exists(),
                "{paths:?}: {name}"
            );
        }
    }
    // What is no prefix of these settings stays unknown.
    let npm =
        crate::support::npm_with_token(npm, registry.server.base_url(), &ana.home().token().unwrap()).await;
    let folder = npm.home().project(&app);
    project(&registry, &folder, ["/repository/other/pear/-/pear-1.0.0.tgz", nexus[1]]).await;
    let refused = npm.run_in(&folder, &["ci"]).await.assert_failure();
    assert!(refused.stderr.contains("404"), "{}", refused.stderr);
}

#[tokio::test]
async fn npm_installs_from_lock_files_of_nexus_and_artifactory() {
    installs(&NPM).await;
}
