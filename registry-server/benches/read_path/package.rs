use std::time::Instant;

use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};

/// Somebody who is signed in and publishes.
pub(crate) struct Publisher {
    pub(crate) http: HttpClient,
    pub(crate) token: String,
}

impl Publisher {
    /// A new account.
    pub(crate) async fn sign_up(base_url: &str) -> Self {
        let http = HttpClient::new(base_url);
        let account =
            json!({ "name": "ana", "password": "correct horse battery", "email": "ana@pear.example" });
        let answer = http.put("/-/user/org.couchdb.user:ana").json(&account).send().await.assert_status(201);
        let token = answer.json()["token"].as_str().unwrap_or_default().to_owned();
        Self { http, token }
    }

    /// Publishes a version with a file of so many bytes, and tells how many milliseconds it took.
    pub(crate) async fn publish(&self, name: &str, version: &str, file_bytes: usize) -> f64 {
        let document = PublishDocument::new(name, version)
            .field(
                "description",
                json!("A package that stands for all the others while the registry is measured."),
            )
            .field("scripts", json!({ "test": "node --test" }))
            .field("engines", json!({ "node": ">=20" }))
            .field("dependencies", dependencies(0..12))
            .field("devDependencies", dependencies(12..24))
            .file("noise.bin", &noise(file_bytes))
            .build();
        let request = self.http.put(&format!("/{name}")).bearer(&self.token).json(&document);
        let started = Instant::now();
        let _ = request.send().await.assert_status(201);
        started.elapsed().as_secs_f64() * 1000.0
    }
}

fn dependencies(numbers: std::ops::Range<usize>) -> Value {
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
