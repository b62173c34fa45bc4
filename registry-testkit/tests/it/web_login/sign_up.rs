//! What a sign-up tells of names that are taken, and of passwords that are refused.

use registry_testkit::test_registry::PASSWORD;
use registry_testkit::{Browser, TestRegistry};
use serde_json::json;

use super::Begun;

fn sign_up<'a>(name: &'a str, password: &'a str) -> [(&'a str, &'a str); 2] {
    [("name", name), ("password", password)]
}

#[tokio::test]
async fn a_login_that_may_be_a_sign_up_tells_not_which_names_are_taken() {
    let registry = TestRegistry::new().await;
    for (number, weak) in ["short", "12345678", "P@ssw0rd1", "registry"].into_iter().enumerate() {
        let client = registry.anonymous().from_address(format!("192.0.2.{number}").parse().unwrap());
        let ask = async |name: &str| {
            let body = json!({ "name": name, "password": weak });
            client.put(&format!("/-/user/org.couchdb.user:{name}"), &body).await.assert_status(401)
        };
        let (taken, free) = (ask("ana").await, ask("ben").await);
        assert_eq!((&taken.headers, &taken.body), (&free.headers, &free.body), "{weak}");
        // npm shows the notice alone.
        let notice = free.header("npm-notice").unwrap();
        assert!(notice.contains("To make a new account: "), "{notice}");
        assert_eq!(free.error(), notice);
    }
    assert!(!registry.keys().await.iter().any(|key| key.contains("ben")));
}

#[tokio::test]
async fn the_form_for_new_accounts_looks_at_the_password_first_and_counts_each_name() {
    let registry = TestRegistry::new().await;
    let client = registry.anonymous().from_address("192.0.2.1".parse().unwrap());
    let browser = Browser::in_process(client.clone());
    let begun = Begun::at(&client).await;
    let page = browser.open(&begun.page).await;
    let mut told = Vec::new();
    for name in ["ana", "ben"] {
        let refused = browser.press(&page, "sign-up", &sign_up(name, "12345678")).await.assert_status(400);
        let alert =
            refused.text().split("role=\"alert\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
        assert!(alert.contains("easily guessed"), "{alert}");
        told.push(alert);
    }
    assert_eq!(told[0], told[1]);
    // However many passwords are refused: none of them was compared with anything.
    for _ in 0..40 {
        let _ = browser.press(&page, "sign-up", &sign_up("ana", "12345678")).await.assert_status(400);
    }
    // Names are tried at the price of a wrong password.
    let mut answers = Vec::new();
    for number in 0..40 {
        let name = format!("name-{number}");
        registry.user(&name).await;
        answers
            .push(browser.press(&page, "sign-up", &sign_up(&name, PASSWORD)).await.response.status.as_u16());
    }
    assert_eq!(answers.iter().filter(|status| **status == 400).count(), 30, "{answers:?}");
    assert_eq!(answers.last(), Some(&429));
}

/// At a login in the terminal it is not told whether the name is taken, so that a password that is refused may be a guess at
/// that of an account.
#[tokio::test]
async fn passwords_that_are_refused_keep_no_newcomer_waiting() {
    let registry = TestRegistry::new().await;
    let client = registry.anonymous().from_address("192.0.2.1".parse().unwrap());
    let ask = async |name: &str, password: &str| {
        let body = json!({ "name": name, "password": password });
        client.put(&format!("/-/user/org.couchdb.user:{name}"), &body).await
    };
    let mut answers = Vec::new();
    for number in 0..8 {
        let weak = format!("password{number}");
        let (taken, free) = (ask("ana", &weak).await, ask("ben", &weak).await);
        assert_eq!((&taken.headers, &taken.body), (&free.headers, &free.body), "{weak}");
        answers.push(free.status.as_u16());
    }
    assert_eq!(answers, [401, 401, 401, 401, 401, 429, 429, 429]);
    let _ = ask("ben", "a much better one").await.assert_status(201);
    let _ = ask("ana", PASSWORD).await.assert_status(201);
}

#[tokio::test]
async fn a_login_that_is_not_acceptable_as_a_sign_up_counts_since_it_tells_that_the_name_is_free() {
    let registry = TestRegistry::new().await;
    let client = registry.anonymous().from_address("192.0.2.1".parse().unwrap());
    let mut answers = Vec::new();
    for number in 0..40 {
        let name = format!("name-{number}");
        let body = json!({ "name": name, "password": "a good password", "email": "a\nb" });
        answers.push(client.put(&format!("/-/user/org.couchdb.user:{name}"), &body).await.status.as_u16());
    }
    assert_eq!(answers.iter().filter(|status| **status == 400).count(), 30, "{answers:?}");
    assert_eq!(answers.last(), Some(&429));
}
