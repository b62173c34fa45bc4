//! A service on this machine that webhooks are posted to.
//!
//! ```
//! use registry_testkit::fake_receiver::FakeReceiver;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let receiver = FakeReceiver::start().await;
//! assert!(receiver.url().starts_with("http://127.0.0.1:"));
//! assert!(receiver.received().is_empty());
//! # });
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;
use tokio::sync::watch;

use crate::loopback_server::{LoopbackPort, LoopbackServer};

/// A service on `127.0.0.1` that keeps what it gets. It ends when it is dropped.
#[derive(Debug)]
pub struct FakeReceiver {
    server: LoopbackServer,
    state: Arc<Mutex<State>>,
    arrived: watch::Receiver<usize>,
}

/// A request that was received.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

#[derive(Debug, Default)]
struct State {
    received: Vec<Received>,
    answers: VecDeque<(StatusCode, Bytes)>,
    /// What bodies with these texts are answered.
    refused: Vec<(String, StatusCode)>,
    is_silent: bool,
}

impl Received {
    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON: {error}"))
    }

    /// The header of this name, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl FakeReceiver {
    /// Listens on a free port of this machine, and answers 204.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub async fn start() -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let (arrival, arrived) = watch::channel(0);
        let kept = Arc::clone(&state);
        let server = LoopbackPort::open().await.serve_whole(move |request: Request<Bytes>| {
            let (state, arrival) = (Arc::clone(&kept), arrival.clone());
            async move {
                let (head, content) = request.into_parts();
                let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
                let ((status, body), is_silent) = {
                    let mut state = lock(&state);
                    let text = String::from_utf8_lossy(&content).into_owned();
                    let refused = state.refused.iter().find(|(refused, _)| text.contains(refused));
                    let refused = refused.map(|(_, status)| (*status, Bytes::new()));
                    let received =
                        Received { method: head.method, path, headers: head.headers, body: content };
                    state.received.push(received);
                    arrival.send_replace(state.received.len());
                    let answer = refused.or_else(|| state.answers.pop_front());
                    (answer.unwrap_or((StatusCode::NO_CONTENT, Bytes::new())), state.is_silent)
                };
                if is_silent {
                    std::future::pending::<()>().await;
                }
                let mut response = Response::new(Full::new(body));
                *response.status_mut() = status;
                Ok(response)
            }
        });
        Self { server, state, arrived }
    }

    /// Its URL, without a `/` at the end.
    pub fn url(&self) -> String {
        self.server.base_url()
    }

    /// Answers the next requests with these statuses.
    ///
    /// # Panics
    ///
    /// If one is no status.
    pub fn answer_next(&self, statuses: &[u16]) {
        for status in statuses {
            self.answer_next_with(*status, "");
        }
    }

    /// Answers the request after those with this status and this body.
    ///
    /// # Panics
    ///
    /// If it is no status.
    pub fn answer_next_with(&self, status: u16, body: &str) {
        let status =
            StatusCode::from_u16(status).unwrap_or_else(|error| panic!("no status: {status}: {error}"));
        lock(&self.state).answers.push_back((status, body.to_owned().into()));
    }

    /// Answers each request with this text in its body with this status.
    ///
    /// # Panics
    ///
    /// If it is no status.
    pub fn refuse(&self, text: &str, status: u16) {
        let status =
            StatusCode::from_u16(status).unwrap_or_else(|error| panic!("no status: {status}: {error}"));
        lock(&self.state).refused.push((text.to_owned(), status));
    }

    /// Refuses nothing any more.
    pub fn relent(&self) {
        lock(&self.state).refused.clear();
    }

    /// Never answers again.
    pub fn fall_silent(&self) {
        lock(&self.state).is_silent = true;
    }

    /// What it got so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state).received.clone()
    }

    /// Waits until it got so many requests.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut arrived = self.arrived.clone();
        let _ended = arrived.wait_for(|arrived| *arrived >= count).await;
        self.received()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
