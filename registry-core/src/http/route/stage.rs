use crate::domain::{PackageName, StageId};

use super::segments::Segments;
use super::{Route, RouteError, Verb};

/// The routes of staged versions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StageRoute {
    /// `POST /-/stage/package/{name}`
    Submit {
        /// The package.
        name: PackageName,
    },
    /// `GET /-/stage`: the query may name a package.
    List,
    /// `GET /-/stage/{id}`
    View {
        /// The staged version.
        id: StageId,
    },
    /// `GET /-/stage/{id}/tarball`
    Tarball {
        /// The staged version.
        id: StageId,
    },
    /// `POST /-/stage/{id}/approve`
    Approve {
        /// The staged version.
        id: StageId,
    },
    /// `DELETE /-/stage/{id}`
    Reject {
        /// The staged version.
        id: StageId,
    },
}

impl StageRoute {
    /// Parses the segments after `/-/stage`.
    pub(super) fn parse(verb: Verb, segments: &Segments<'_>) -> Result<Route, RouteError> {
        let post = |route| match verb {
            Verb::Post => Ok(Route::Stage(route)),
            _ => Err(RouteError::MethodNotAllowed { allow: "POST" }),
        };
        match &segments.list()[2..segments.count()] {
            [] => verb.read_only(Route::Stage(Self::List)),
            ["package", _, ..] => {
                let (name, next) = segments.name_at(3)?;
                if next == segments.count() { post(Self::Submit { name }) } else { Err(RouteError::NotFound) }
            }
            [id] => {
                let id = read_id(id)?;
                match verb {
                    Verb::Read => Ok(Route::Stage(Self::View { id })),
                    Verb::Delete => Ok(Route::Stage(Self::Reject { id })),
                    _ => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, DELETE" }),
                }
            }
            [id, "approve"] => post(Self::Approve { id: read_id(id)? }),
            [id, "tarball"] => verb.read_only(Route::Stage(Self::Tarball { id: read_id(id)? })),
            _ => Err(RouteError::NotFound),
        }
    }

    /// See [`Route::kind`].
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Submit { .. } => "stage",
            Self::List => "staged-versions",
            Self::View { .. } => "staged-version",
            Self::Tarball { .. } => "staged-tarball",
            Self::Approve { .. } => "approve-stage",
            Self::Reject { .. } => "reject-stage",
        }
    }
}

fn read_id(id: &str) -> Result<StageId, RouteError> {
    id.parse().map_err(|_| RouteError::NotFound)
}
