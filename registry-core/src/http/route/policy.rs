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
    /// `GET /-/policy/recalls`
    Recalls,
    /// `POST /-/policy/recalls`: the body names the package, the version and the reason.
    Recall,
    /// `GET /-/policy/recalls/{name}?version=1.0.0`: who downloaded the version.
    RecallReport {
        /// The package.
        name: PackageName,
    },
    /// `DELETE /-/policy/recalls/{name}?version=1.0.0`
    UndoRecall {
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
            (["recalls"], Verb::Read) => Ok(Self::Recalls),
            (["recalls"], Verb::Post) => Ok(Self::Recall),
            (["recalls", _, ..], verb) => {
                let (name, next) = segments.name_at(3)?;
                match verb {
                    _ if next != segments.count() => Err(RouteError::NotFound),
                    Verb::Read => Ok(Self::RecallReport { name }),
                    Verb::Delete => Ok(Self::UndoRecall { name }),
                    _ => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, DELETE" }),
                }
            }
            (["blocks"], Verb::Read) => Ok(Self::Blocks),
            (["blocks"], Verb::Post) => Ok(Self::Block),
            (["blocks" | "recalls"], _) => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, POST" }),
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
            Self::Recalls => "recalled-versions",
            Self::Recall => "recall-version",
            Self::RecallReport { .. } => "recall-report",
            Self::UndoRecall { .. } => "undo-recall",
            Self::Check => "check-versions",
            Self::Explain { .. } => "explain-versions",
        }
    }
}
