use serde_json::{Value, json};

use super::Admitted;

/// The routes by which people give up their own tokens, which is no write to a package.
const OWN_TOKENS: [&str; 2] = ["-/user/token/*", "-/npm/v1/tokens/token/*"];

/// A method that the registry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "HTTP says what they are")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
}

impl Method {
    /// All of them: those that read first. Audits, logins and tokens are `POST`ed, and that publishes nothing.
    pub const ALL: [Self; 5] = [Self::Get, Self::Head, Self::Post, Self::Put, Self::Delete];

    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

/// `arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`
#[derive(Debug)]
pub(super) struct Arn {
    /// Up to the stage.
    stage: String,
    pub(super) method: String,
    pub(super) path: String,
}

impl Arn {
    pub(super) fn parse(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(4, '/');
        let (api, stage, method) = (parts.next()?, parts.next()?, parts.next()?);
        let is_api = api.starts_with("arn:") && api.contains(":execute-api:");
        let plain = |text: &str| !text.is_empty() && !text.contains(['*', '?']);
        if !is_api || !plain(api) || !plain(stage) || method.is_empty() {
            return None;
        }
        let path = parts.next().unwrap_or_default().to_owned();
        Some(Self { stage: format!("{api}/{stage}"), method: method.to_owned(), path })
    }
}

impl Admitted {
    fn effect(&self, method: Method) -> bool {
        match method {
            Method::Get | Method::Head | Method::Post => self.reads,
            Method::Put | Method::Delete => self.writes,
        }
    }

    /// Whether this one request may come in, for a gateway that asks no more.
    pub(super) fn covers(&self, method: Option<Method>, path: &str, path_prefix: &str) -> bool {
        let Some(method) = method else { return false };
        let below = path.strip_prefix(path_prefix).unwrap_or(path).trim_start_matches('/');
        let own_token = || OWN_TOKENS.iter().any(|route| below.starts_with(route.trim_end_matches('*')));
        self.effect(method) || (self.logs_out && method == Method::Delete && own_token())
    }
}

/// A policy for all routes of the registry. What is not allowed is denied in so many words, as codebox-npm did, but where
/// a part of it is allowed: a denial would win.
pub(super) fn document(arn: &Arn, path_prefix: &str, admitted: &Admitted) -> Value {
    let statement = |effect: &str, method: Method, path: &str| {
        json!({
            "Action": "execute-api:Invoke",
            "Effect": effect,
            "Resource": format!("{}/{}/{path}", arn.stage, method.as_str()),
        })
    };
    let mut statements = Vec::new();
    for method in Method::ALL {
        let all = format!("{path_prefix}*");
        if admitted.effect(method) {
            statements.push(statement("Allow", method, &all));
        } else if method == Method::Delete && admitted.logs_out {
            let slash = if path_prefix.is_empty() { "" } else { "/" };
            let routes = OWN_TOKENS.iter().map(|route| format!("{path_prefix}{slash}{route}"));
            statements.extend(routes.map(|route| statement("Allow", method, &route)));
        } else {
            statements.push(statement("Deny", method, &all));
        }
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}
