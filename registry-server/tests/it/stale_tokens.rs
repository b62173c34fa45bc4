//! Clients that hold a token whose time is up: they install what an anonymous caller may, and say what is wrong.

use std::fs;
use std::path::Path;

use registry_testkit::clients::{Client, NPM, Npm, PNPM, YARN_4, package};

use crate::running::run;
use crate::support::{Registry, publish, sign_up};

/// Lets the time of each token that expires be up.
fn expire(storage: &Path) {
    let folders = fs::read_dir(storage).unwrap().map(|entry| entry.unwrap().path().join("_tokens"));
    let tokens = folders.chain([storage.join("_tokens")]).find(|folder| folder.is_dir()).unwrap();
    let mut changed = 0;
    for entry in fs::read_dir(tokens).unwrap() {
        let path = entry.unwrap().path();
        let mut record: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let has_limits = record["limits"].is_object();
        let limits = if has_limits { &mut record["limits"] } else { &mut record };
        let expires = limits.get_mut("expires");
        if let Some(expires) = expires.filter(|expires| expires.is_string()) {
            *expires = "2026-01-03T03:04:05Z".into();
            fs::write(&path, record.to_string()).unwrap();
            changed += 1;
        }
    }
    assert!(changed > 0, "no token expires");
}

#[tokio::test]
async fn an_expired_token_is_named_and_stops_no_public_read() {
    let registry = Registry::start().await;
    let base_url = registry.server.base_url();
    let token = sign_up(&registry.http(), "ana").await;
    publish(&Npm::with_token(base_url, &token).await, &package("@acme/one", "1.0.0")).await;
    let storage = format!("file:{}", registry.storage().display());
    let create = || {
        let made = run(&["token", "create", "ana", "--storage", &storage, "--expires-in", "1"]);
        String::from_utf8(made.stdout).unwrap().trim_end().to_owned()
    };
    let (expired, expired_too) = (create(), create());
    expire(registry.storage());

    let npm = Client::with_token(&NPM, base_url, &expired).await;
    let said = "your token expired at 2026-01-03T03:04:05";
    let whoami = npm.run(&["whoami"]).await.assert_failure();
    let _ = whoami.assert_printed(said);
    // An install is many requests, so the notice of one token comes once a minute.
    let other = Client::with_token(&NPM, base_url, &expired_too).await;
    let project = other.home().project(&package("project", "0.0.0"));
    let _ = other.run_in(&project, &["install", "@acme/one"]).await.assert_success().assert_printed(said);
    let one = npm.home().project(&package("@acme/one", "1.0.1"));
    let _ = npm.run_in(&one, &["publish"]).await.assert_failure().assert_printed(said);

    for (client, add) in [(&PNPM, "add"), (&YARN_4, "add")] {
        let client = Client::with_token(client, base_url, &expired).await;
        let project = client.home().project(&package("project", "0.0.0"));
        let _ = client.run_in(&project, &[add, "@acme/one"]).await.assert_success();
    }
}

#[tokio::test]
async fn npm_says_that_no_user_is_signed_in() {
    let rules = "[[packages]]\nmatch = \"**\"\nread = [\"@authenticated\"]\npublish = [\"@authenticated\"]\n";
    let registry = Registry::configured(rules).await;
    let npm = registry.stranger().await;
    let refused = npm.run(&["view", "@acme/one"]).await.assert_failure();
    let _ = refused.assert_printed("you must be signed in to do this");
}
