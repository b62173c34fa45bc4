use std::net::IpAddr;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request};
use http_body_util::BodyExt as _;
use registry_core::error::BoxError;
use registry_core::http::ClientAddress;
use registry_core::{Body, Registry};
use serde_json::Value;

use crate::http_client::TestResponse;
use crate::publish_document::PublishDocument;

/// A client of a [`TestRegistry`](super::TestRegistry), without a socket in between. Their requests go to the
/// host `registry.example`.
#[derive(Debug, Clone)]
pub struct TestClient {
    registry: Registry,
    token: Option<String>,
    one_time_password: Option<String>,
    address: Option<IpAddr>,
}

impl TestClient {
    /// A client of this registry, which may be any, that shows this token.
    pub fn new(registry: Registry, token: Option<String>) -> Self {
        Self { registry, token, one_time_password: None, address: None }
    }

    /// The token of a signed-in user.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The same with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same with a one-time password in each request, as clients send it that have asked for one.
    #[must_use]
    pub fn with_one_time_password(&self, digits: &str) -> Self {
        Self { one_time_password: Some(digits.to_owned()), ..self.clone() }
    }

    /// The same from a network address, which is not known otherwise.
    #[must_use]
    pub fn from_address(&self, address: IpAddr) -> Self {
        Self { address: Some(address), ..self.clone() }
    }

    /// `GET`, without an `Accept`.
    pub async fn get(&self, path: &str) -> TestResponse {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// `PUT` of JSON.
    pub async fn put(&self, path: &str, body: &Value) -> TestResponse {
        self.ask(Method::PUT, path, body.to_string()).await
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> TestResponse {
        self.ask(Method::POST, path, body.to_string()).await
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

    /// Stages, as npm does.
    pub async fn stage(&self, document: &PublishDocument) -> TestResponse {
        let document = document.build();
        let name = document["_id"].as_str().unwrap_or_default();
        self.post(&format!("/-/stage/package/{}", name.replace('/', "%2f")), &document).await
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
        if let Some(digits) = self.one_time_password.as_ref().and_then(|digits| digits.parse().ok()) {
            headers.entry("npm-otp").or_insert(digits);
        }
        if let Some(address) = self.address {
            request.extensions_mut().insert(ClientAddress(address));
        }
        let (head, body) = self.registry.handle(request).await.into_parts();
        let body = body.collect().await.unwrap_or_else(|error| panic!("the answer broke off: {error}"));
        TestResponse { status: head.status, headers: head.headers, body: body.to_bytes() }
    }
}
