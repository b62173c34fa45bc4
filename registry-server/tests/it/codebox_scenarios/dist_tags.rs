//! `dist-tags/get`, `dist-tags/put` and `dist-tags/delete`.

use serde_json::json;

use super::stored_files::Codebox;

const TAGS: &str = "/-/package/foo-bar-package/dist-tags";
const ALPHA: &str = "/-/package/foo-bar-package/dist-tags/alpha";
const INDEX: &str = "/foo-bar-package/index.json";

async fn with_alpha() -> Codebox {
    let codebox = Codebox::with_package().await;
    let _ = codebox.put(ALPHA, &json!("1.0.0")).send().await.assert_status(200);
    codebox
}

#[tokio::test]
async fn get_reads_foo_bar_package_index_json() {
    let codebox = Codebox::start().await;
    codebox.store_as_codebox_did().await;
    let tags = codebox.get(TAGS).send().await.assert_status(200).json();
    assert_eq!(tags, json!({ "latest": "1.0.0" }));
}

#[tokio::test]
async fn get_200_private_tags() {
    let codebox = with_alpha().await;
    let tags = codebox.get(TAGS).send().await.assert_status(200).json();
    assert_eq!(tags, json!({ "latest": "1.0.0", "alpha": "1.0.0" }));
}

#[tokio::test]
async fn get_absent_everywhere_404() {
    let codebox = Codebox::start().await;
    let answer = codebox.get(TAGS).send().await.assert_status(404);
    assert!(!answer.error().is_empty());
}

#[tokio::test]
async fn get_storage_error_500() {
    let codebox = Codebox::with_package().await;
    codebox.break_stored(INDEX);
    let answer = codebox.get(TAGS).send().await.assert_status(500);
    assert!(!answer.error().is_empty());
}

#[tokio::test]
async fn put_reads_foo_bar_package_index_json() {
    let codebox = Codebox::start().await;
    codebox.store_as_codebox_did().await;
    let _ = codebox.put(ALPHA, &json!("1.0.0")).send().await.assert_status(200);
    let tags = codebox.get(TAGS).send().await.assert_status(200).json();
    assert_eq!(tags, json!({ "latest": "1.0.0", "alpha": "1.0.0" }));
}

#[tokio::test]
async fn put_writes_index_with_tag() {
    let codebox = with_alpha().await;
    assert_eq!(codebox.stored_index()["dist-tags"]["alpha"], "1.0.0");
}

#[tokio::test]
async fn put_200_ok_id_dist_tags() {
    let codebox = Codebox::with_package().await;
    let answer = codebox.put(ALPHA, &json!("1.0.0")).send().await.assert_status(200).json();
    assert_eq!(answer["ok"], true);
    assert_eq!(answer["id"], "foo-bar-package");
    assert_eq!(answer["dist-tags"], json!({ "latest": "1.0.0", "alpha": "1.0.0" }));
}

#[tokio::test]
async fn put_error_500() {
    let codebox = Codebox::with_package().await;
    codebox.break_stored(INDEX);
    let answer = codebox.put(ALPHA, &json!("1.0.0")).send().await.assert_status(500);
    assert!(!answer.error().is_empty());
}

#[tokio::test]
async fn delete_reads_foo_bar_package_index_json() {
    let codebox = Codebox::start().await;
    // codebox-npm answered 500 for a package that it did not have; it is not there, which is 404.
    let _ = codebox.delete(ALPHA).send().await.assert_status(404);
    codebox.store_as_codebox_did().await;
    let _ = codebox.put(ALPHA, &json!("1.0.0")).send().await.assert_status(200);
    let _ = codebox.delete(ALPHA).send().await.assert_status(200);
}

#[tokio::test]
async fn delete_writes_index_without_tag() {
    let codebox = with_alpha().await;
    let _ = codebox.delete(ALPHA).send().await.assert_status(200);
    assert_eq!(codebox.stored_index()["dist-tags"], json!({ "latest": "1.0.0" }));
}

#[tokio::test]
async fn delete_200_ok_id_dist_tags() {
    let codebox = with_alpha().await;
    let answer = codebox.delete(ALPHA).send().await.assert_status(200).json();
    assert_eq!(answer["ok"], true);
    assert_eq!(answer["id"], "foo-bar-package");
    assert_eq!(answer["dist-tags"], json!({ "latest": "1.0.0" }));
}

#[tokio::test]
async fn delete_put_error_500() {
    let codebox = with_alpha().await;
    codebox.break_stored(INDEX);
    let answer = codebox.delete(ALPHA).send().await.assert_status(500);
    assert!(!answer.error().is_empty());
}
