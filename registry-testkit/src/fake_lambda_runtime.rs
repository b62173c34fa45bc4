//! AWS Lambda's Runtime API on this machine, and functions in processes of their own that ask it for work.
//!
//! ```
//! use registry_testkit::fake_lambda_runtime::{FakeLambdaRuntime, Outcome};
//! use registry_testkit::http_client::HttpClient;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let lambda = FakeLambdaRuntime::start().await;
//! let function = async {
//!     let client = HttpClient::new(&format!("http://{}/2018-06-01/runtime/invocation", lambda.address()));
//!     let event = client.get("/next").send().await;
//!     let id = event.headers["lambda-runtime-aws-request-id"].to_str().unwrap();
//!     client.request(http::Method::POST, &format!("/{id}/response")).body(event.body.clone()).send().await.assert_status(202);
//! };
//! let (outcome, ()) = tokio::join!(lambda.invoke("{\"ping\":1}"), function);
//! assert!(matches!(outcome, Outcome::Answered(answer) if answer == "{\"ping\":1}"));
//! # });
//! ```

#[cfg(unix)]
mod function;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::loopback_server::{LoopbackPort, LoopbackServer};

#[cfg(unix)]
pub use function::LambdaFunction;

/// Where all routes of the Runtime API begin.
const BASE: &str = "/2018-06-01/runtime";

/// The Runtime API on `127.0.0.1`. It ends when it is dropped.
#[derive(Debug)]
pub struct FakeLambdaRuntime {
    address: String,
    work: mpsc::UnboundedSender<Invocation>,
    _server: LoopbackServer,
}

/// What came of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A whole answer, as the function gave it.
    Answered(Bytes),
    /// An answer that was streamed.
    Streamed {
        /// Status and headers, which come first.
        prelude: Value,
        /// The bytes after them.
        body: Bytes,
    },
    /// The function says that it failed.
    Failed(Value),
    /// The function ended, or never began: no answer will come.
    Gone,
}

impl Outcome {
    /// The JSON of a whole answer.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn json(&self) -> Value {
        match self {
            Self::Answered(answer) => serde_json::from_slice(answer)
                .unwrap_or_else(|error| panic!("the answer is no JSON: {error}: {answer:?}")),
            other => panic!("no whole answer: {other:?}"),
        }
    }
}

#[derive(Debug)]
struct Invocation {
    event: Bytes,
    outcome: oneshot::Sender<Outcome>,
}

/// What the connections share.
struct State {
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    under_way: Mutex<HashMap<String, oneshot::Sender<Outcome>>>,
    number: AtomicU64,
}

impl FakeLambdaRuntime {
    /// Listens on a free port of this machine.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub async fn start() -> Self {
        let port = LoopbackPort::open().await;
        let address = port.address().to_string();
        let (work, waiting) = mpsc::unbounded_channel();
        let waiting = tokio::sync::Mutex::new(waiting);
        let state = State { waiting, under_way: Mutex::default(), number: AtomicU64::new(0) };
        let state = Arc::new(state);
        let server = port.serve(move |request| answer(request, Arc::clone(&state)));
        Self { address, work, _server: server }
    }

    /// What functions find in `AWS_LAMBDA_RUNTIME_API`: host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Gives an event to whichever function asks for one, and waits for what comes of it.
    pub async fn invoke(&self, event: impl Into<Bytes>) -> Outcome {
        let (outcome, came) = oneshot::channel();
        // If no caller takes it, the other end is dropped, and no answer comes.
        let _ = self.work.send(Invocation { event: event.into(), outcome });
        came.await.unwrap_or(Outcome::Gone)
    }
}

impl State {
    fn under_way(&self) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<Outcome>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(request: Request<Incoming>, state: Arc<State>) -> io::Result<Response<Full<Bytes>>> {
    let path = request.uri().path().strip_prefix(BASE).unwrap_or_default().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::GET, "/invocation/next") => next(&state).await,
        (&Method::POST, "/init/error") => Ok(plain(StatusCode::ACCEPTED)),
        (&Method::POST, path) => {
            let id = path.strip_prefix("/invocation/").and_then(|rest| rest.split_once('/'));
            let Some((id, what)) = id else { return Ok(plain(StatusCode::NOT_FOUND)) };
            let outcome = match what {
                "response" => response(request).await,
                "error" => failed(request).await,
                _ => return Ok(plain(StatusCode::NOT_FOUND)),
            };
            let Some(waiting) = state.under_way().remove(id) else {
                return Ok(plain(StatusCode::BAD_REQUEST));
            };
            // The invoker may have stopped waiting.
            let _ = waiting.send(outcome?);
            Ok(plain(StatusCode::ACCEPTED))
        }
        _ => Ok(plain(StatusCode::NOT_FOUND)),
    }
}

/// Holds the function until there is work.
async fn next(state: &State) -> io::Result<Response<Full<Bytes>>> {
    let Some(invocation) = state.waiting.lock().await.recv().await else {
        return Err(io::Error::other("there is no more work"));
    };
    let id = format!("00000000-0000-4000-8000-{:012}", state.number.fetch_add(1, Ordering::Relaxed));
    state.under_way().insert(id.clone(), invocation.outcome);
    let response = Response::builder()
        .header("lambda-runtime-aws-request-id", id)
        .header("lambda-runtime-deadline-ms", "4102444800000")
        .header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-west-1:123456789012:function:registry",
        )
        .header("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
        .header("content-type", "application/json")
        .body(Full::from(invocation.event));
    response.map_err(io::Error::other)
}

async fn response(request: Request<Incoming>) -> io::Result<Outcome> {
    let mode = request.headers().get("lambda-runtime-function-response-mode").cloned();
    let bytes = whole(request).await?;
    if mode.is_none_or(|mode| mode != "streaming") {
        return Ok(Outcome::Answered(bytes));
    }
    // Eight zeros end the prelude.
    let end = bytes.windows(8).position(|window| window == [0; 8]);
    let end = end.ok_or_else(|| io::Error::other("the streamed answer has no prelude"))?;
    let prelude = serde_json::from_slice(&bytes[..end])?;
    Ok(Outcome::Streamed { prelude, body: bytes.slice(end + 8..) })
}

async fn failed(request: Request<Incoming>) -> io::Result<Outcome> {
    Ok(Outcome::Failed(serde_json::from_slice(&whole(request).await?)?))
}

async fn whole(request: Request<Incoming>) -> io::Result<Bytes> {
    Ok(request.into_body().collect().await.map_err(io::Error::other)?.to_bytes())
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
