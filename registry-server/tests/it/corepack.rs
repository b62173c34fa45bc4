//! Corepack, which verifies the signature of a package manager with the keys that it is given.

use std::fs;

use registry_testkit::clients::{COREPACK, Client};
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{sign_up, start_server};

#[tokio::test]
async fn corepack_installs_a_package_manager_that_the_registry_signed() {
    let folder = TempDir::with_prefix("corepack-").unwrap();
    let server = start_server(folder.path()).await;
    let http = HttpClient::new(server.base_url());
    let token = sign_up(&http, "ana").await;
    let manager = PublishDocument::new("pnpm", "9.1.0")
        .field("bin", json!({ "pnpm": "bin/pnpm.cjs" }))
        .file("bin/pnpm.cjs", b"console.log('this is our pnpm');\n");
    let published = http.put("/pnpm").bearer(&token).json(&manager.build()).send().await;
    let _ = published.assert_status(201);
    let keys: Value = http.get("/-/npm/v1/keys").send().await.assert_status(200).json();
    let run = async |keys: &Value| {
        let client = Client::new(&COREPACK, server.base_url()).await;
        let cache = client.home().path().join("corepack").display().to_string();
        let client = client
            .with_variable("COREPACK_NPM_REGISTRY", server.base_url())
            .with_variable("COREPACK_HOME", &cache)
            .with_variable("COREPACK_INTEGRITY_KEYS", &json!({ "npm": keys }).to_string());
        client.run(&["pnpm@9.1.0", "--version"]).await
    };
    let _ = run(&keys["keys"]).await.assert_success().assert_printed("this is our pnpm");

    let mut other = keys["keys"].clone();
    other[0]["keyid"] = json!("SHA256:another");
    let _ = run(&other).await.assert_failure();

    let index = folder.path().join("objects/pnpm/index.json");
    let stored = fs::read_to_string(&index).unwrap();
    let packument: Value = serde_json::from_str(&stored).unwrap();
    let signature = packument["versions"]["9.1.0"]["dist"]["signatures"][0]["sig"].as_str().unwrap();
    let at = signature.len() - 10;
    let letter = if signature[at..].starts_with('A') { "B" } else { "A" };
    let changed = format!("{}{letter}{}", &signature[..at], &signature[at + 1..]);
    fs::write(&index, stored.replace(signature, &changed)).unwrap();
    let _ = run(&keys["keys"]).await.assert_failure();
}
