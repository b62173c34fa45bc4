use secrecy::SecretString;

use super::{RouteError, Verb};

/// The routes of the caller's own account and tokens.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TokenRoute {
    /// `GET /-/npm/v1/tokens`
    List,
    /// `POST /-/npm/v1/tokens`
    Create,
    /// `DELETE /-/npm/v1/tokens/token/{key or token}`
    Revoke {
        /// The token to revoke: its key or the whole token.
        wanted: SecretString,
    },
    /// `GET /-/npm/v1/user`
    Profile,
    /// `POST /-/npm/v1/user`
    SetProfile,
}

impl TokenRoute {
    /// Parses the segments after `/-/npm/v1/`; `None` for any other path.
    pub(super) fn parse(verb: Verb, segments: &[&str]) -> Option<Result<Self, RouteError>> {
        Some(match (segments, verb) {
            (["tokens"], Verb::Read) => Ok(Self::List),
            (["tokens"], Verb::Post) => Ok(Self::Create),
            (["tokens", "token", wanted], Verb::Delete) => Ok(Self::Revoke { wanted: (*wanted).into() }),
            (["user"], Verb::Read) => Ok(Self::Profile),
            (["user"], Verb::Post) => Ok(Self::SetProfile),
            (["tokens" | "user"], _) => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, POST" }),
            (["tokens", "token", _], _) => Err(RouteError::MethodNotAllowed { allow: "DELETE" }),
            _ => return None,
        })
    }

    /// A short name for logs and metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::List => "tokens",
            Self::Create => "create-token",
            Self::Revoke { .. } => "revoke-token",
            Self::Profile => "profile",
            Self::SetProfile => "set-profile",
        }
    }
}
