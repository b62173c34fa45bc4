//! In front of another registry, which is a second server of the same kind.

use std::path::Path;

use registry_testkit::clients::{Client, Npm, PNPM, package};
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::FakeUpstream;
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

/// npm takes any 404 for a change that was made, and says so.
#[tokio::test]
async fn npm_says_that_a_package_of_the_upstream_cannot_be_changed_here() {
    let upstream = Registry::start().await;
    let ana = upstream.user("ana").await;
    publish(&ana, &package("pear", "1.0.0")).await;
    publish(&ana, &package("pear", "1.1.0")).await;
    let storage = TempDir::with_prefix("in-front-").unwrap();
    let server = start_in_front_of(upstream.server.base_url(), storage.path()).await;
    let token =
        crate::support::sign_up(&registry_testkit::http_client::HttpClient::new(server.base_url()), "ben")
            .await;
    let ben = Npm::with_token(server.base_url(), &token).await;
    let folder = ben.home().project(&package("app", "1.0.0"));
    for command in [
        &["unpublish", "pear@1.0.0"][..],
        &["unpublish", "pear", "--force"],
        &["deprecate", "pear@1.0.0", "too old"],
        &["dist-tag", "add", "pear@1.0.0", "next"],
        &["owner", "add", "ben", "pear"],
        &["star", "pear"],
    ] {
        let refused = ben.run_in(&folder, command).await.assert_failure();
        assert!(
            refused.stderr.contains("comes from the upstream registry"),
            "{command:?}: {}",
            refused.stderr
        );
    }
}

/// How often the server was asked for the packument of `left-pad`.
fn asked_for_left_pad(server: &ServerProcess) -> usize {
    server.stderr().lines().filter(|line| line.contains("\"path\":\"/left-pad\"")).count()
}

/// What pnpm, which takes only versions of a certain age, asks of a server in front of an upstream that tells the times of
/// versions in full packuments alone: how often in a clean home, and then in another.
async fn requests_of_a_gated_pnpm(full_documents: bool) -> [usize; 2] {
    let upstream = FakeUpstream::start(ServedPackages::sample()).await;
    let storage = TempDir::with_prefix("in-front-").unwrap();
    let file = storage.path().with_extension("toml");
    let settings = format!(
        "[upstreams.npm]\nurl = \"{}\"\nfull_documents = {full_documents}\n[log]\nformat = \"json\"\n",
        upstream.base_url()
    );
    std::fs::write(&file, settings).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let server = ServerProcess::start(binary, &["--config", file.to_str().unwrap()], storage.path()).await;
    std::fs::remove_file(&file).unwrap();
    let mut asked = [0; 2];
    for count in &mut asked {
        let before = asked_for_left_pad(&server);
        let pnpm = Client::new(&PNPM, server.base_url()).await;
        let project = pnpm.home().project(&package("project", "0.0.0"));
        // A hundred years: everything is too young.
        let gate = ["--config.minimum-release-age=52560000", "--config.minimum-release-age-strict=true"];
        let gated = pnpm.run_in(&project, &[&["add", "left-pad"][..], &gate].concat()).await;
        let _ = gated.assert_failure().assert_printed("minimumReleaseAge");
        *count = asked_for_left_pad(&server) - before;
    }
    asked
}

#[tokio::test]
async fn pnpm_with_an_age_gate_asks_once_where_times_are_known() {
    assert_eq!(requests_of_a_gated_pnpm(true).await, [1, 1]);
    assert_eq!(requests_of_a_gated_pnpm(false).await, [2, 1], "the first has to find the times out");
}

#[tokio::test]
async fn pnpm_finds_the_trust_that_it_asks_for() {
    let upstream = Registry::start().await;
    publish(&upstream.user("ana").await, &package("one", "1.0.0")).await;
    let storage = TempDir::with_prefix("in-front-").unwrap();
    let server = start_in_front_of(upstream.server.base_url(), storage.path()).await;
    let pnpm = Client::new(&PNPM, server.base_url()).await;
    let project = pnpm.home().project(&package("project", "0.0.0"));
    let trusting = ["add", "one", "--config.minimum-release-age=0", "--config.trust-policy=no-downgrade"];
    let _ = pnpm.run_in(&project, &trusting).await.assert_success();
    assert!(project.join("node_modules/one/package.json").exists());
}
