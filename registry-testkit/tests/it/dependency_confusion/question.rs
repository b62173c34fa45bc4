use std::fmt;

use http::{Method, Request};
use registry_core::Body;
use registry_core::auth::{Caller, Principal};
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::{Value, json};

const INSTALL: &str = "application/vnd.npm.install-v1+json";

/// A request that has to do with one package.
#[derive(Debug, Clone)]
pub(super) struct Question {
    method: Method,
    path: String,
    accept: &'static str,
    body: Value,
}

impl Question {
    /// Every request there is about a package. A new route is a line here: audit, search and attestations, too.
    pub(super) fn all(name: &str) -> Vec<Self> {
        let one = name.replace('/', "%2f");
        let base = name.rsplit('/').next().unwrap();
        let tarball = |version| format!("/{name}/-/{base}-{version}.tgz");
        let deprecation = json!({ "name": name, "versions": { "1.0.0": { "deprecated": "no more" } } });
        let star = json!({ "package": name });
        let publish = |version| PublishDocument::new(name, version).build();
        let read = |path: String, accept| (Method::GET, path, accept, Value::Null);
        let other = |method, path: String, body| (method, path, "*/*", body);
        [
            read(format!("/{one}"), "*/*"),
            read(format!("/{one}"), INSTALL),
            read(format!("/{one}?write=true"), "*/*"),
            read(format!("/{name}"), "*/*"),
            read(format!("/{one}/latest"), "*/*"),
            read(format!("/{one}/99.0.0"), "*/*"),
            read(format!("/{one}/beta"), "*/*"),
            read(tarball("1.0.0"), "*/*"),
            read(tarball("99.0.0"), "*/*"),
            read(format!("/-/package/{one}/dist-tags"), "*/*"),
            read(format!("/-/package/{one}/owners"), "*/*"),
            read(format!("/-/sbom/{one}/1.0.0"), "*/*"),
            read(format!("/{one}"), "text/html"),
            read(format!("/package/{name}/versions"), "text/html"),
            read(format!("/package/{name}/files/package.json"), "text/html"),
            read(format!("/package/{name}/diff/1.0.0...99.0.0"), "text/html"),
            read(format!("/downloads/point/last-week/{one}"), "*/*"),
            read(format!("/downloads/range/last-week/{name}"), "*/*"),
            read(format!("/versions/{one}/last-week"), "*/*"),
            other(Method::HEAD, format!("/{one}"), Value::Null),
            other(Method::HEAD, tarball("99.0.0"), Value::Null),
            other(Method::PUT, format!("/{one}"), publish("2.0.0")),
            other(Method::PUT, format!("/{one}"), publish("1.0.0")),
            other(Method::PUT, format!("/{one}"), deprecation),
            other(Method::PUT, format!("/-/package/{one}/dist-tags/beta"), json!("1.0.0")),
            other(Method::DELETE, format!("/-/package/{one}/dist-tags/beta"), Value::Null),
            other(Method::PUT, format!("/-/package/{one}/owners"), json!({ "user": "ana" })),
            other(Method::DELETE, format!("/-/package/{one}/owners/ben"), Value::Null),
            other(Method::PUT, format!("/{one}/-rev/1-a"), json!({ "maintainers": [{ "name": "ana" }] })),
            other(Method::PUT, "/-/user/v1/star".to_owned(), star.clone()),
            other(Method::DELETE, "/-/user/v1/star".to_owned(), star),
            read("/-/user/ana/stars".to_owned(), "*/*"),
            other(Method::DELETE, format!("/{one}/-rev/1-00000000000000000000000000000000"), Value::Null),
            other(Method::DELETE, format!("{}/-rev/1-a", tarball("1.0.0")), Value::Null),
        ]
        .map(|(method, path, accept, body)| Self { method, path, accept, body })
        .into()
    }

    pub(super) async fn ask(&self, client: &TestClient) -> TestResponse {
        let request = Request::builder().method(&self.method).uri(&self.path).header("accept", self.accept);
        let body = if self.body.is_null() { String::new() } else { self.body.to_string() };
        client.send(request.header("content-type", "application/json").body(Body::from(body)).unwrap()).await
    }
}

impl fmt::Display for Question {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} ({})", self.method, self.path, self.accept)
    }
}

pub(super) fn ana() -> Caller {
    Principal::user("ana").into()
}
