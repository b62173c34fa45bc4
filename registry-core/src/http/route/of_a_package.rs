use crate::domain::{PackageName, Version};

use super::segments::Segments;
use super::{Route, RouteError, Verb};

/// Parses the routes that begin with a package name.
pub(super) fn parse(verb: Verb, segments: &Segments<'_>) -> Result<Route, RouteError> {
    // Browsers and crawlers ask every host for these two. Neither is a package name.
    match (segments.get(0), segments.count()) {
        (Some("robots.txt"), 1) => return verb.read_only(Route::Robots),
        (Some("favicon.ico"), 1) if verb == Verb::Read => return Err(RouteError::NotFound),
        _ => {}
    }
    let (name, next) = segments.name_at(0)?;
    let last = segments.count() - 1;
    match &segments.list()[next..=last] {
        [] => match verb {
            Verb::Read => Ok(Route::Packument { name }),
            Verb::Put => Ok(Route::PutPackument { name }),
            _ => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, PUT" }),
        },
        ["-rev", revision] => {
            let revision = (*revision).to_owned();
            match verb {
                Verb::Put => Ok(Route::PutPackumentRevision { name, revision }),
                Verb::Delete => Ok(Route::DeletePackument { name, revision }),
                _ => Err(RouteError::MethodNotAllowed { allow: "PUT, DELETE" }),
            }
        }
        ["-", _, .., "-rev", revision] => {
            let version = version_of_tarball(&name, segments.joined(next + 1, last - 2))?;
            match verb {
                Verb::Delete => Ok(Route::DeleteTarball { name, version, revision: (*revision).to_owned() }),
                _ => Err(RouteError::MethodNotAllowed { allow: "DELETE" }),
            }
        }
        ["-", _, ..] => {
            let version = version_of_tarball(&name, segments.joined(next + 1, last))?;
            verb.read_only(Route::Tarball { name, version })
        }
        // Neither a version nor a dist-tag contains a slash.
        [selector] if !selector.contains('/') => {
            verb.read_only(Route::Manifest { name, selector: (*selector).to_owned() })
        }
        _ => Err(RouteError::NotFound),
    }
}

/// Extracts the version from `name-1.0.0.tgz`, or from `@scope/name-1.0.0.tgz`, which clients write when they publish.
fn version_of_tarball(name: &PackageName, file: &str) -> Result<Version, RouteError> {
    file.strip_prefix(name.as_str())
        .or_else(|| file.strip_prefix(name.base()))
        .and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".tgz"))
        .and_then(|version| Version::parse(version).ok())
        .ok_or(RouteError::NotFound)
}
