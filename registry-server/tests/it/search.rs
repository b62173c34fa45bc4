//! Searching with the real npm.

use std::path::Path;

use registry_testkit::clients::{Npm, package};
use registry_testkit::server_process::ServerProcess;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Registry, publish};

async fn search_json(npm: &Npm, words: &[&str]) -> Vec<Value> {
    let arguments: Vec<_> = ["search", "--json"].iter().chain(words).copied().collect();
    serde_json::from_str(&npm.run(&arguments).await.assert_success().stdout).unwrap()
}

fn names(found: &[Value]) -> Vec<&str> {
    found.iter().map(|package| package["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn npm_finds_what_was_published() {
    let registry = Registry::start().await;
    let ana = registry.user("ana").await;
    let pear = package("@acme/pear", "1.0.0")
        .field("description", "A green fruit".into())
        .field("keywords", serde_json::json!(["fruit"]));
    publish(&ana, &pear).await;
    publish(&ana, &package("pear-tree", "1.0.0")).await;
    let stranger = registry.stranger().await;

    let listed = stranger.run(&["search", "pear"]).await.assert_success();
    let _ = listed.assert_printed("@acme/pear").assert_printed("A green fruit").assert_printed("pear-tree");
    let parseable = stranger.run(&["search", "--parseable", "green"]).await.assert_success();
    assert!(parseable.stdout.starts_with("@acme/pear\tA green fruit\t"), "{}", parseable.stdout);
    let found = search_json(&stranger, &["green", "fruit"]).await;
    assert_eq!(names(&found), ["@acme/pear"]);
    assert_eq!(found[0]["version"], "1.0.0");
    assert_eq!(found[0]["maintainers"][0]["username"], "ana");
    assert_eq!(names(&search_json(&stranger, &["scope:acme"]).await), ["@acme/pear"]);
    let none = stranger.run(&["search", "nothing"]).await.assert_success();
    let _ = none.assert_printed("No matches found");

    let _ = ana.run(&["unpublish", "--force", "pear-tree"]).await.assert_success();
    assert_eq!(names(&search_json(&stranger, &["pear"]).await), ["@acme/pear"]);
}

#[tokio::test]
async fn npm_finds_what_is_upstream_after_what_is_here() {
    let upstream = Registry::start().await;
    publish(&upstream.user("ana").await, &package("fig-tree", "1.0.0")).await;
    let storage = TempDir::with_prefix("in-front-").unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let arguments = ["--upstream", upstream.server.base_url()];
    let server = ServerProcess::start(binary, &arguments, storage.path()).await;
    let http = registry_testkit::http_client::HttpClient::new(server.base_url());
    let token = crate::support::sign_up(&http, "ben").await;
    let ben = Npm::with_token(server.base_url(), &token).await;
    publish(&ben, &package("my-fig", "1.0.0")).await;

    assert_eq!(names(&search_json(&ben, &["fig"]).await), ["my-fig", "fig-tree"]);
    drop(upstream);
    assert_eq!(names(&search_json(&ben, &["fig"]).await), ["my-fig"]);
}
