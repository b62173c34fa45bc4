//! An issuer of OpenID Connect on this machine: its discovery document, its keys and their rotation, people who sign
//! in, builds that ask for their identity, and tokens with any claims, good and bad.
//!
//! ```
//! use registry_testkit::fake_issuer::FakeIssuer;
//! use registry_testkit::http_client::HttpClient;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let issuer = FakeIssuer::start().await;
//! let client = HttpClient::new(issuer.url());
//! let about = client.get("/.well-known/openid-configuration").send().await.assert_status(200).json();
//! assert_eq!(about["issuer"], issuer.url());
//! assert_eq!(client.get("/keys").send().await.json()["keys"].as_array().unwrap().len(), 3);
//! assert_eq!(issuer.sign(&serde_json::json!({ "sub": "ana" })).split('.').count(), 3);
//! assert_eq!(issuer.take_asked(), ["GET /.well-known/openid-configuration", "GET /keys"]);
//! # });
//! ```

mod builds;
mod keys;
mod sign_in;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::fake_upstream::{FakeAnswer, FakeBody, Script};
use crate::loopback_server::{LoopbackPort, LoopbackServer};
use keys::{Keys, message};
use sign_in::Grant;

pub use builds::{REQUEST_TOKEN, github_claims, gitlab_claims};
pub use keys::Signing;
pub use sign_in::{CLIENT_ID, CLIENT_SECRET};

/// An issuer on `127.0.0.1`. It ends when it is dropped.
pub struct FakeIssuer {
    url: String,
    state: Arc<Mutex<State>>,
    server: LoopbackServer,
}

struct State {
    url: String,
    /// The newest last. All of them are published.
    keys: Vec<Keys>,
    generations: u32,
    script: Script,
    asked: Vec<String>,
    /// What a build that asks for its identity gets, but for the audience and the times.
    build: Option<Value>,
    grants: HashMap<String, Grant>,
    secrets: Vec<(&'static str, String)>,
}

/// A request, read to its end.
struct Question {
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl FakeIssuer {
    /// Listens on a free port of this machine.
    ///
    /// # Panics
    ///
    /// If there is no port.
    pub async fn start() -> Self {
        let port = LoopbackPort::open().await;
        let url = format!("http://{}", port.address());
        let state = Arc::new(Mutex::new(State {
            url: url.clone(),
            keys: vec![Keys::new(1)],
            generations: 1,
            script: Script::default(),
            asked: Vec::new(),
            build: None,
            grants: HashMap::new(),
            secrets: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        let server = port.serve(move |request| answer(request, Arc::clone(&shared)));
        Self { url, state, server }
    }

    /// What its tokens say in `iss`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A good signature, by the newest key, over these claims, whatever they are.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_by(Signing::Es256, claims)
    }

    /// The same in one of the ways that it knows.
    pub fn sign_by(&self, signing: Signing, claims: &Value) -> String {
        let state = self.state();
        let header = json!({ "typ": "JWT", "alg": signing.name(), "kid": state.newest().id(signing) });
        state.newest().sign(signing, &header, claims)
    }

    /// The same under this header, which need not tell the truth.
    pub fn sign_under(&self, header: &Value, claims: &Value) -> String {
        self.state().newest().sign(Signing::Es256, header, claims)
    }

    /// A token that says it needs no signature, and has none.
    pub fn unsigned(&self, claims: &Value) -> String {
        format!("{}.", message(&json!({ "alg": "none", "typ": "JWT" }), claims))
    }

    /// A token that is signed by HMAC with the public key of the issuer, as any client could.
    pub fn signed_with_public_key(&self, claims: &Value) -> String {
        self.state().newest().confuse(claims)
    }

    /// Signs with new keys from now on, and publishes them beside the old ones, or in their place.
    pub fn rotate(&self, keep_old: bool) {
        let mut state = self.state();
        if !keep_old {
            state.keys.clear();
        }
        state.generations += 1;
        let generation = state.generations;
        state.keys.push(Keys::new(generation));
    }

    /// Answers every such request like this. `what` is as [`Self::take_asked`] has it.
    pub fn answer(&self, what: &str, answer: FakeAnswer) {
        self.state().script.answer(what, answer);
    }

    /// Forgets how to answer otherwise than a good issuer does.
    pub fn answer_as_usual(&self) {
        self.state().script = Script::default();
    }

    /// Breaks every connection and takes no more.
    pub fn go_away(&self) {
        self.server.go_away();
    }

    /// What was asked since the last call, oldest first: a method, and a path without the query.
    pub fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state().asked)
    }

    /// What the registry alone may know, of the logins that ended since the last call, and what each is: the PKCE
    /// verifiers that it showed, and the id tokens that it got.
    pub fn take_secrets(&self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.state().secrets)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl fmt::Debug for FakeIssuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FakeIssuer").field("url", &self.url).finish_non_exhaustive()
    }
}

impl State {
    #[expect(clippy::expect_used, reason = "there is always one")]
    fn newest(&self) -> &Keys {
        self.keys.last().expect("a key")
    }

    fn answer(&mut self, what: &str, question: &Question) -> Response<Bytes> {
        let (status, body) = match what {
            "GET /.well-known/openid-configuration" => {
                let url = &self.url;
                (
                    200,
                    json!({
                        "issuer": url,
                        "jwks_uri": format!("{url}/keys"),
                        "authorization_endpoint": format!("{url}/authorize"),
                        "token_endpoint": format!("{url}/token"),
                        "response_types_supported": ["code"],
                        "id_token_signing_alg_values_supported": ["ES256", "RS256"],
                        "code_challenge_methods_supported": ["S256"],
                    }),
                )
            }
            "GET /keys" => {
                (200, json!({ "keys": self.keys.iter().flat_map(Keys::published).collect::<Vec<_>>() }))
            }
            "GET /build" => self.identity_of_build(question),
            "POST /token" => self.redeem(question),
            _ => (404, json!({ "error": "not_found" })),
        };
        let mut response = Response::new(body.to_string().into());
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
        response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
        response
    }
}

impl Question {
    fn authorization(&self) -> Option<&str> {
        self.headers.get(AUTHORIZATION)?.to_str().ok()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(request: Request<Incoming>, state: Arc<Mutex<State>>) -> io::Result<Response<FakeBody>> {
    let (head, body) = request.into_parts();
    let what = format!("{} {}", head.method, head.uri.path());
    let question = Question {
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: body.collect().await.map_err(io::Error::other)?.to_bytes(),
    };
    let (script, usual) = {
        let mut state = lock(&state);
        state.asked.push(what.clone());
        (state.script.take(&what), state.answer(&what, &question))
    };
    script.give(usual).await
}
