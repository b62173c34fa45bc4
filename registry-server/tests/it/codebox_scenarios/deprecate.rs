//! `put/deprecate`.

use serde_json::json;

use super::stored_files::Codebox;

#[tokio::test]
async fn stores_body_as_index_json() {
    let codebox = Codebox::with_package().await;
    let mut body = codebox.get("/foo-bar-package?write=true").send().await.assert_status(200).json();
    body["versions"]["1.0.0"]["deprecated"] = json!("no longer kept");
    body["versions"]["1.0.0"]["dist"]["shasum"] = json!("0".repeat(40));
    body["description"] = json!("slipped in");
    let _ = codebox.put("/foo-bar-package", &body).send().await.assert_status(200);
    let index = codebox.stored_index();
    assert_eq!(index["versions"]["1.0.0"]["deprecated"], "no longer kept");
    // codebox-npm stored the body as it was. Here nothing but the deprecation is taken from it, so that a client with
    // an old copy takes nothing back, and nobody changes a tarball's digest.
    assert_ne!(index["versions"]["1.0.0"]["dist"]["shasum"], "0".repeat(40));
    assert_ne!(index["description"], "slipped in");
}

#[tokio::test]
async fn success_true_200() {
    let codebox = Codebox::with_package().await;
    let mut body = codebox.get("/foo-bar-package?write=true").send().await.assert_status(200).json();
    body["versions"]["1.0.0"]["deprecated"] = json!("no longer kept");
    let answer = codebox.put("/foo-bar-package", &body).send().await.assert_status(200).json();
    assert_eq!(answer["success"], true);
}

#[tokio::test]
async fn put_error_500() {
    let codebox = Codebox::with_package().await;
    let mut body = codebox.get("/foo-bar-package?write=true").send().await.assert_status(200).json();
    body["versions"]["1.0.0"]["deprecated"] = json!("no longer kept");
    codebox.break_stored("/foo-bar-package/index.json");
    let answer = codebox.put("/foo-bar-package", &body).send().await.assert_status(500);
    assert!(!answer.error().is_empty());
}
