//! A small HTTP client that sends exactly what it is told.
//!
//! A path goes out byte for byte: `%2f` stays `%2f` and `..` stays `..`, which most clients would tidy up.
//!
//! ```
//! use registry_testkit::http_client::HttpClient;
//! use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let client = HttpClient::new(&format!("http://{}", listener.local_addr()?));
//! let server = tokio::spawn(async move {
//!     let (mut connection, _) = listener.accept().await?;
//!     let mut request = vec![0; 4096];
//!     let length = connection.read(&mut request).await?;
//!     connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await?;
//!     std::io::Result::Ok(String::from_utf8_lossy(&request[..length]).into_owned())
//! });
//! let response = client.get("/@acme%2fone/../x").bearer("npm_secret").send().await;
//! assert_eq!((response.status.as_u16(), response.json()), (200, serde_json::json!({})));
//! let request = server.await.unwrap()?;
//! assert!(request.starts_with("GET /@acme%2fone/../x HTTP/1.1\r\n"));
//! assert!(request.contains("authorization: Bearer npm_secret\r\n"));
//! # Ok(())
//! # }
//! ```

mod response;

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

pub use response::TestResponse;

/// The longest that an answer may take, so that a server that hangs fails the test.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// Sends requests to one base URL. Cloning is cheap, and each request opens a connection of its own.
#[derive(Debug, Clone)]
pub struct HttpClient {
    address: String,
    prefix: String,
}

impl HttpClient {
    /// A client of the server at `base_url`, such as `http://127.0.0.1:4873/prefix`.
    ///
    /// # Panics
    ///
    /// If the URL does not begin with `http://`.
    pub fn new(base_url: &str) -> Self {
        let Some(rest) = base_url.trim_end_matches('/').strip_prefix("http://") else {
            panic!("the base URL {base_url} must begin with http://");
        };
        let (address, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Self { address: address.to_owned(), prefix: prefix.to_owned() }
    }

    /// A `GET` of `path`, which begins with `/` and is sent as it is, after the base URL's own path.
    pub fn get(&self, path: &str) -> TestRequest {
        self.request(Method::GET, path)
    }

    /// A `PUT`.
    pub fn put(&self, path: &str) -> TestRequest {
        self.request(Method::PUT, path)
    }

    /// A `DELETE`.
    pub fn delete(&self, path: &str) -> TestRequest {
        self.request(Method::DELETE, path)
    }

    /// A request with any method.
    pub fn request(&self, method: Method, path: &str) -> TestRequest {
        let target = format!("{}{path}", self.prefix);
        TestRequest {
            address: self.address.clone(),
            method,
            target,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}

/// A request that is not sent yet.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct TestRequest {
    address: String,
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

impl TestRequest {
    /// With this token.
    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// With this header in place of another of the same name.
    ///
    /// # Panics
    ///
    /// If HTTP does not allow such a name or value.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let parsed = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value));
        let (Ok(header), Ok(value)) = parsed else { panic!("not a header: {name}: {value}") };
        self.headers.insert(header, value);
        self
    }

    /// With this JSON as its body.
    pub fn json(self, body: &Value) -> Self {
        self.header(CONTENT_TYPE.as_str(), "application/json").body(body.to_string())
    }

    /// With these bytes as its body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it and reads the whole answer.
    ///
    /// # Panics
    ///
    /// If no whole answer comes within a minute.
    pub async fn send(self) -> TestResponse {
        let what = format!("{} {}", self.method, self.target);
        self.try_send().await.unwrap_or_else(|error| panic!("{what} got no answer: {error}"))
    }

    /// Sends it and reads the whole answer. An error where the server goes away or takes longer than a minute: what
    /// was asked may then have been done, or not.
    pub async fn try_send(self) -> io::Result<TestResponse> {
        let exchanged = tokio::time::timeout(TIME_LIMIT, self.exchange()).await;
        exchanged.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn exchange(mut self) -> io::Result<TestResponse> {
        let connection = TcpStream::connect(&self.address).await?;
        connection.set_nodelay(true)?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(connection)).await;
        let (mut sender, driver) = handshake.map_err(io::Error::other)?;
        let host = HeaderValue::from_str(&self.address).map_err(io::Error::other)?;
        self.headers.entry(HOST).or_insert(host);
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.target.parse().map_err(io::Error::other)?;
        *request.headers_mut() = self.headers;
        let answer = async move {
            let response = sender.send_request(request).await?;
            let (head, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, hyper::Error>(TestResponse { status: head.status, headers: head.headers, body })
        };
        // The driver is not spawned: a caller that drops this request closes its connection in the same moment.
        let mut driver = std::pin::pin!(driver);
        let mut answer = std::pin::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            ended = &mut driver => match ended {
                Ok(()) => answer.await,
                Err(error) => Err(error),
            },
        }
        .map_err(io::Error::other)
    }
}
