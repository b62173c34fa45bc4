use secrecy::SecretString;

use super::{RouteError, Verb};

/// The routes of a login in the browser.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WebLoginRoute {
    /// `POST /-/v1/login`: a client begins a login.
    Start,
    /// `GET /-/v1/login/{session}`: the page that the user opens.
    Page {
        /// Identifies the login. Every holder can open the page.
        session: SecretString,
    },
    /// `POST /-/v1/login/{session}`: the form on that page.
    Submit {
        /// Identifies the login. Every holder can open the page.
        session: SecretString,
    },
    /// `GET /-/v1/login/callback`: the address that a provider redirects the browser to.
    Callback,
    /// `GET`, `PUT` or `DELETE` of `/-/v1/done/{session}`: the client polls whether the user has finished.
    Poll {
        /// Identifies the login. Every holder can collect its outcome.
        session: SecretString,
    },
}

impl WebLoginRoute {
    /// Parses the segments after `/-/v1/`; `None` for any other path.
    pub(super) fn parse(verb: Verb, segments: &[&str]) -> Option<Result<Self, RouteError>> {
        let not_allowed = |allow| Err(RouteError::MethodNotAllowed { allow });
        Some(match (segments, verb) {
            (["login"], Verb::Post) => Ok(Self::Start),
            (["login"], _) => not_allowed("POST"),
            (["login", "callback"], Verb::Read) => Ok(Self::Callback),
            (["login", "callback"], _) => not_allowed("GET, HEAD"),
            (["login", session], Verb::Read) => Ok(Self::Page { session: (*session).into() }),
            (["login", session], Verb::Post) => Ok(Self::Submit { session: (*session).into() }),
            (["login", _], _) => not_allowed("GET, HEAD, POST"),
            // npm repeats the method of the request that required a one-time password.
            (["done", session], Verb::Read | Verb::Put | Verb::Delete) => {
                Ok(Self::Poll { session: (*session).into() })
            }
            (["done", _], _) => not_allowed("GET, HEAD, PUT, DELETE"),
            _ => return None,
        })
    }

    /// A short name for logs and metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Start => "web-login",
            Self::Page { .. } => "web-login-page",
            Self::Submit { .. } => "web-login-form",
            Self::Callback => "web-login-callback",
            Self::Poll { .. } => "web-login-poll",
        }
    }
}
