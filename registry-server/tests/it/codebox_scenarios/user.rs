//! `user/put`, `user/delete` and `whoami/get`, with local accounts in place of GitHub's.

use serde_json::json;

use super::stored_files::Codebox;
use crate::support::{PASSWORD, Registry, account, user_path};

#[tokio::test]
async fn whoami_200_username() {
    let codebox = Codebox::start().await;
    let answer = codebox.get("/-/whoami").send().await.assert_status(200).json();
    assert_eq!(answer, json!({ "username": "foo-user" }));
}

#[tokio::test]
async fn login_201_token() {
    let registry = Registry::start().await;
    let body = account("foo-user", PASSWORD);
    let answer =
        registry.http().put(&user_path("foo-user")).json(&body).send().await.assert_status(201).json();
    assert_eq!(answer["ok"], true);
    assert!(!answer["token"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn login_already_logged_in_201_new_token() {
    let codebox = Codebox::start().await;
    let body = account("foo-user", PASSWORD);
    let answer = codebox.http.put(&user_path("foo-user")).json(&body).send().await.assert_status(201).json();
    let second = answer["token"].as_str().unwrap();
    assert_ne!(second, codebox.token);
    let whoami = codebox.http.get("/-/whoami").bearer(second).send().await.assert_status(200).json();
    assert_eq!(whoami["username"], "foo-user");
    // codebox-npm took the old token back, which signed people out of their other machines. Here it stays good.
    let _ = codebox.get("/-/whoami").send().await.assert_status(200);
}

#[tokio::test]
async fn login_wrong_password() {
    let codebox = Codebox::start().await;
    let body = account("foo-user", "a wrong password");
    // 401, where codebox-npm said 403: npm then tells the user about the password, and not about a security policy.
    let answer = codebox.http.put(&user_path("foo-user")).json(&body).send().await.assert_status(401);
    assert!(!answer.error().is_empty());
    assert!(answer.json().get("token").is_none());
}

#[tokio::test]
async fn logout_200_ok() {
    let codebox = Codebox::start().await;
    let path = format!("/-/user/token/{}", codebox.token);
    let answer = codebox.delete(&path).send().await.assert_status(200).json();
    assert_eq!(answer["ok"], true);
    // codebox-npm only exchanged the token for another at GitHub. Here it is good for nothing from now on.
    let _ = codebox.get("/-/whoami").send().await.assert_status(401);
}

#[tokio::test]
async fn logout_bad_token() {
    let codebox = Codebox::start().await;
    let bad = "npm_bad0000000000000000000000000000000000";
    // 200, where codebox-npm said 500: a token that is good for nothing needs no revoking, and logging out twice is no mistake.
    let answer = codebox
        .http
        .delete(&format!("/-/user/token/{bad}"))
        .bearer(bad)
        .send()
        .await
        .assert_status(200)
        .json();
    assert_eq!(answer["ok"], true);
    let _ = codebox.get("/-/whoami").send().await.assert_status(200);
}
