//! As much of S3 as a registry needs, on this machine, with a record of what it was asked: objects, conditions, ranges,
//! listings and deletes. No signature is checked, and nothing goes up in parts. What real servers do is for tests with real
//! servers; this one shows what leaves the registry.
//!
//! ```
//! use registry_testkit::fake_s3::FakeS3;
//! use registry_testkit::http_client::HttpClient;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let s3 = FakeS3::start().await;
//! s3.put("pear/index.json", "{}");
//! let client = HttpClient::new(s3.endpoint());
//! let answer = client.get("/packages/pear/index.json").send().await.assert_status(200);
//! let etag = answer.header("etag").unwrap();
//! client.get("/packages/pear/index.json").header("if-none-match", etag).send().await.assert_status(304);
//! let told: Vec<_> = s3.take_requests().iter().map(ToString::to_string).collect();
//! assert_eq!(told, ["GET pear/index.json: 200", "GET pear/index.json if-none-match: 304"]);
//! # });
//! ```

mod answer;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::loopback_server::{LoopbackPort, LoopbackServer};

/// The only bucket.
pub const BUCKET: &str = "packages";

/// S3 on `127.0.0.1`. It ends when it is dropped.
#[derive(Debug)]
pub struct FakeS3 {
    endpoint: String,
    state: Arc<Mutex<State>>,
    _server: LoopbackServer,
}

/// What it was asked, and how it answered.
#[derive(Debug, Clone)]
pub struct S3Request {
    /// The method.
    pub method: Method,
    /// The key; empty where the bucket was asked.
    pub key: String,
    /// What followed the `?`.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The status of the answer.
    pub status: StatusCode,
}

/// In one line: method, key or query, conditions and status.
impl fmt::Display for S3Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.key.is_empty() { &self.query } else { &self.key };
        write!(formatter, "{} {what}", self.method)?;
        for condition in ["if-none-match", "if-match", "range"] {
            if self.headers.contains_key(condition) {
                write!(formatter, " {condition}")?;
            }
        }
        write!(formatter, ": {}", self.status.as_u16())
    }
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Bytes>,
    requests: Vec<S3Request>,
    wants_encryption: bool,
    instead: Option<(StatusCode, String)>,
}

impl FakeS3 {
    /// Listens on a free port of this machine, with an empty bucket named [`BUCKET`].
    ///
    /// # Panics
    ///
    /// If there is none.
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let port = LoopbackPort::open().await;
        let endpoint = format!("http://{}", port.address());
        let server = port.serve(move |request| answer::answer(request, Arc::clone(&shared)));
        Self { endpoint, state, _server: server }
    }

    /// Its URL, without a `/` at the end.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The URL of the bucket, as a registry is told it.
    pub fn url(&self) -> String {
        format!("s3://{BUCKET}")
    }

    /// The variables that lead a process here.
    pub fn variables(&self) -> [(&str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]
    }

    /// The same as options of a storage.
    pub fn options(&self) -> BTreeMap<String, String> {
        let named = |(name, value): (&str, &str)| (name.to_ascii_lowercase(), value.to_owned());
        self.variables().into_iter().map(named).collect()
    }

    /// Refuses to store what does not ask to be encrypted with `AES256`, as codebox-npm's policy of the bucket does.
    pub fn want_encryption(&self) {
        self.state().wants_encryption = true;
    }

    /// Answers everything like this from now on, as a bucket that is gone does, or a proxy on the way; `None` ends that.
    pub fn answer_instead(&self, answer: Option<(StatusCode, &str)>) {
        self.state().instead = answer.map(|(status, body)| (status, body.to_owned()));
    }

    /// Puts an object there, without a record of it.
    pub fn put(&self, key: &str, content: impl Into<Bytes>) {
        self.state().objects.insert(key.to_owned(), content.into());
    }

    /// Takes everything out of the bucket.
    pub fn clear(&self) {
        self.state().objects.clear();
    }

    /// What is in the bucket: key → content.
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        self.state().objects.clone()
    }

    /// What it was asked since this was called last, in the order of its answers.
    pub fn take_requests(&self) -> Vec<S3Request> {
        std::mem::take(&mut self.state().requests)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
