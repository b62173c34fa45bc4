//! Each client installs from a bundle of its own lock file, frozen, with no other registry.

use std::fs;

use registry_testkit::clients::{BUN, Client, NPM, PNPM, PinnedClient, YARN_1, YARN_4, package};
use registry_testkit::http_client::HttpClient;

use super::{Site, lines, other_storage};
use crate::other_clients::installed_version;
use crate::support::{sign_up, start_server};

/// How a client is told to do what all of them do.
struct Flow {
    client: &'static PinnedClient,
    /// Writes the lock file.
    add: &'static [&'static str],
    lock_file: &'static str,
    /// Installs what the lock file says, and nothing else.
    frozen: &'static [&'static str],
}

/// Locks here, and installs where nothing is known but the bundle.
async fn cross_the_gap(flow: &Flow) {
    let site = Site::start().await;
    let client = Client::with_token(flow.client, site.server.base_url(), &site.token).await;
    let project = client.home().project(&package("basket", "0.0.0"));
    let _ = client.run_in(&project, flow.add).await.assert_success();
    if flow.lock_file == "npm-shrinkwrap.json" {
        let _ = client.run_in(&project, &["shrinkwrap"]).await.assert_success();
    }
    let lock = project.join(flow.lock_file);
    let created = site.create("team.bundle", &["--lockfile", lock.to_str().unwrap()]).await;
    assert_eq!(lines(&created).last().unwrap()["versions"], 2);
    let key = site.key_file().await;
    let here = site.server.base_url().to_owned();

    let other = other_storage().await;
    assert_eq!(lines(&site.apply(other.path(), "team.bundle", &["--key", &key]).await).len(), 3);
    let (manifest, lock) =
        (fs::read(project.join("package.json")).unwrap(), fs::read_to_string(lock).unwrap());
    let Site { server, upstream, .. } = site;
    assert!(server.stop().await.success() && upstream.server.stop().await.success());

    let server = start_server(other.path()).await;
    let token = sign_up(&HttpClient::new(server.base_url()), "bob").await;
    let client = Client::with_token(flow.client, server.base_url(), &token).await;
    let copy = client.home().project(&package("basket", "0.0.0"));
    fs::write(copy.join("package.json"), manifest).unwrap();
    // Some clients write the address of the registry down, which is another one here.
    fs::write(copy.join(flow.lock_file), lock.replace(&here, server.base_url())).unwrap();
    let _ = client.run_in(&copy, flow.frozen).await.assert_success();
    for name in ["@acme/pear", "fig"] {
        assert_eq!(installed_version(&copy, name), "1.0.0");
    }
}

#[tokio::test]
async fn npm_installs_by_a_package_lock() {
    cross_the_gap(&Flow {
        client: &NPM,
        add: &["install", "@acme/pear"],
        lock_file: "package-lock.json",
        frozen: &["ci"],
    })
    .await;
}

#[tokio::test]
async fn npm_installs_by_a_shrinkwrap() {
    cross_the_gap(&Flow {
        client: &NPM,
        add: &["install", "@acme/pear"],
        lock_file: "npm-shrinkwrap.json",
        frozen: &["ci"],
    })
    .await;
}

#[tokio::test]
async fn pnpm_installs() {
    cross_the_gap(&Flow {
        client: &PNPM,
        add: &["add", "@acme/pear"],
        lock_file: "pnpm-lock.yaml",
        frozen: &["install", "--frozen-lockfile"],
    })
    .await;
}

#[tokio::test]
async fn yarn_1_installs() {
    cross_the_gap(&Flow {
        client: &YARN_1,
        add: &["add", "@acme/pear"],
        lock_file: "yarn.lock",
        frozen: &["install", "--frozen-lockfile"],
    })
    .await;
}

#[tokio::test]
async fn yarn_4_installs() {
    cross_the_gap(&Flow {
        client: &YARN_4,
        add: &["add", "@acme/pear"],
        lock_file: "yarn.lock",
        frozen: &["install", "--immutable"],
    })
    .await;
}

#[tokio::test]
async fn bun_installs() {
    cross_the_gap(&Flow {
        client: &BUN,
        add: &["add", "@acme/pear"],
        lock_file: "bun.lock",
        frozen: &["install", "--frozen-lockfile"],
    })
    .await;
}
