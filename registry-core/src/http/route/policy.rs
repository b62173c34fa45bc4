use crate::domain::PackageName;

use super::segments::Segments;
use super::{RouteError, Verb};

/// The routes of policies on versions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyRoute {
    /// `GET /-/policy/blocks`
    Blocks,
    /// `POST /-/policy/blocks`: the body names the package, the range, the reason and the end.
    Block,
    /// `DELETE /-/policy/blocks/{name}`: the query names the range, as in `?versions=1.x`.
    Unblock {
        /// The package.
        name: PackageName,
    },
    /// `POST /-/policy/check`: the body names versions that are about to be installed.
    Check,
    /// `GET /-/package/{name}/policy`, `GET /-/package/{name}/policy/{version}`
    Explain {
        /// The package.
        name: PackageName,
        /// A version of it; `None` for all.
        version: Option<String>,
    },
}

impl PolicyRoute {
    /// Parses `/-/policy/…`.
    pub(super) fn parse(verb: Verb, segments: &Segments<'_>) -> Result<Self, RouteError> {
        match (&segments.list()[2..segments.count()], verb) {
            (["blocks"], Verb::Read) => Ok(Self::Blocks),
            (["blocks"], Verb::Post) => Ok(Self::Block),
            (["blocks"], _) => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, POST" }),
            (["check"], Verb::Post) => Ok(Self::Check),
            (["check"], _) => Err(RouteError::MethodNotAllowed { allow: "POST" }),
            (["blocks", _, ..], verb) => {
                let (name, next) = segments.name_at(3)?;
                match verb {
                    _ if next != segments.count() => Err(RouteError::NotFound),
                    Verb::Delete => Ok(Self::Unblock { name }),
                    _ => Err(RouteError::MethodNotAllowed { allow: "DELETE" }),
                }
            }
            _ => Err(RouteError::NotFound),
        }
    }

    /// A short name for logs and metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Blocks => "blocked-versions",
            Self::Block => "block-versions",
            Self::Unblock { .. } => "unblock-versions",
            Self::Check => "check-versions",
            Self::Explain { .. } => "explain-versions",
        }
    }
}
