use http::Method;
use serde_json::{Value, json};

use super::{Ground, percent_encoded};

const BOB: &str = "/-/user/org.couchdb.user:bob";

fn document(name: &str) -> Value {
    json!({ "_id": format!("org.couchdb.user:{name}"), "name": name, "password": "long enough", "type": "user" })
}

#[tokio::test]
async fn names_that_no_account_can_have() {
    let ground = Ground::new().await;
    for name in [
        " ",
        "Bob",
        "bob bob",
        ".bob",
        "-bob",
        "_bob",
        "../bob",
        "bob/../ana",
        "/bob",
        "bob\\x",
        "bob\0",
        "bob\r\nx: y",
        "bób",
        "@bob",
        "bob:x",
        "bob%2f",
        "$all",
        "@authenticated",
        "*",
        "user:ana",
        &"b".repeat(65),
    ] {
        let path = format!("/-/user/org.couchdb.user:{}", percent_encoded(name));
        ground.refuses(Method::PUT, &path, document(name).to_string()).await;
        ground.refuses(Method::PUT, &format!("{path}/-rev/1-0"), document(name).to_string()).await;
        ground.refuses(Method::GET, &path, "").await;
        let owner = percent_encoded(name);
        ground.refuses(Method::DELETE, &format!("/-/package/pear/owners/{owner}x/x"), "").await;
    }
    for path in ["/-/user/org.couchdb.user:", "/-/user/bob", "/-/user/org.couchdb.user%3a", "/-/user/"] {
        ground.refuses(Method::PUT, path, document("bob").to_string()).await;
    }
}

#[tokio::test]
async fn documents_that_do_not_say_who() {
    let ground = Ground::new().await;
    for (field, value) in [
        ("name", json!("ana")),
        ("name", json!("")),
        ("name", json!(1)),
        ("name", json!(["bob"])),
        ("name", json!({ "bob": 1 })),
        ("password", json!(null)),
        ("password", json!("")),
        ("password", json!("ab")),
        ("password", json!(123_456)),
        ("password", json!(["long enough"])),
        ("password", json!({ "$ne": null })),
        ("password", json!("x".repeat(1025))),
        ("password", json!("x".repeat(1 << 20))),
        ("email", json!(1)),
        ("email", json!(["a@b"])),
        ("email", json!("a\r\nBcc: x@registry.example")),
        ("email", json!("x".repeat(255))),
        ("email", json!("x".repeat(1 << 20))),
    ] {
        let mut document = document("bob");
        document[field] = value.clone();
        ground.refuses(Method::PUT, BOB, document.to_string()).await;
    }
}

#[tokio::test]
async fn passwords_of_others() {
    let ground = Ground::new().await;
    let path = "/-/user/org.couchdb.user:ana";
    for password in
        ["wrong", "correct horse batter", "correct horse battery ", "", "\0", &"x".repeat(1 << 20)]
    {
        let mut document = document("ana");
        document["password"] = json!(password);
        let error = ground.refuses(Method::PUT, path, document.to_string()).await;
        assert!(!error.contains("horse"), "{error}");
    }
}

#[tokio::test]
async fn stars_of_accounts_that_cannot_be() {
    let ground = Ground::new().await;
    for path in ["/-/user/..%2fx/stars", "/-/user/%00/stars", "/-/util/user/a%2fb/stars"] {
        ground.refuses(Method::GET, path, "").await;
    }
    for query in [
        "",
        "?key",
        "?key=",
        "?key=ben",
        "?key=%22",
        "?key=[]",
        "?key=1",
        "?key=%ff",
        "?key=null",
        "?other=%22a%22",
    ] {
        ground.refuses(Method::GET, &format!("/-/_view/starredByUser{query}"), "").await;
    }
}
