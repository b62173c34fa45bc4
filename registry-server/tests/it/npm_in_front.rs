//! In front of another registry, which is a second server of the same kind.

use std::path::Path;

use registry_testkit::clients::{Npm, package};
use registry_testkit::server_process::ServerProcess;
use tempfile::TempDir;

use crate::support::{Registry, publish};

/// A server in front of `upstream`, on `storage`.
async fn start_in_front_of(upstream: &str, storage: &Path) -> ServerProcess {
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    ServerProcess::start(binary, &["--upstream", upstream], storage).await
}

/// The lock file that an install in a clean home writes.
async fn lock_of_an_install(base_url: &str) -> String {
    let npm = Npm::new(base_url).await;
    let app = package("app", "1.0.0").dependency("pear", "^1.0.0").dependency("JSONStream", "1.0.0");
    let folder = npm.home().project(&app);
    let _ = npm.run_in(&folder, &["install"]).await.assert_success();
    assert!(folder.join("node_modules/@acme/seed/package.json").exists());
    let lock = std::fs::read_to_string(folder.join("package-lock.json")).unwrap();
    lock.replace(base_url, "http://registry.example")
}

#[tokio::test]
async fn an_install_gives_the_same_tree_cold_and_warm_and_when_the_upstream_is_gone() {
    let upstream = Registry::start().await;
    let ana = upstream.user("ana").await;
    publish(&ana, &package("@acme/seed", "1.0.0")).await;
    publish(&ana, &package("pear", "1.0.0").dependency("@acme/seed", "^1.0.0")).await;
    publish(&ana, &package("JSONStream", "1.0.0")).await;

    let storage = TempDir::with_prefix("in-front-").unwrap();
    let server = start_in_front_of(upstream.server.base_url(), storage.path()).await;
    let cold = lock_of_an_install(server.base_url()).await;
    assert!(cold.contains("http://registry.example/@acme/seed/-/seed-1.0.0.tgz"), "{cold}");
    assert_eq!(lock_of_an_install(server.base_url()).await, cold);

    let gone = upstream.server.base_url().to_owned();
    drop(upstream);
    assert_eq!(lock_of_an_install(server.base_url()).await, cold);
    drop(server);
    let restarted = start_in_front_of(&gone, storage.path()).await;
    assert_eq!(lock_of_an_install(restarted.base_url()).await, cold);
}

#[tokio::test]
async fn a_name_of_the_upstream_cannot_be_published_over() {
    let upstream = Registry::start().await;
    publish(&upstream.user("ana").await, &package("pear", "1.0.0")).await;
    let storage = TempDir::with_prefix("in-front-").unwrap();
    let server = start_in_front_of(upstream.server.base_url(), storage.path()).await;
    let token =
        crate::support::sign_up(&registry_testkit::http_client::HttpClient::new(server.base_url()), "ben")
            .await;
    let ben = Npm::with_token(server.base_url(), &token).await;
    let folder = ben.home().project(&package("pear", "2.0.0"));
    let refused = ben.run_in(&folder, &["publish"]).await.assert_failure();
    assert!(refused.stderr.contains("exists in the registry"), "{}", refused.stderr);
    publish(&ben, &package("apple", "1.0.0")).await;
}
