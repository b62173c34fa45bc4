//! GitHub on this machine: users, organizations, teams, tokens and an OAuth app, and the few addresses that a registry
//! asks about them, with the answers that GitHub documents.
//!
//! It is strict. A request for an address it does not know, with a method, a header or a body that GitHub would not
//! take, is answered with status 500 and makes the test panic when the fake is dropped.
//!
//! ```
//! use registry_testkit::fake_github::FakeGithub;
//! use registry_testkit::http_client::HttpClient;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let github = FakeGithub::start().await;
//! github.add_user("ana");
//! github.join("ana", "acme");
//! let token = github.personal_token("ana");
//! let request = HttpClient::new(github.url().as_str()).get("/api/v3/user").bearer(&token);
//! let request = request.header("user-agent", "test").header("accept", "application/vnd.github+json");
//! assert_eq!(request.send().await.assert_status(200).json()["login"], "ana");
//! assert_eq!(github.take_asked(), ["GET /user"]);
//! # });
//! ```

mod answers;
mod api;
mod browser;
mod shapes;
mod sign_in;
mod world;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use url::Url;

use crate::fake_upstream::{FakeAnswer, FakeBody, Script};
use crate::loopback_server::{LoopbackPort, LoopbackServer};
use world::World;

pub use answers::{bad_credentials, secondary_limit, used_up_limit};

/// The client id of the one OAuth app that a fake GitHub has.
pub const CLIENT_ID: &str = "Ov23liFakeClientId00";

/// Its client secret.
pub const CLIENT_SECRET: &str = "5ecre7fake5ecre7fake5ecre7fake5ecre7fake";

/// Where the API of a GitHub Enterprise Server is.
const API: &str = "/api/v3";

/// A GitHub on `127.0.0.1`. It ends when it is dropped.
#[derive(Debug)]
pub struct FakeGithub {
    url: Url,
    state: Arc<Mutex<State>>,
    server: LoopbackServer,
}

#[derive(Debug)]
struct State {
    world: World,
    script: Script,
    asked: Vec<String>,
    complaints: Vec<String>,
}

/// A request, read to its end.
struct Question {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl FakeGithub {
    /// Listens on a free port of this machine. No user has an account yet.
    ///
    /// # Panics
    ///
    /// If there is no port.
    #[expect(clippy::expect_used, reason = "an address is a URL")]
    pub async fn start() -> Self {
        let port = LoopbackPort::open().await;
        let url = Url::parse(&format!("http://{}", port.address())).expect("a URL");
        let state = Arc::new(Mutex::new(State {
            world: World::default(),
            script: Script::default(),
            asked: Vec::new(),
            complaints: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        let server = port.serve(move |request| answer(request, Arc::clone(&shared)));
        Self { url, state, server }
    }

    /// Where people sign in. The API is at `/api/v3` below it, as on a GitHub Enterprise Server.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Answers the next request like this; called again, the one after it. `what` is as [`Self::take_asked`] has it.
    pub fn answer_next(&self, what: &str, answer: FakeAnswer) {
        self.state().script.answer_next(what, answer);
    }

    /// Answers every such request like this.
    pub fn answer(&self, what: &str, answer: FakeAnswer) {
        self.state().script.answer(what, answer);
    }

    /// Answers every request like this for which nothing else is said.
    pub fn answer_everything(&self, answer: FakeAnswer) {
        self.state().script.answer_everything(answer);
    }

    /// Forgets how to answer otherwise than GitHub does on a good day.
    pub fn answer_as_usual(&self) {
        self.state().script = Script::default();
    }

    /// Breaks every connection and takes no more.
    pub fn go_away(&self) {
        self.server.go_away();
    }

    /// What was asked since the last call, oldest first, such as `GET /user`: a method, and a path without the
    /// API's prefix and without the query.
    pub fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state().asked)
    }

    /// What the registry alone may know, of its logins since the last call, and what each is: the PKCE verifiers that it
    /// showed, the device codes that it polls with, and the tokens that its app got.
    pub fn take_secrets(&self) -> Vec<(&'static str, String)> {
        self.world(|world| std::mem::take(&mut world.secrets))
    }

    /// What was wrong with requests since the last call. What is taken makes no test panic.
    pub fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.state().complaints)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn world<Answer>(&self, change: impl FnOnce(&mut World) -> Answer) -> Answer {
        change(&mut self.state().world)
    }
}

impl Drop for FakeGithub {
    fn drop(&mut self) {
        self.go_away();
        let complaints = self.take_complaints();
        if !std::thread::panicking() {
            assert!(complaints.is_empty(), "GitHub would not have taken this: {complaints:#?}");
        }
    }
}

impl State {
    /// Records the question, and says how it is answered.
    fn answer(&mut self, question: &Question) -> (FakeAnswer, Response<Bytes>) {
        let path = question.path.strip_prefix(API).unwrap_or(&question.path);
        let what = format!("{} {path}", question.method);
        self.asked.push(what.clone());
        let usual = match self.world.answer(question) {
            Ok(usual) => usual,
            Err(complaint) => {
                self.complaints.push(format!("{what}: {complaint}"));
                shapes::answer(500, &serde_json::json!({ "message": complaint }))
            }
        };
        (self.script.take(&what), usual)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(request: Request<Incoming>, state: Arc<Mutex<State>>) -> io::Result<Response<FakeBody>> {
    let (head, body) = request.into_parts();
    let question = Question {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: body.collect().await.map_err(io::Error::other)?.to_bytes(),
    };
    let (script, usual) = lock(&state).answer(&question);
    script.give(usual).await
}
