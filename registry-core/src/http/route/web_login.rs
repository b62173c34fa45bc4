use secrecy::SecretString;

use super::{RouteError, Verb};

/// What a request is for that belongs to a login in the browser.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WebLoginRoute {
    /// `POST /-/v1/login`: a client begins a login.
    Start,
    /// `GET /-/v1/login/{session}`: the page that a person opens.
    Page {
        /// Names the login, and lets whoever has it open the page.
        session: SecretString,
    },
    /// `POST /-/v1/login/{session}`: the form on that page.
    Submit {
        /// Names the login, and lets whoever has it open the page.
        session: SecretString,
    },
    /// `GET /-/v1/login/callback`: where the page of a provider sends the browser back to.
    Callback,
    /// `GET`, `PUT` or `DELETE` of `/-/v1/done/{session}`: the client asks whether the person has finished.
    Poll {
        /// Names the login, and lets whoever has it take what it ends with.
        session: SecretString,
    },
}

impl WebLoginRoute {
    /// Reads what comes after `/-/v1/`; `None` if it is about something else.
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
            // npm repeats the method of the request that it was asked a one-time password for.
            (["done", session], Verb::Read | Verb::Put | Verb::Delete) => {
                Ok(Self::Poll { session: (*session).into() })
            }
            (["done", _], _) => not_allowed("GET, HEAD, PUT, DELETE"),
            _ => return None,
        })
    }

    /// A short name, for logs and metrics.
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
