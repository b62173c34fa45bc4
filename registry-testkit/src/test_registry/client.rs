use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request};
use http_body_util::BodyExt as _;
use registry_core::error::BoxError;
use registry_core::{Body, Registry};
use serde_json::Value;

use crate::http_client::TestResponse;
use crate::publish_document::PublishDocument;

/// Somebody who asks a [`TestRegistry`](super::TestRegistry), without a socket in between. Their requests go to the
/// host `registry.example`.
#[derive(Debug, Clone)]
pub struct TestClient {
    registry: Registry,
    token: Option<String>,
}

impl TestClient {
    pub(super) fn new(registry: Registry, token: Option<String>) -> Self {
        Self { registry, token }
    }

    /// The token of somebody who is signed in.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// `GET`, without an `Accept`.
    pub async fn get(&self, path: &str) -> TestResponse {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// `PUT` of JSON.
    pub async fn put(&self, path: &str, body: &Value) -> TestResponse {
        self.ask(Method::PUT, path, body.to_string()).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> TestResponse {
        self.ask(Method::DELETE, path, Bytes::new()).await
    }

    /// Publishes, as npm does.
    pub async fn publish(&self, document: &PublishDocument) -> TestResponse {
        let document = document.build();
        let name = document["_id"].as_str().unwrap_or_default();
        self.put(&format!("/{}", name.replace('/', "%2f")), &document).await
    }

    /// Any method with any bytes, said to be JSON.
    ///
    /// # Panics
    ///
    /// If no HTTP request can have such a path.
    pub async fn ask(&self, method: Method, path: &str, body: impl Into<Bytes>) -> TestResponse {
        let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
        let request = request.body(Body::from(body.into()));
        self.send(request.unwrap_or_else(|error| panic!("no request: {path}: {error}"))).await
    }

    /// Any request. It gets the host, and the token of this client, unless it has its own.
    ///
    /// # Panics
    ///
    /// If the answer breaks off.
    pub async fn send<Content>(&self, mut request: Request<Content>) -> TestResponse
    where
        Content: http_body::Body<Data = Bytes> + Send + 'static,
        Content::Error: Into<BoxError>,
    {
        let headers = request.headers_mut();
        headers.entry(HOST).or_insert(HeaderValue::from_static("registry.example"));
        if let Some(token) = self.token.as_ref().and_then(|token| format!("Bearer {token}").parse().ok()) {
            headers.entry(AUTHORIZATION).or_insert(token);
        }
        let (head, body) = self.registry.handle(request).await.into_parts();
        let body = body.collect().await.unwrap_or_else(|error| panic!("the answer broke off: {error}"));
        TestResponse { status: head.status, headers: head.headers, body: body.to_bytes() }
    }
}
