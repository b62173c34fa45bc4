use crate::domain::{PackageName, Version};

use super::segments::Segments;
use super::{Route, RouteError, Verb};

/// The routes of `npm audit` and `npm audit signatures`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditRoute {
    /// `POST /-/npm/v1/security/advisories/bulk`
    Advisories,
    /// `POST /-/npm/v1/security/audits/quick`, `POST /-/npm/v1/security/audits`
    Report,
    /// `GET /-/npm/v1/keys`
    Keys,
    /// `GET /-/npm/v1/attestations/{name}@{version}`
    Attestations {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
    },
}

impl AuditRoute {
    /// See [`Route::kind`](super::Route::kind).
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Advisories => "audit-advisories",
            Self::Report => "audit-report",
            Self::Keys => "keys",
            Self::Attestations { .. } => "attestations",
        }
    }
}

/// Parses the audit routes below `/-/npm/v1/`; `None` for any other path.
pub(super) fn parse(verb: Verb, segments: &Segments<'_>) -> Option<Result<Route, RouteError>> {
    /// The segment at which the name begins in `/-/npm/v1/attestations/{name}@{version}`.
    const SUBJECT: usize = 4;
    let post = |route| match verb {
        Verb::Post => Ok(Route::Audit(route)),
        _ => Err(RouteError::MethodNotAllowed { allow: "POST" }),
    };
    Some(match &segments.list()[1..segments.count()] {
        ["npm", "v1", "security", "advisories", "bulk"] => post(AuditRoute::Advisories),
        ["npm", "v1", "security", "audits"] | ["npm", "v1", "security", "audits", "quick"] => {
            post(AuditRoute::Report)
        }
        ["npm", "v1", "keys"] => verb.read_only(Route::Audit(AuditRoute::Keys)),
        ["npm", "v1", "attestations", _, ..] => subject(segments.joined(SUBJECT, segments.count() - 1))
            .and_then(|(name, version)| {
                verb.read_only(Route::Audit(AuditRoute::Attestations { name, version }))
            }),
        _ => return None,
    })
}

/// Parses `pear@1.0.0` or `@acme/pear@1.0.0`.
fn subject(text: &str) -> Result<(PackageName, Version), RouteError> {
    let (name, version) = text.rsplit_once('@').ok_or(RouteError::NotFound)?;
    let version = Version::parse(version).map_err(|_| RouteError::NotFound)?;
    Ok((PackageName::parse(name)?, version))
}
