use super::{RouteError, Verb};

/// The routes of the caller's hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HookRoute {
    /// `GET /-/npm/v1/hooks`
    List,
    /// `POST /-/npm/v1/hooks/hook`
    Create,
    /// `GET /-/npm/v1/hooks/hook/{id}`
    Find {
        /// The hook.
        id: String,
    },
    /// `PUT /-/npm/v1/hooks/hook/{id}`
    Update {
        /// The hook.
        id: String,
    },
    /// `DELETE /-/npm/v1/hooks/hook/{id}`
    Delete {
        /// The hook.
        id: String,
    },
}

impl HookRoute {
    /// Parses the segments after `/-/npm/v1/`; `None` for any other path.
    pub(super) fn parse(verb: Verb, segments: &[&str]) -> Option<Result<Self, RouteError>> {
        Some(match (segments, verb) {
            (["hooks"], Verb::Read) => Ok(Self::List),
            (["hooks", "hook"], Verb::Post) => Ok(Self::Create),
            (["hooks", "hook", id], Verb::Read) => Ok(Self::Find { id: (*id).to_owned() }),
            (["hooks", "hook", id], Verb::Put) => Ok(Self::Update { id: (*id).to_owned() }),
            (["hooks", "hook", id], Verb::Delete) => Ok(Self::Delete { id: (*id).to_owned() }),
            (["hooks"], _) => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD" }),
            (["hooks", "hook"], _) => Err(RouteError::MethodNotAllowed { allow: "POST" }),
            (["hooks", "hook", _], _) => {
                Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, PUT, DELETE" })
            }
            _ => return None,
        })
    }

    /// A short name for logs and metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::List => "hooks",
            Self::Create => "create-hook",
            Self::Find { .. } => "hook",
            Self::Update { .. } => "update-hook",
            Self::Delete { .. } => "delete-hook",
        }
    }
}
