use std::error::Error as _;
use std::fmt::Write as _;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::LINK;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Limited};
use octocrab::Octocrab;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::GithubSettings;
use super::connection::Connections;
use super::trouble::Trouble;
use crate::clock::Clock;

/// The longest answer in bytes.
const LONGEST_ANSWER: usize = 4 << 20;

/// The most pages of organizations or teams that are read.
const MOST_PAGES: u32 = 100;

/// The requests to GitHub. Failures of GitHub are [`Trouble`].
pub(super) struct Api {
    connections: Connections,
    client_id: Option<String>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    /// Until when the app's rate limit, which all users share, is used up.
    app_limited: Mutex<Option<DateTime<Utc>>>,
}

/// An answer, with any status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// The used part of a user.
#[derive(Deserialize)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) login: String,
    pub(super) email: Option<String>,
}

#[derive(Deserialize)]
struct Authorization {
    user: User,
}

#[derive(Deserialize)]
pub(super) struct Organization {
    pub(super) login: String,
}

#[derive(Deserialize)]
pub(super) struct Membership {
    pub(super) state: String,
    pub(super) organization: Organization,
}

#[derive(Deserialize)]
pub(super) struct Team {
    pub(super) slug: String,
    pub(super) organization: Organization,
}

/// A list that the token may or may not see.
pub(super) enum Listed<Item> {
    All(Vec<Item>),
    /// The token lacks the right to see it.
    Hidden,
    /// The token is invalid.
    BadToken,
}

impl Api {
    pub(super) fn new(settings: &GithubSettings, connections: Connections, clock: Arc<dyn Clock>) -> Self {
        Self {
            connections,
            client_id: settings.app.as_ref().map(|app| app.client_id.clone()),
            timeout: settings.request_timeout,
            clock,
            app_limited: Mutex::new(None),
        }
    }

    /// Returns the user for whom this app got the token; `None` for a token of another app, a revoked one, or without
    /// an app.
    pub(super) async fn user_of_app_token(&self, token: &SecretString) -> Result<Option<User>, Trouble> {
        let Some((app, path)) = self.app("token") else { return Ok(None) };
        let body = json!({ "access_token": token.expose_secret() });
        let answer = self.ask_as_app(app._post(path, Some(&body))).await?;
        match answer.status {
            StatusCode::OK => answer.read::<Authorization>().map(|checked| Some(checked.user)),
            StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => Ok(None),
            status => Err(refused_app(status)),
        }
    }

    /// Returns the user of a personal token; `None` for an unknown or revoked one.
    pub(super) async fn user_of_personal_token(&self, token: &SecretString) -> Result<Option<User>, Trouble> {
        let api = self.signed_in(token)?;
        let answer = self.ask(api._get("/user")).await?;
        match answer.status {
            StatusCode::OK => answer.read().map(Some),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Ok(None),
            status => Err(unexpected(status)),
        }
    }

    /// Returns the organizations of which the token's user is an active member. `/user/orgs` would list none for a
    /// fine-grained token, and includes invitations.
    pub(super) async fn memberships(&self, token: &SecretString) -> Result<Listed<Membership>, Trouble> {
        self.list(token, "/user/memberships/orgs?state=active&per_page=100").await
    }

    /// Returns the teams of the token's user.
    pub(super) async fn teams(&self, token: &SecretString) -> Result<Listed<Team>, Trouble> {
        self.list(token, "/user/teams?per_page=100").await
    }

    /// Revokes a token of this app. Does nothing for a token that is revoked or of another app.
    pub(super) async fn delete_app_token(&self, token: &SecretString) -> Result<(), Trouble> {
        let Some((app, path)) = self.app("token") else { return Ok(()) };
        let body = json!({ "access_token": token.expose_secret() });
        let answer = self.ask_as_app(app._delete(path, Some(&body))).await?;
        match answer.status {
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => Ok(()),
            status => Err(refused_app(status)),
        }
    }

    /// Sends a request to one of the sign-in endpoints.
    pub(super) async fn ask_web(&self, path: &str, body: &serde_json::Value) -> Result<Answer, Trouble> {
        self.ask(self.connections.web._post(path, Some(body))).await
    }

    fn app(&self, what: &str) -> Option<(&Octocrab, String)> {
        let (app, client_id) = self.connections.app.as_ref().zip(self.client_id.as_ref())?;
        Some((app, format!("/applications/{client_id}/{what}")))
    }

    fn signed_in(&self, token: &SecretString) -> Result<Octocrab, Trouble> {
        self.connections.api.user_access_token(token.clone()).map_err(|error| broken(&error))
    }

    async fn list<Item: DeserializeOwned>(
        &self,
        token: &SecretString,
        path: &str,
    ) -> Result<Listed<Item>, Trouble> {
        let api = self.signed_in(token)?;
        let mut items = Vec::new();
        for page in 1..=MOST_PAGES {
            // The page is counted, not taken from the `Link` header, so that an answer cannot redirect the token to
            // another URL.
            let answer = self.ask(api._get(format!("{path}&page={page}"))).await?;
            match answer.status {
                StatusCode::OK => items.extend(answer.read::<Vec<Item>>()?),
                StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => return Ok(Listed::Hidden),
                StatusCode::UNAUTHORIZED => return Ok(Listed::BadToken),
                status => return Err(unexpected(status)),
            }
            if !answer.has_next_page() {
                return Ok(Listed::All(items));
            }
        }
        Err(Trouble::down(format!("a list has more than {MOST_PAGES} pages")))
    }

    async fn ask_as_app(
        &self,
        question: impl Future<Output = octocrab::Result<Response<BoxBody<Bytes, octocrab::Error>>>>,
    ) -> Result<Answer, Trouble> {
        let limited = || self.app_limited.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = limited().filter(|until| self.clock.now() < *until) {
            return Err(Trouble::Limited(until));
        }
        let answer = self.ask(question).await;
        if let Err(Trouble::Limited(until)) = &answer {
            *limited() = Some(*until);
        }
        answer
    }

    async fn ask(
        &self,
        question: impl Future<Output = octocrab::Result<Response<BoxBody<Bytes, octocrab::Error>>>>,
    ) -> Result<Answer, Trouble> {
        let whole = async {
            let (head, body) = question.await.map_err(|error| broken(&error))?.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER).collect().await;
            let body = body.map_err(|_| Trouble::down("its answer broke off, or was too long"))?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        let in_time = tokio::time::timeout(self.timeout, whole).await;
        let answer = in_time.map_err(|_| Trouble::down("it did not answer in time"))??;
        match Trouble::of(answer.status, &answer.headers, &answer.body, self.clock.now()) {
            Some(trouble) => Err(trouble),
            None => Ok(answer),
        }
    }
}

impl Answer {
    /// Parses the body. The error gives only the position, since the body may contain a token.
    pub(super) fn read<Body: DeserializeOwned>(&self) -> Result<Body, Trouble> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Trouble::down(format!("its answer cannot be parsed at line {line}, column {column}"))
        })
    }

    fn has_next_page(&self) -> bool {
        let links = self.headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok());
        links.flat_map(|link| link.split(',')).any(|link| link.contains("rel=\"next\""))
    }
}

fn unexpected(status: StatusCode) -> Trouble {
    Trouble::down(format!("it answered with status {}", status.as_u16()))
}

fn refused_app(status: StatusCode) -> Trouble {
    Trouble::down(format!(
        "it rejected the OAuth app with status {}: check the client id and the client secret",
        status.as_u16()
    ))
}

/// Describes why a request failed. octocrab's own text is often only "Service Error"; its sources say more.
fn broken(error: &octocrab::Error) -> Trouble {
    let mut text = "it cannot be reached".to_owned();
    let mut next = error.source();
    while let Some(source) = next {
        // Writing to a string never fails.
        let _ = write!(text, ": {source}");
        next = source.source();
    }
    Trouble::Down(text)
}
