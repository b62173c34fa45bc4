//! `get/lib` and `tar/get`.

use serde_json::json;

use super::stored_files::Codebox;

const TARBALL: &str = "/foo-bar-package/-/foo-bar-package-1.0.0.tgz";

#[tokio::test]
async fn private_key_read() {
    let codebox = Codebox::start().await;
    codebox.store_as_codebox_did().await;
    let packument = codebox.get("/foo-bar-package").send().await.assert_status(200).json();
    assert_eq!(packument["dist-tags"], json!({ "latest": "1.0.0" }));
    // codebox-npm kept the address of its first deployment in the index; here it is that of the request.
    let address = format!("{}{TARBALL}", codebox.registry.server.base_url());
    assert_eq!(packument["versions"]["1.0.0"]["dist"]["tarball"], address);
}

#[tokio::test]
async fn private_json_with_empty_attachments_200() {
    let codebox = Codebox::start().await;
    codebox.store_as_codebox_did().await;
    let packument = codebox.get("/foo-bar-package").send().await.assert_status(200).json();
    assert_eq!(packument["name"], "foo-bar-package");
    let attachments = packument.get("_attachments");
    assert!(attachments.is_none_or(|attachments| *attachments == json!({})), "{packument}");
}

#[tokio::test]
async fn storage_error_500_error() {
    let codebox = Codebox::with_package().await;
    codebox.break_stored("/foo-bar-package/index.json");
    let answer = codebox.get("/foo-bar-package").send().await.assert_status(500);
    // codebox-npm sent the text of the storage error, which tells strangers about the storage.
    assert!(!answer.error().contains(codebox.registry.storage().to_str().unwrap()), "{}", answer.text());
}

#[tokio::test]
async fn tarball_key_is_name_and_version() {
    let codebox = Codebox::start().await;
    let tarball = codebox.store_as_codebox_did().await;
    let answer = codebox.get(TARBALL).send().await.assert_status(200);
    assert_eq!(answer.body, tarball);
}

#[tokio::test]
async fn tarball_base64_out() {
    let codebox = Codebox::with_package().await;
    // The base64 was for API Gateway, which turned it back; here the bytes go out as they are.
    let answer = codebox.get(TARBALL).send().await.assert_status(200);
    assert_eq!(answer.body[..2], [0x1f, 0x8b]);
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.header("content-length").unwrap(), answer.body.len().to_string());
}

#[tokio::test]
async fn tarball_storage_error() {
    let codebox = Codebox::with_package().await;
    codebox.break_stored("/foo-bar-package-1.0.0.tgz");
    let answer = codebox.get(TARBALL).send().await.assert_status(500);
    assert!(!answer.error().is_empty());
}
