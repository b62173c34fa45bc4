use std::time::Instant;

use serde_json::{Value, json};

use crate::http_client::HttpClient;
use crate::publish_document::PublishDocument;

/// Makes the account `ana` at `base_url` as npm does, and returns its token.
///
/// # Panics
///
/// If the registry does not answer 201 with a token.
pub async fn sign_up(base_url: &str) -> String {
    let account = json!({ "name": "ana", "password": "correct horse battery", "email": "ana@pear.example" });
    let request = HttpClient::new(base_url).put("/-/user/org.couchdb.user:ana").json(&account);
    let answer = request.send().await.assert_status(201);
    let token = answer.json()["token"].as_str().map(str::to_owned);
    token.unwrap_or_else(|| panic!("{base_url} answers a new account without a token"))
}

/// What a package of usual size sends to be published, with a file of so many bytes in its tarball.
pub fn publish_document(name: &str, version: &str, file_bytes: usize) -> PublishDocument {
    PublishDocument::new(name, version)
        .field(
            "description",
            json!("A package that stands for all the others while the registry is measured."),
        )
        .field("scripts", json!({ "test": "node --test" }))
        .field("engines", json!({ "node": ">=20" }))
        .field("dependencies", dependencies(0..12))
        .field("devDependencies", dependencies(12..24))
        .file("noise.bin", &noise(file_bytes))
}

/// A signed-in user who publishes.
#[derive(Debug, Clone)]
pub struct Publisher {
    /// Sends requests to the registry.
    pub http: HttpClient,
    /// What the account signs in with.
    pub token: String,
}

impl Publisher {
    /// A new account.
    ///
    /// # Panics
    ///
    /// If the registry makes none.
    pub async fn sign_up(base_url: &str) -> Self {
        Self { http: HttpClient::new(base_url), token: sign_up(base_url).await }
    }

    /// Publishes a version with a file of so many bytes, and tells how many milliseconds it took.
    ///
    /// # Panics
    ///
    /// If the registry does not take it.
    pub async fn publish(&self, name: &str, version: &str, file_bytes: usize) -> f64 {
        self.send(name, &publish_document(name, version, file_bytes).build()).await
    }

    /// Sends a document to publish, and tells how many milliseconds it took.
    ///
    /// # Panics
    ///
    /// If the registry does not take it.
    pub async fn send(&self, name: &str, document: &Value) -> f64 {
        let path = format!("/{}", name.replace('/', "%2f"));
        let request = self.http.put(&path).bearer(&self.token).json(document);
        let started = Instant::now();
        let _ = request.send().await.assert_status(201);
        started.elapsed().as_secs_f64() * 1000.0
    }
}

pub(super) fn dependencies(numbers: std::ops::Range<usize>) -> Value {
    let dependency =
        |number: usize| (format!("@orchard/dependency-{number}"), json!(format!("^{number}.2.3")));
    Value::Object(numbers.map(dependency).collect())
}

/// Bytes that do not compress and are the same each time.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(bytes).collect()
}
