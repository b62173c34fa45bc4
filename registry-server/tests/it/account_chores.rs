//! What `registry-server/docs/accounts.md` has an operator do, on a folder.

use std::fs;

use http::Method;
use registry_core::clock::{Clock as _, SystemClock};
use registry_testkit::Authenticator;
use registry_testkit::http_client::HttpClient;
use serde_json::json;

use crate::support::{PASSWORD, Registry, account, sign_up, start_server, user_path};

const OTHER_PASSWORD: &str = "another good horse";

/// A registry whose accounts its operator makes, and which believes nothing that it read before.
async fn registry() -> Registry {
    Registry::configured("[accounts]\nsign_up = false\n[cache]\ntoken_seconds = 0\n").await
}

/// Makes an account through a second server on the same storage.
async fn add(registry: &Registry, name: &str, password: &str) {
    let second = start_server(registry.storage()).await;
    let http = HttpClient::new(second.base_url());
    let _ = http.put(&user_path(name)).json(&account(name, password)).send().await.assert_status(201);
}

async fn log_in(registry: &Registry, password: &str) -> (u16, String) {
    let sent = registry.http().put(&user_path("ana")).json(&account("ana", password)).send().await;
    let token = sent.json()["token"].as_str().unwrap_or_default().to_owned();
    (sent.status.as_u16(), token)
}

async fn whoami(registry: &Registry, token: &str) -> u16 {
    registry.http().get("/-/whoami").bearer(token).send().await.status.as_u16()
}

#[tokio::test]
async fn an_account_is_added_where_sign_up_is_off_and_removed() {
    let registry = registry().await;
    assert_eq!(log_in(&registry, PASSWORD).await.0, 401);
    add(&registry, "ana", PASSWORD).await;
    let (status, token) = log_in(&registry, PASSWORD).await;
    assert_eq!((status, whoami(&registry, &token).await), (201, 200));

    fs::remove_file(registry.storage().join("objects/_accounts/ana.json")).unwrap();
    assert_eq!(whoami(&registry, &token).await, 401);
    assert_eq!(log_in(&registry, PASSWORD).await.0, 401);
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_and_ends_the_tokens() {
    let registry = registry().await;
    add(&registry, "ana", PASSWORD).await;
    let (_, token) = log_in(&registry, PASSWORD).await;
    fs::remove_file(registry.storage().join("objects/_accounts/ana.json")).unwrap();
    fs::remove_file(registry.storage().join("objects/_names/ana.json")).unwrap();
    add(&registry, "ana", OTHER_PASSWORD).await;
    assert_eq!(log_in(&registry, PASSWORD).await.0, 401);
    let (status, new) = log_in(&registry, OTHER_PASSWORD).await;
    assert_eq!(status, 201);
    assert_eq!((whoami(&registry, &token).await, whoami(&registry, &new).await), (401, 200));
}

#[tokio::test]
async fn a_lost_second_factor_is_taken_away() {
    let registry = Registry::start().await;
    let token = sign_up(&registry.http(), "ana").await;
    let set = async |document: serde_json::Value| {
        let request = registry.http().request(Method::POST, "/-/npm/v1/user").bearer(&token);
        request.json(&document).send().await.assert_status(200).json()["tfa"].clone()
    };
    let url = set(json!({ "tfa": { "password": PASSWORD, "mode": "auth-and-writes" } })).await;
    let app = Authenticator::scan(url.as_str().unwrap());
    let _ = set(json!({ "tfa": [app.digits_at(SystemClock.now())] })).await;
    assert_eq!(log_in(&registry, PASSWORD).await.0, 401);

    fs::remove_file(registry.storage().join("objects/_two_factor/ana.json")).unwrap();
    assert_eq!(log_in(&registry, PASSWORD).await.0, 201);
}
