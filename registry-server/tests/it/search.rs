//! Searching with the real npm.

use std::path::Path;

use registry_testkit::clients::{Client, NPM, NPM_12, Npm, PNPM, package};
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};
use registry_testkit::server_process::ServerProcess;
use serde_json::{Value, json};
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

/// Registries leave out what they do not know, and clients crash on that.
#[tokio::test]
async fn clients_show_hits_of_upstreams_that_tell_little() {
    let upstream = FakeUpstream::start(ServedPackages(Vec::new())).await;
    let storage = TempDir::with_prefix("in-front-").unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let server = ServerProcess::start(binary, &["--upstream", upstream.base_url()], storage.path()).await;
    let whole = json!({
        "name": "fig-tree", "version": "1.0.0", "description": "A tree", "date": "2026-01-02T03:04:05.000Z",
        "publisher": { "username": "ana", "email": "ana@registry.example" },
        "maintainers": [{ "username": "ana", "email": "ana@registry.example" }], "keywords": ["fig"], "links": {},
    });
    let mut packages = vec![whole.clone(), json!({ "name": "fig-tree" })];
    for field in ["version", "description", "date", "publisher", "maintainers", "keywords", "links"] {
        for odd in [Value::Null, json!(7), json!([{}]), json!([null])] {
            let mut package = whole.clone();
            package[field] = odd;
            packages.push(package);
        }
        let mut package = whole.clone();
        package.as_object_mut().unwrap().remove(field);
        packages.push(package);
    }
    let mut objects = Vec::new();
    for (number, mut package) in packages.into_iter().enumerate() {
        package["name"] = format!("fig-{number}").into();
        objects.push(json!({ "package": package }));
    }
    let total = objects.len();
    let found = json!({ "objects": objects, "total": total.to_string() });
    upstream.answer("/-/v1/search", FakeAnswer::usual().body(found.to_string()));
    let last = format!("fig-{}", total - 1);
    let size = format!("--searchlimit={total}");
    for pinned in [&NPM, &NPM_12] {
        let client = Client::new(pinned, server.base_url()).await;
        for arguments in [&["search", "fig", &size][..], &["search", "--json", "fig", &size]] {
            let _ =
                client.run(arguments).await.assert_success().assert_printed("fig-0").assert_printed(&last);
        }
    }
    let pnpm = Client::new(&PNPM, server.base_url()).await;
    let size = format!("--search-limit={total}");
    for arguments in [&["search", "fig", &size][..], &["search", "--json", "fig", &size]] {
        let _ = pnpm.run(arguments).await.assert_success().assert_printed("fig-0").assert_printed(&last);
    }
}
