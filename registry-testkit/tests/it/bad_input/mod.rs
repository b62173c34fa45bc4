//! Whatever is sent: a 4xx with a JSON `error`, nothing stored, and the registry goes on.

mod accounts;
mod digests;
mod document_limits;
mod headers;
mod json;
mod json_shapes;
mod manifests;
mod methods;
mod names;
mod revisions;
mod shrinkwrap;
mod sizes;
mod tarball_bombs;
mod traversal;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Uri};
use registry_core::limits::Limits;
use registry_testkit::TestRegistry;
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::Value;

/// A registry with `pear` and `@acme/pear` in it, both of ana, and what is to stay as it is.
struct Ground {
    registry: TestRegistry,
    ana: TestClient,
    stored: BTreeMap<String, Bytes>,
}

impl Ground {
    async fn new() -> Self {
        Self::with_limits(|_| {}).await
    }

    async fn with_limits(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        let registry = TestRegistry::builder().limits(limits).start().await;
        let ana = registry.ana();
        for (name, version) in [("pear", "1.0.0"), ("pear", "1.1.0"), ("@acme/pear", "1.0.0")] {
            let _ = ana.publish(&PublishDocument::new(name, version)).await.assert_status(201);
        }
        let stored = registry.stored().await;
        Self { registry, ana, stored }
    }

    /// The revision of `pear`.
    async fn revision(&self) -> String {
        self.ana.get("/pear").await.json()["_rev"].as_str().unwrap().to_owned()
    }

    /// Sends bytes as ana and checks that they are refused. Answers the text of the refusal.
    async fn refuses(&self, method: Method, path: &str, body: impl Into<Bytes>) -> String {
        let what = format!("{method} {}", shorten(path));
        let answer = self.ana.ask(method, path, body).await;
        self.refused(&what, &answer).await
    }

    /// Publishes as ana and checks that it is refused.
    async fn refuses_to_publish(&self, what: &str, document: &Value) -> String {
        let answer = self.ana.put("/plum", document).await;
        self.refused(what, &answer).await
    }

    /// Checks that an answer is a refusal as clients understand it, and that nothing else has happened.
    async fn refused(&self, what: &str, answer: &TestResponse) -> String {
        assert!(answer.status.is_client_error(), "{what}: {} {}", answer.status, shorten(&answer.text()));
        // An answer to `HEAD` has no body.
        let error = if what.starts_with("HEAD ") { String::new() } else { explained(what, answer) };
        assert!(self.registry.stored().await == self.stored, "{what} changed the store");
        let _ = self.registry.anonymous().get("/-/ping").await.assert_status(200);
        error
    }
}

/// Checks that an answer has a text to read, which is not what was sent thrown back in full.
#[track_caller]
fn explained(what: &str, answer: &TestResponse) -> String {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
    let body = answer.json();
    let error = body["error"].as_str().unwrap_or_else(|| panic!("{what}: no error in {body}"));
    assert_eq!(body["message"], error, "{what}");
    assert!(!error.is_empty() && error.len() < 1000, "{what}: {} bytes: {}", error.len(), shorten(error));
    assert!(!error.contains(['\r', '\n', '\0']), "{what}: {error:?}");
    for (name, value) in &answer.headers {
        assert!(value.len() < 1000, "{what}: {name} has {} bytes", value.len());
    }
    error.to_owned()
}

/// All of a text in percent escapes, which say the same.
fn percent_encoded(text: &str) -> String {
    let escapes: Vec<_> = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    escapes.concat()
}

/// Whether HTTP has such a path at all. Where it has not, the server refuses the request before the registry sees it.
fn is_path(path: &str) -> bool {
    path.parse::<Uri>().is_ok()
}

fn shorten(text: &str) -> String {
    text.chars().take(300).collect()
}
