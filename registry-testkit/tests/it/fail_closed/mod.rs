//! Only a proven absence is an absence: whatever becomes of the store, no name that is hosted here is answered by an
//! upstream, and none counts as free.

mod bucket;
#[cfg(unix)]
mod disk;
mod lost;
mod lying;
mod marker;
mod property;
mod window;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use http::{Method, Request};
use registry_core::access::{AccessRules, RuleSettings};
use registry_core::accounts::{NewToken, TokenHolder};
use registry_core::auth::{PasswordCost, Principal, TokenLimits};
use registry_core::storage::{BlobPath, BlobPrefix, BlobStore, ObjectStoreBlobs, When};
use registry_core::{Body, Registry};
use registry_testkit::ScriptedUpstream;
use registry_testkit::http_client::TestResponse;
use registry_testkit::test_registry::TestClient;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

/// The version that the upstream alone has.
const FOREIGN: &str = "99.0.0";

/// A registry on a store, in front of an upstream that has every name, too.
struct House {
    registry: Registry,
    upstream: ScriptedUpstream,
    ana: TestClient,
}

impl House {
    async fn on(store: Arc<dyn BlobStore>) -> Self {
        let rule = json!({ "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["hosted", "npm"] });
        let rules: Vec<RuleSettings> = serde_json::from_value(json!([rule])).unwrap();
        let upstream = ScriptedUpstream::default();
        let registry = Registry::builder(store)
            .access(AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap())
            .local_accounts_with(|accounts| accounts.with_password_cost(PasswordCost::cheapest()))
            .upstream("npm", Arc::new(upstream.clone()))
            // What becomes of packages is asked here, and not who ana is.
            .token_cache(Duration::from_hours(1))
            .build();
        registry.open().await.unwrap();
        let token = NewToken {
            holder: TokenHolder::Principal { principal: Principal::user("ana") },
            name: None,
            description: None,
            limits: TokenLimits::default(),
        };
        let token = registry.issue_token(token).await.unwrap().expose_secret().to_owned();
        let ana = TestClient::new(registry.clone(), Some(token));
        let _ = ana.get("/-/whoami").await.assert_status(200);
        Self { registry, upstream, ana }
    }

    fn anonymous(&self) -> TestClient {
        TestClient::new(self.registry.clone(), None)
    }

    /// Asks, and tells what is wrong if the upstream heard of `name` or answered for it.
    async fn ask(&self, question: &Question, name: &str) -> Result<TestResponse, String> {
        self.upstream.take_asked();
        let answer = question.ask(&self.ana).await;
        let asked = self.upstream.take_asked();
        let text = answer.text();
        if asked.iter().any(|asked| asked.contains(name)) {
            return Err(format!("{question:?} reached the upstream: {asked:?}"));
        }
        if answer.status.is_success() && (text.contains(FOREIGN) || text.contains("evil")) {
            return Err(format!("{question:?} was answered by the upstream: {text}"));
        }
        Ok(answer)
    }
}

/// All that a store holds.
async fn everything(memory: &ObjectStoreBlobs) -> Vec<(BlobPath, Bytes)> {
    let listed: Vec<_> = memory.list(&BlobPrefix::ROOT).try_collect().await.unwrap();
    let mut all = Vec::new();
    for blob in listed {
        if let Some(found) = memory.get(&blob.path).await.unwrap() {
            all.push((blob.path, found.bytes));
        }
    }
    all
}

async fn empty(memory: &ObjectStoreBlobs) {
    for (path, _) in everything(memory).await {
        memory.delete(&path).await.unwrap();
    }
}

/// Makes a store hold this and nothing else.
async fn restore(memory: &ObjectStoreBlobs, all: &[(BlobPath, Bytes)]) {
    empty(memory).await;
    for (path, bytes) in all {
        let _ = memory.put(path, bytes.clone(), When::Always).await.unwrap();
    }
}

/// Which answer to expect of a package that is hosted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One that needs the packument.
    OfPackage,
    /// One that continues without the package, and must not disclose it.
    Beside,
}

#[derive(Debug, Clone)]
struct Question {
    method: Method,
    path: String,
    accept: &'static str,
    body: Value,
    kind: Kind,
}

impl Question {
    /// Every way in which an upstream could be asked about a name, or the name be taken.
    fn all(name: &str) -> Vec<Self> {
        use Kind::{Beside, OfPackage};
        let read = |path: String| (Method::GET, path, "*/*", Value::Null, OfPackage);
        let beside = |method, path: &str, body| (method, path.to_owned(), "*/*", body, Beside);
        let publish = registry_testkit::publish_document::PublishDocument::new(name, "2.0.0").build();
        [
            read(format!("/{name}")),
            (Method::GET, format!("/{name}"), "application/vnd.npm.install-v1+json", Value::Null, OfPackage),
            read(format!("/{name}/latest")),
            read(format!("/{name}/{FOREIGN}")),
            read(format!("/{name}/-/{name}-1.0.0.tgz")),
            read(format!("/{name}/-/{name}-{FOREIGN}.tgz")),
            read(format!("/-/package/{name}/dist-tags")),
            read(format!("/-/npm/v1/attestations/{name}@{FOREIGN}")),
            (Method::PUT, format!("/{name}"), "*/*", publish, OfPackage),
            beside(Method::GET, &format!("/-/v1/search?text={name}"), Value::Null),
            beside(Method::POST, "/-/npm/v1/security/advisories/bulk", json!({ name: ["1.0.0"] })),
        ]
        .map(|(method, path, accept, body, kind)| Self { method, path, accept, body, kind })
        .into()
    }

    async fn ask(&self, client: &TestClient) -> TestResponse {
        let request = Request::builder().method(&self.method).uri(&self.path).header("accept", self.accept);
        let body = if self.body.is_null() { String::new() } else { self.body.to_string() };
        client.send(request.header("content-type", "application/json").body(Body::from(body)).unwrap()).await
    }
}
