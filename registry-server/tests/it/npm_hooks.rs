//! `npm hook` of npm 10, against a server whose hooks may lead to this machine.

use std::path::Path;

use registry_testkit::clients::{Client, NPM_10, package};
use registry_testkit::fake_receiver::FakeReceiver;
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::sign_up;

const SECRET: &str = "swordfish-of-the-hook";

#[tokio::test]
async fn npm_10_adds_lists_updates_and_removes_hooks_that_are_called() {
    let (folder, receiver) = (TempDir::with_prefix("hooks-").unwrap(), FakeReceiver::start().await);
    let key = folder.path().join("key");
    std::fs::write(&key, "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n").unwrap();
    let config = format!(
        "public_url = \"http://npm.registry.example\"\n[hooks]\nkey_file = {:?}\nallow_private_addresses = true\n",
        key.display().to_string()
    );
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let storage = folder.path().join("storage");
    let server = ServerProcess::start(binary, &["--config", &config], &storage).await;
    let token = sign_up(&HttpClient::new(server.base_url()), "ana").await;
    let npm = Client::with_token(&NPM_10, server.base_url(), &token).await;
    let endpoint = format!("{}/hook", receiver.url());

    let empty = npm.run(&["hook", "ls"]).await.assert_success();
    assert_eq!(empty.stdout, "You don't have any hooks configured yet.\n");
    let added = npm.run(&["hook", "add", "@acme/pear", &endpoint, SECRET, "--unicode=false"]).await;
    assert_eq!(added.assert_success().stdout, format!("+ @acme/pear  ->  {endpoint}\n"));
    for name in ["@acme", "~ana"] {
        let _ = npm.run(&["hook", "add", name, &endpoint, SECRET]).await.assert_success();
    }
    let listed = npm.run(&["hook", "ls", "--json"]).await.assert_success().stdout;
    let hooks: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let types: Vec<_> = hooks.iter().map(|hook| format!("{} {}", hook["type"], hook["name"])).collect();
    assert_eq!(types, ["\"package\" \"@acme/pear\"", "\"scope\" \"@acme\"", "\"owner\" \"ana\""]);
    let shown = npm.run(&["hook", "ls", "@acme/pear"]).await.assert_success().stdout;
    assert!(
        shown.starts_with("You have 1 hook configured.\n") && shown.contains("Never triggered"),
        "{shown}"
    );

    let project = npm.home().project(&package("@acme/pear", "1.0.0"));
    let _ = npm.run_in(&project, &["publish"]).await.assert_success();
    let posted = receiver.wait_for(3).await;
    assert_eq!(posted.len(), 3);
    for post in &posted {
        assert_eq!(post.json()["event"], "package:publish");
        assert!(post.header("x-npm-signature").starts_with("sha256="), "{post:?}");
    }

    let id = hooks[0]["id"].as_str().unwrap();
    let other = format!("{}/other", receiver.url());
    let updated = npm.run(&["hook", "update", id, &other, "another", "--unicode=false"]).await;
    assert_eq!(updated.assert_success().stdout, format!("+ @acme/pear  ->  {other}\n"));
    let removed = npm.run(&["hook", "rm", id, "--unicode=false"]).await.assert_success();
    assert_eq!(removed.stdout, format!("- @acme/pear  X  {other}\n"));
    let left = npm.run(&["hook", "ls"]).await.assert_success().stdout;
    assert!(left.starts_with("You have 2 hooks configured.\n"), "{left}");
    let log = server.stderr();
    assert!(!log.contains(SECRET) && !log.contains("MDEyMzQ1"), "{log}");
    assert!(server.stop().await.success());
}
