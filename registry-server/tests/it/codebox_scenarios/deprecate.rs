//! `put/deprecate`.

use serde_json::json;

use super::stored_files::Codebox;

#[tokio::test]
async fn stores_body_as_index_json() {
    let codebox = Codebox::with_package().await;
    let mut body = codebox.get("/foo-bar-package?write=true").send().await.assert_status(200).json();
    body["versions"]["1.0.0"]["deprecated"] = json!("no longer kept");
    let mut other_text = body.clone();
    other_text["description"] = json!("slipped in");
    let mut other_digest = body.clone();
    other_digest["versions"]["1.0.0"]["dist"]["shasum"] = json!("0".repeat(40));
    // codebox-npm stored the body as it was. Here nothing but the deprecation is taken from it, so that a client with
    // an old copy takes nothing back, and a change of a tarball's digest or of the description is refused.
    for other in [other_digest, other_text] {
        let _ = codebox.put("/foo-bar-package", &other).send().await.assert_status(400);
    }
    assert_eq!(codebox.stored_index()["versions"]["1.0.0"].get("deprecated"), None);
    let _ = codebox.put("/foo-bar-package", &body).send().await.assert_status(200);
    assert_eq!(codebox.stored_index()["versions"]["1.0.0"]["deprecated"], "no longer kept");
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
