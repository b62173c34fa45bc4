use http::Method;

use crate::registry::HttpSettings;

use super::route::{Route, RouteError, strip_prefix};

/// A route, and whether its path was below the configured prefix.
pub(super) struct FoundRoute {
    pub(super) route: Route,
    pub(super) under_prefix: bool,
}

/// Finds the route of a raw path: below the configured prefix, or at the root. A read of a package is also found behind
/// a second slash, and below the prefixes of another registry, which its lock files contain.
pub(super) fn find_route(
    settings: &HttpSettings,
    method: &Method,
    path: &str,
) -> Result<FoundRoute, RouteError> {
    let inner = match settings.path_prefix.as_str() {
        "" => None,
        prefix => strip_prefix(path, prefix),
    };
    let (found, under_prefix) = (inner.unwrap_or(path), inner.is_some());
    Route::parse(method, found).map(|route| FoundRoute { route, under_prefix }).or_else(|error| {
        let legacy = || {
            settings
                .legacy_prefixes
                .iter()
                .find_map(|prefix| package_read(method, strip_prefix(path, prefix)?))
        };
        let single = || package_read(method, single_leading_slash(found)?);
        let route = single().map(|route| FoundRoute { route, under_prefix });
        route.or_else(|| legacy().map(|route| FoundRoute { route, under_prefix: false })).ok_or(error)
    })
}

/// Collapses leading slashes into one; `None` if there is only one. Corepack asks for `//pnpm` if the registry URL ends
/// in a slash.
fn single_leading_slash(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("//")?.trim_start_matches('/');
    Some(&path[path.len() - rest.len() - 1..])
}

fn package_read(method: &Method, path: &str) -> Option<Route> {
    let route = Route::parse(method, path).ok()?;
    matches!(route, Route::Packument { .. } | Route::Manifest { .. } | Route::Tarball { .. }).then_some(route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_leading_slashes_one_is_left() {
        let paths = [
            ("//", Some("/")),
            ("///pear", Some("/pear")),
            ("//a//b", Some("/a//b")),
            ("/pear//", None),
            ("", None),
        ];
        for (path, expected) in paths {
            assert_eq!(single_leading_slash(path), expected, "{path}");
        }
    }
}
