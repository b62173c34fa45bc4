use http::Method;

use crate::registry::HttpSettings;

#[cfg(feature = "web")]
use super::route::WebRoute;
use super::route::{Route, RouteError, strip_prefix};

/// A route, and whether its path was below the configured prefix.
pub(super) struct FoundRoute {
    pub(super) route: Route,
    pub(super) under_prefix: bool,
}

/// Finds the route of a raw path, or for a browser its page: below the configured prefix, or at the root. A read of a package
/// is also found behind a second slash, and below the prefixes of another registry, which its lock files contain.
pub(super) fn find_route(
    settings: &HttpSettings,
    method: &Method,
    path: &str,
    is_browser: bool,
) -> Result<FoundRoute, RouteError> {
    let inner = match settings.path_prefix.as_str() {
        "" => None,
        prefix => strip_prefix(path, prefix),
    };
    let (found, under_prefix) = (inner.unwrap_or(path), inner.is_some());
    if let Some(page) = find_page(settings, method, found, is_browser) {
        return page.map(|route| FoundRoute { route, under_prefix });
    }
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

/// Finds the page at a path; `None` if another route has it. Without pages, the files that the pages of logins load are
/// left.
#[cfg(feature = "web")]
fn find_page(
    settings: &HttpSettings,
    method: &Method,
    path: &str,
    is_browser: bool,
) -> Option<Result<Route, RouteError>> {
    let page = WebRoute::find(method, path, is_browser)?;
    let is_there = settings.web.settings.pages || matches!(page, Ok(WebRoute::Asset { .. }));
    is_there.then(|| page.map(Route::Web))
}

#[cfg(not(feature = "web"))]
fn find_page(_: &HttpSettings, _: &Method, _: &str, _: bool) -> Option<Result<Route, RouteError>> {
    None
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
