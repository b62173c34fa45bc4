//! The storage folder, looked at and meddled with behind the server's back.

use std::fs;
use std::path::{Path, PathBuf};

use registry_testkit::http_client::{HttpClient, TestRequest};
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};

use crate::support::{Registry, sign_up};

/// A registry with one user.
pub(super) struct Codebox {
    pub(super) registry: Registry,
    pub(super) http: HttpClient,
    pub(super) token: String,
}

impl Codebox {
    pub(super) async fn start() -> Self {
        let registry = Registry::start().await;
        let http = registry.http();
        let token = sign_up(&http, "foo-user").await;
        Self { registry, http, token }
    }

    /// With `foo-bar-package` 1.0.0.
    pub(super) async fn with_package() -> Self {
        let codebox = Self::start().await;
        let document = PublishDocument::new("foo-bar-package", "1.0.0").build();
        let _ = codebox.put("/foo-bar-package", &document).send().await.assert_status(201);
        codebox
    }

    pub(super) fn get(&self, path: &str) -> TestRequest {
        self.http.get(path).bearer(&self.token)
    }

    pub(super) fn put(&self, path: &str, body: &Value) -> TestRequest {
        self.http.put(path).bearer(&self.token).json(body)
    }

    pub(super) fn delete(&self, path: &str) -> TestRequest {
        self.http.delete(path).bearer(&self.token)
    }

    /// All stored files whose path ends with `end`.
    pub(super) fn stored(&self, end: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(self.registry.storage(), &mut found);
        found.retain(|path| path.to_str().unwrap().ends_with(end));
        found
    }

    /// The stored packument of `foo-bar-package`.
    pub(super) fn stored_index(&self) -> Value {
        let [path] = self.stored("/foo-bar-package/index.json").try_into().unwrap();
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// Damages a stored document so that it cannot be read, and takes a stored tarball away.
    pub(super) fn break_stored(&self, end: &str) {
        for path in self.stored(end) {
            if path.extension().is_some_and(|extension| extension == "tgz") {
                fs::remove_file(&path).unwrap();
            } else {
                fs::write(&path, "{ \"name\": ").unwrap();
            }
        }
    }

    /// Stores `foo-bar-package` 1.0.0 in the way codebox-npm did, and returns its tarball.
    pub(super) async fn store_as_codebox_did(&self) -> Vec<u8> {
        // Another package shows where in the folder the packages are.
        let signpost = PublishDocument::new("signpost", "1.0.0").build();
        let _ = self.put("/signpost", &signpost).send().await.assert_status(201);
        let [signpost] = self.stored("/signpost/index.json").try_into().unwrap();
        let packages = signpost.parent().and_then(Path::parent).unwrap();

        let document = PublishDocument::new("foo-bar-package", "1.0.0");
        let mut index = document.build();
        index["versions"]["1.0.0"]["dist"]["tarball"] =
            json!("https://old.registry.example/prod/registry/foo-bar-package/-/foo-bar-package-1.0.0.tgz");
        let folder = packages.join("foo-bar-package");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("1.0.0.tgz"), document.tarball()).unwrap();
        fs::write(folder.join("index.json"), index.to_string()).unwrap();
        document.tarball()
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    // The server at work removes empty folders.
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}
