//! Another registry on this machine that breaks when it is told to.
//!
//! ```
//! use registry_core::upstream::{HttpUpstream, HttpUpstreamSettings, Upstream as _};
//! use registry_testkit::conformance::ServedPackages;
//! use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! registry_testkit::install_tls_provider();
//! let fake = FakeUpstream::start(ServedPackages::sample()).await;
//! let upstream = HttpUpstream::new(HttpUpstreamSettings::new(fake.base_url().parse().unwrap())).unwrap();
//!
//! fake.answer("/-/npm/v1/keys", FakeAnswer::status(500));
//! assert!(upstream.keys().await.is_err());
//! fake.answer_as_usual();
//! assert_eq!(upstream.keys().await.unwrap().unwrap(), r#"{"keys":[]}"#);
//! assert_eq!(fake.requests_of("/-/npm/v1/keys"), 4, "three attempts and one");
//! # });
//! ```

mod answer;
mod script;
mod usual;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::conformance::ServedPackages;
use crate::loopback_server::{LoopbackPort, LoopbackServer};

pub use answer::FakeAnswer;
pub(crate) use answer::FakeBody;
pub(crate) use script::Script;

/// A registry on `127.0.0.1` that serves [`ServedPackages`] and keeps a record of what it was asked. It ends when it
/// is dropped.
#[derive(Debug)]
pub struct FakeUpstream {
    base_url: String,
    state: Arc<Mutex<State>>,
    server: LoopbackServer,
}

/// What a fake upstream was asked.
#[derive(Debug, Clone)]
pub struct FakeRequest {
    /// The method.
    pub method: Method,
    /// The path as it was sent, with whatever escapes, and without the query.
    pub path: String,
    /// What followed the `?`.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

#[derive(Debug)]
struct State {
    served: ServedPackages,
    script: Script,
    requests: Vec<FakeRequest>,
}

impl FakeUpstream {
    /// Listens on a free port of this machine.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub async fn start(served: ServedPackages) -> Self {
        let port = LoopbackPort::open().await;
        let base_url = format!("http://{}", port.address());
        let state = Arc::new(Mutex::new(State { served, script: Script::default(), requests: Vec::new() }));
        Self { server: serve(port, &base_url, &state), base_url, state }
    }

    /// Its URL, without a `/` at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Serves these packages from now on.
    pub fn serve(&self, served: ServedPackages) {
        self.state().served = served;
    }

    /// Answers every request of this path, as it is sent and without a query, like this.
    pub fn answer(&self, path: &str, answer: FakeAnswer) {
        self.state().script.answer(path, answer);
    }

    /// Answers the next request of this path like this; called again, the one after it.
    pub fn answer_next(&self, path: &str, answer: FakeAnswer) {
        self.state().script.answer_next(path, answer);
    }

    /// Answers every request like this for which nothing else is said.
    pub fn answer_everything(&self, answer: FakeAnswer) {
        self.state().script.answer_everything(answer);
    }

    /// Forgets how to answer otherwise than a good registry.
    pub fn answer_as_usual(&self) {
        self.state().script = Script::default();
    }

    /// Breaks every connection and takes no more.
    pub fn go_away(&self) {
        self.server.go_away();
    }

    /// Listens again at the same address, after [`FakeUpstream::go_away`].
    ///
    /// # Panics
    ///
    /// If another process took the port meanwhile.
    pub async fn come_back(&mut self) {
        let port = self.server.reopen().await;
        self.server = serve(port, &self.base_url, &self.state);
    }

    /// Every request so far, in the order in which they came.
    pub fn requests(&self) -> Vec<FakeRequest> {
        self.state().requests.clone()
    }

    /// How many requests of this path came, as it was sent and without a query.
    pub fn requests_of(&self, path: &str) -> usize {
        self.state().requests.iter().filter(|request| request.path == path).count()
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    /// Records the request, and says how it is answered.
    fn script(&mut self, request: &FakeRequest) -> FakeAnswer {
        self.requests.push(request.clone());
        self.script.take(&request.path)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(port: LoopbackPort, base_url: &str, state: &Arc<Mutex<State>>) -> LoopbackServer {
    let (base_url, state): (Arc<str>, _) = (base_url.into(), Arc::clone(state));
    port.serve(move |request| answer(request, Arc::clone(&base_url), Arc::clone(&state)))
}

async fn answer(
    request: Request<Incoming>,
    base_url: Arc<str>,
    state: Arc<Mutex<State>>,
) -> io::Result<Response<FakeBody>> {
    let (head, body) = request.into_parts();
    let request = FakeRequest {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body: body.collect().await.map_err(io::Error::other)?.to_bytes(),
    };
    let (script, usual) = {
        let mut state = lock(&state);
        (state.script(&request), usual::answer(&request, &state.served, &base_url))
    };
    script.give(usual).await
}
