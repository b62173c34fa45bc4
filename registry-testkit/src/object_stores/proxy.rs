use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, IF_MATCH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;

use crate::http_client::HttpClient;
use crate::loopback_server::{LoopbackPort, LoopbackServer};

/// Stands between a registry and its store: keeps a record of what passes, and takes answers away.
///
/// It passes `Host` on, so that signatures hold.
#[derive(Debug)]
pub struct StoreProxy {
    serving: LoopbackServer,
    state: Arc<Mutex<State>>,
}

/// A request that passed.
#[derive(Debug, Clone)]
pub struct PassedRequest {
    /// The method.
    pub method: Method,
    /// Path and query, as they were sent.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
}

/// What becomes of the answer to a write that the store has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostAnswer {
    /// The connection ends.
    HangUp,
    /// A server in between says that it failed (502).
    BadGateway,
}

#[derive(Debug, Default)]
struct State {
    requests: Vec<PassedRequest>,
    lose_next: Option<(LostAnswer, String)>,
    matches_unquoted: bool,
}

impl StoreProxy {
    /// A proxy of the server at `base_url`.
    ///
    /// # Panics
    ///
    /// If there is no free port on this machine.
    pub async fn of(base_url: &str) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (store, passing) = (HttpClient::new(base_url), Arc::clone(&state));
        let answer = move |request| pass(store.clone(), Arc::clone(&passing), request);
        Self { serving: LoopbackPort::open().await.serve_whole(answer), state }
    }

    /// Its URL, without a `/` at the end.
    pub fn base_url(&self) -> String {
        self.serving.base_url()
    }

    /// Everything that passed so far.
    pub fn requests(&self) -> Vec<PassedRequest> {
        lock(&self.state).requests.clone()
    }

    /// Loses the answer to the next `PUT` whose path holds `part`, once the store has done it.
    pub fn lose_next_answer(&self, part: &str, how: LostAnswer) {
        lock(&self.state).lose_next = Some((how, part.to_owned()));
    }

    /// Whether an answer is still to be lost.
    pub fn is_about_to_lose(&self) -> bool {
        lock(&self.state).lose_next.is_some()
    }

    /// From now on `If-Match` only holds where the `ETag` comes without quotation marks, as with older Ceph gateways.
    /// The store must not check signatures.
    pub fn match_only_unquoted(&self) {
        lock(&self.state).matches_unquoted = true;
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(
    store: HttpClient,
    state: Arc<Mutex<State>>,
    request: Request<Bytes>,
) -> io::Result<Response<Full<Bytes>>> {
    let (mut head, body) = request.into_parts();
    let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let lost = {
        let mut state = lock(&state);
        state.requests.push(PassedRequest {
            method: head.method.clone(),
            target: target.clone(),
            headers: head.headers.clone(),
        });
        if state.matches_unquoted
            && let Some(etag) = head.headers.get(IF_MATCH).and_then(|etag| etag.to_str().ok())
        {
            let turned = if etag.starts_with('"') { "\"none\"".to_owned() } else { format!("\"{etag}\"") };
            let turned = HeaderValue::from_str(&turned).map_err(io::Error::other)?;
            head.headers.insert(IF_MATCH, turned);
        }
        let is_meant = |(_, part): &mut (LostAnswer, String)| {
            head.method == Method::PUT && target.contains(part.as_str())
        };
        state.lose_next.take_if(is_meant)
    };
    let mut passed = store.request(head.method, &target).body(body);
    for (name, value) in &head.headers {
        // The client frames the body itself.
        if ![CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name) {
            passed = passed.header(name.as_str(), value.to_str().map_err(io::Error::other)?);
        }
    }
    let answer = passed.try_send().await?;
    match lost {
        Some((LostAnswer::HangUp, _)) => return Err(io::ErrorKind::ConnectionReset.into()),
        Some((LostAnswer::BadGateway, _)) => {
            let mut answer = Response::new(Full::default());
            *answer.status_mut() = StatusCode::BAD_GATEWAY;
            return Ok(answer);
        }
        None => {}
    }
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response.headers_mut().remove(TRANSFER_ENCODING);
    response.headers_mut().remove(CONNECTION);
    Ok(response)
}
