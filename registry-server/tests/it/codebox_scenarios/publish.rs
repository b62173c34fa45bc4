//! `put/publish`. codebox-npm answered 200 `{"success":true}`; here it is 201, with `success` and `ok`, because a
//! version was created and yarn looks for `ok`.

use std::fs;

use registry_testkit::publish_document::PublishDocument;

use super::stored_files::Codebox;

#[tokio::test]
async fn new_package_index_read_attempted() {
    let codebox = Codebox::with_package().await;
    // An index that cannot be read is not taken for one that is absent: codebox-npm did, and wrote over it.
    codebox.break_stored("/foo-bar-package/index.json");
    let document = PublishDocument::new("foo-bar-package", "1.1.0").build();
    let answer = codebox.put("/foo-bar-package", &document).send().await.assert_status(500);
    assert!(!answer.error().is_empty());
    let [index] = codebox.stored("/foo-bar-package/index.json").try_into().unwrap();
    assert_eq!(fs::read_to_string(index).unwrap(), "{ \"name\": ");
    assert!(codebox.stored("/foo-bar-package-1.1.0.tgz").is_empty());
}

#[tokio::test]
async fn new_package_tarball_stored() {
    let codebox = Codebox::with_package().await;
    let document = PublishDocument::new("foo-bar-package", "1.0.0");
    // Stored under its digest, not as `1.0.0.tgz`: what is published at once by two can then never be mixed up.
    let [path] = codebox.stored("/foo-bar-package-1.0.0.tgz").try_into().unwrap();
    assert_eq!(fs::read(path).unwrap(), document.tarball());
}

#[tokio::test]
async fn new_package_index_stored() {
    let codebox = Codebox::with_package().await;
    let index = codebox.stored_index();
    assert_eq!(index["name"], "foo-bar-package");
    assert_eq!(index["dist-tags"]["latest"], "1.0.0");
    assert_eq!(index["versions"]["1.0.0"]["version"], "1.0.0");
}

#[tokio::test]
async fn new_package_200() {
    let codebox = Codebox::start().await;
    let document = PublishDocument::new("foo-bar-package", "1.0.0").build();
    let answer = codebox.put("/foo-bar-package", &document).send().await.assert_status(201).json();
    assert_eq!((&answer["success"], &answer["ok"]), (&true.into(), &true.into()));
}

#[tokio::test]
async fn existing_package_index_read() {
    let codebox = Codebox::start().await;
    codebox.store_as_codebox_did().await;
    let document = PublishDocument::new("foo-bar-package", "1.1.0").build();
    let _ = codebox.put("/foo-bar-package", &document).send().await.assert_status(201);
    assert!(codebox.stored_index()["versions"]["1.0.0"].is_object());
}

#[tokio::test]
async fn existing_package_tarball_stored() {
    let codebox = Codebox::with_package().await;
    let document = PublishDocument::new("foo-bar-package", "1.1.0");
    let _ = codebox.put("/foo-bar-package", &document.build()).send().await.assert_status(201);
    let [path] = codebox.stored("/foo-bar-package-1.1.0.tgz").try_into().unwrap();
    assert_eq!(fs::read(path).unwrap(), document.tarball());
    assert_eq!(codebox.stored("/foo-bar-package-1.0.0.tgz").len(), 1);
}

#[tokio::test]
async fn existing_package_merged_index() {
    let codebox = Codebox::with_package().await;
    let document = PublishDocument::new("foo-bar-package", "1.1.0").build();
    let _ = codebox.put("/foo-bar-package", &document).send().await.assert_status(201);
    let index = codebox.stored_index();
    let versions: Vec<_> = index["versions"].as_object().unwrap().keys().collect();
    assert_eq!(versions, ["1.0.0", "1.1.0"]);
    assert_eq!(index["dist-tags"]["latest"], "1.1.0");
    // codebox-npm kept the newest attachment in the index; here none is, so that a packument stays small.
    let attachments = index.get("_attachments").and_then(|attachments| attachments.as_object());
    assert!(attachments.is_none_or(serde_json::Map::is_empty), "{index}");
}

#[tokio::test]
async fn existing_package_200() {
    let codebox = Codebox::with_package().await;
    let document = PublishDocument::new("foo-bar-package", "1.1.0").build();
    let answer = codebox.put("/foo-bar-package", &document).send().await.assert_status(201).json();
    assert_eq!(answer["success"], true);
}

#[tokio::test]
async fn same_version_403() {
    let codebox = Codebox::with_package().await;
    let other = PublishDocument::new("foo-bar-package", "1.0.0").file("other.js", b"other");
    let answer = codebox.put("/foo-bar-package", &other.build()).send().await.assert_status(403);
    assert!(
        answer.error().contains("cannot publish over the previously published version"),
        "{}",
        answer.text()
    );
    let tarball = codebox.get("/foo-bar-package/-/foo-bar-package-1.0.0.tgz").send().await.assert_status(200);
    assert_eq!(tarball.body, PublishDocument::new("foo-bar-package", "1.0.0").tarball());
}

#[tokio::test]
async fn put_error_500() {
    let codebox = Codebox::start().await;
    codebox.store_as_codebox_did().await;
    codebox.break_stored("/foo-bar-package/index.json");
    let document = PublishDocument::new("foo-bar-package", "1.1.0").build();
    let answer = codebox.put("/foo-bar-package", &document).send().await.assert_status(500);
    assert!(!answer.error().contains(codebox.registry.storage().to_str().unwrap()), "{}", answer.text());
}
