use crate::domain::PackageName;

use super::segments::Segments;
use super::{Route, RouteError, Verb};

/// The segment at which the name begins in `/-/npm/v1/oidc/token/exchange/package/{name}`.
const EXCHANGED: usize = 7;

/// The routes of trusted publishing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustRoute {
    /// `GET /-/package/{name}/trust`
    List {
        /// The package.
        name: PackageName,
    },
    /// `POST /-/package/{name}/trust`
    Create {
        /// The package.
        name: PackageName,
    },
    /// `DELETE /-/package/{name}/trust/{id}`
    Revoke {
        /// The package.
        name: PackageName,
        /// The id of the trust, unchecked.
        id: String,
    },
    /// `POST /-/npm/v1/oidc/token/exchange/package/{name}`
    Exchange {
        /// The package.
        name: PackageName,
    },
}

impl TrustRoute {
    /// Parses the segments after `/-/package/{name}/trust`.
    pub(super) fn parse(verb: Verb, name: PackageName, rest: &[&str]) -> Result<Self, RouteError> {
        match (rest, verb) {
            ([], Verb::Read) => Ok(Self::List { name }),
            ([], Verb::Post) => Ok(Self::Create { name }),
            ([], _) => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, POST" }),
            ([id], Verb::Delete) => Ok(Self::Revoke { name, id: (*id).to_owned() }),
            ([_], _) => Err(RouteError::MethodNotAllowed { allow: "DELETE" }),
            _ => Err(RouteError::NotFound),
        }
    }

    /// A short name for logs and metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::List { .. } => "trust",
            Self::Create { .. } => "create-trust",
            Self::Revoke { .. } => "revoke-trust",
            Self::Exchange { .. } => "exchange-id-token",
        }
    }
}

/// Parses `/-/npm/v1/oidc/token/exchange/package/{name}`; `None` for any other path.
pub(super) fn parse_exchange(verb: Verb, segments: &Segments<'_>) -> Option<Result<Route, RouteError>> {
    let ["npm", "v1", "oidc", "token", "exchange", "package", _, ..] = &segments.list()[1..segments.count()]
    else {
        return None;
    };
    Some(segments.name_at(EXCHANGED).and_then(|(name, next)| match verb {
        _ if next != segments.count() => Err(RouteError::NotFound),
        Verb::Post => Ok(Route::Trust(TrustRoute::Exchange { name })),
        _ => Err(RouteError::MethodNotAllowed { allow: "POST" }),
    }))
}
