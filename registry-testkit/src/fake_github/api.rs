//! The API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, LINK, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Response};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::world::{Token, User, World};
use super::{API, CLIENT_ID, CLIENT_SECRET, Question, shapes};

/// An answer, or what GitHub would not have taken.
pub(super) type Answered = Result<Response<Bytes>, String>;

impl Question {
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn json(&self, keys: &[&str]) -> Result<Value, String> {
        let body: Value = serde_json::from_slice(&self.body).map_err(|error| format!("no JSON: {error}"))?;
        let Some(object) = body.as_object() else { return Err("the body is no object".into()) };
        match object.keys().find(|key| !keys.contains(&key.as_str())) {
            Some(key) => Err(format!("the body has a {key} that GitHub does not know")),
            None => Ok(body),
        }
    }

    fn query_value(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    fn only_query(&self, names: &[&str]) -> Result<(), String> {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes());
        match pairs.find(|(key, _)| !names.contains(&&**key)) {
            Some((key, _)) => Err(format!("the query has a {key} that GitHub does not know")),
            None => Ok(()),
        }
    }
}

impl World {
    pub(super) fn answer(&mut self, question: &Question) -> Answered {
        if question.header(&USER_AGENT).is_none_or(str::is_empty) {
            return Err("a request needs a user-agent".into());
        }
        let Some(path) = question.path.strip_prefix(API) else { return self.answer_web(question) };
        if question.header(&ACCEPT) != Some("application/vnd.github+json") {
            return Err("the API wants accept: application/vnd.github+json".into());
        }
        let token_path = format!("/applications/{CLIENT_ID}/token");
        match (&question.method, path) {
            (&Method::GET, "/user") => self.user_of_token(question),
            (&Method::GET, "/user/memberships/orgs") => self.memberships(question),
            (&Method::GET, "/user/teams") => self.teams(question),
            (&Method::POST, path) if path == token_path => self.check_token(question),
            (&Method::DELETE, path) if path == token_path => self.delete_token(question),
            _ => Err("GitHub has no such address".into()),
        }
    }

    fn user_of_token(&self, question: &Question) -> Answered {
        question.only_query(&[])?;
        Ok(match self.signed_in(question)? {
            Some((_, user)) => shapes::answer(200, &shapes::private_user(user)),
            None => shapes::error(401, "Bad credentials"),
        })
    }

    fn memberships(&self, question: &Question) -> Answered {
        question.only_query(&["state", "per_page", "page"])?;
        let Some((token, user)) = self.signed_in(question)? else {
            return Ok(shapes::error(401, "Bad credentials"));
        };
        if !token.scopes.iter().any(|scope| scope == "read:org") {
            let message = "You need at least read:org scope or user scope to list your organizations.";
            return Ok(shapes::error(403, message));
        }
        let state = question.query_value("state");
        let wanted =
            user.organizations.iter().filter(|(_, is)| state.as_deref().is_none_or(|state| state == *is));
        self.page(question, wanted.map(|(name, state)| shapes::membership(user, name, state)).collect())
    }

    fn teams(&self, question: &Question) -> Answered {
        question.only_query(&["per_page", "page"])?;
        let Some((token, user)) = self.signed_in(question)? else {
            return Ok(shapes::error(401, "Bad credentials"));
        };
        if !token.scopes.iter().any(|scope| scope == "read:org") {
            return Ok(shapes::error(403, "Must have admin rights or the read:org scope."));
        }
        self.page(question, user.teams.iter().map(shapes::team).collect())
    }

    fn check_token(&self, question: &Question) -> Answered {
        let text = match app_request(question)? {
            Ok(text) => text,
            Err(refusal) => return Ok(refusal),
        };
        if text.is_empty() {
            return Ok(shapes::error(422, "Validation Failed"));
        }
        Ok(match self.tokens.get(&text).filter(|token| token.is_of_our_app) {
            Some(token) => match self.users.get(&token.login) {
                Some(user) => shapes::answer(200, &shapes::authorization(&text, &token.scopes, user)),
                None => shapes::error(404, "Not Found"),
            },
            None => shapes::error(404, "Not Found"),
        })
    }

    fn delete_token(&mut self, question: &Question) -> Answered {
        let text = match app_request(question)? {
            Ok(text) => text,
            Err(refusal) => return Ok(refusal),
        };
        if !self.tokens.get(&text).is_some_and(|token| token.is_of_our_app) {
            return Ok(shapes::error(404, "Not Found"));
        }
        self.tokens.remove(&text);
        Ok(shapes::answer(204, &Value::Null))
    }

    /// Whose bearer token is shown; `None` if it is not good.
    fn signed_in(&self, question: &Question) -> Result<Option<(&Token, &User)>, String> {
        let header = question.header(&AUTHORIZATION).unwrap_or_default();
        let Some(text) = header.strip_prefix("Bearer ") else {
            return Err("this address wants a bearer token".into());
        };
        let token = self.tokens.get(text);
        Ok(token.and_then(|token| Some((token, self.users.get(&token.login)?))))
    }

    /// One page of a list, with links to the others.
    fn page(&self, question: &Question, items: Vec<Value>) -> Answered {
        let number = |name: &str, otherwise: usize| match question.query_value(name) {
            None => Ok(otherwise),
            Some(text) => match text.parse() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(format!("{name}={text} is no number from 1 on")),
            },
        };
        let per_page = number("per_page", 30)?;
        if per_page > 100 {
            return Err("GitHub gives at most 100 on a page".into());
        }
        let size = self.page_size.map_or(per_page, |size| size.min(per_page));
        let (page, last) = (number("page", 1)?, items.len().div_ceil(size).max(1));
        let on_page: Vec<_> = items.into_iter().skip((page - 1) * size).take(size).collect();
        let mut response = shapes::answer(200, &json!(on_page));
        let address = format!("https://github.example{}?per_page={per_page}", question.path);
        let link = |to: usize, rel: &str| format!("<{address}&page={to}>; rel=\"{rel}\"");
        let mut links = Vec::new();
        if page > 1 {
            links.extend([link(page - 1, "prev"), link(1, "first")]);
        }
        if page < last {
            links.extend([link(page + 1, "next"), link(last, "last")]);
        }
        if let Ok(links) = HeaderValue::from_str(&links.join(", "))
            && !links.is_empty()
        {
            response.headers_mut().insert(LINK, links);
        }
        Ok(response)
    }
}

/// The token that the app asks about, or the answer to a client that is not the app.
fn app_request(question: &Question) -> Result<Result<String, Response<Bytes>>, String> {
    question.only_query(&[])?;
    let header = question.header(&AUTHORIZATION).unwrap_or_default();
    let Some(basic) = header.strip_prefix("Basic ") else {
        return Err("this address wants client id and client secret".into());
    };
    if STANDARD.decode(basic).ok().as_deref() != Some(format!("{CLIENT_ID}:{CLIENT_SECRET}").as_bytes()) {
        return Ok(Err(shapes::error(401, "Bad credentials")));
    }
    let body = question.json(&["access_token"])?;
    match body["access_token"].as_str() {
        Some(text) => Ok(Ok(text.to_owned())),
        None => Err("the body has no access_token".into()),
    }
}
