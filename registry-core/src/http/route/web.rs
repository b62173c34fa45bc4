use http::Method;

use crate::domain::PackageName;

use super::segments::{LONGEST, decode};
use super::{Route, RouteError, Verb, loggable};

/// The web pages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebRoute {
    /// `GET /`, for browsers.
    Home,
    /// `GET /search`, for browsers.
    Search,
    /// `GET /-/web/set-up`
    SetUp,
    /// `GET /-/web/assets/{file}`
    Asset {
        /// The name of the file, with the digest of its content.
        file: String,
    },
    /// `GET /{name}`, for browsers; `GET /package/{name}` and what is below it.
    Package {
        /// The package.
        name: PackageName,
        /// A version or a dist-tag, unchecked; `None` for `latest`.
        version: Option<String>,
        /// What to show of it.
        page: PackagePage,
    },
}

/// The pages of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PackagePage {
    /// The readme and the facts.
    Overview,
    /// `/versions`
    Versions,
    /// `/dependencies`
    Dependencies,
    /// `/access`: what the caller may do.
    Access,
    /// `/files/{path}`
    Files {
        /// The file; empty for the list.
        path: String,
    },
    /// `/raw/{path}`: a picture, as readmes show them.
    Picture {
        /// The file.
        path: String,
    },
    /// `/diff/{from}...{to}`
    Diff {
        /// The versions, unchecked; `None` if the query names them.
        versions: Option<(String, String)>,
    },
    /// `/badge.svg`
    Badge,
}

impl WebRoute {
    /// Finds the page at a raw path; `None` if another route has the address. A browser gets pages also at addresses of
    /// packages. Two of them are names of packages, so only browsers get pages there: `/search` and `/package/{name}`.
    pub(crate) fn find(
        method: &Method,
        raw_path: &str,
        is_browser: bool,
    ) -> Option<Result<Self, RouteError>> {
        if Verb::of(method) != Verb::Read {
            return None;
        }
        let found = match raw_path {
            "/" => is_browser.then_some(Ok(Self::Home)),
            "/search" | "/search/" => is_browser.then_some(Ok(Self::Search)),
            _ => {
                if let Some(below) = raw_path.strip_prefix("/-/web/") {
                    Some(of_the_registry(below))
                } else if let Some(below) = raw_path.strip_prefix("/package/") {
                    Self::below_package(below, is_browser)
                } else {
                    is_browser.then(|| package_of(method, raw_path)).flatten().map(Ok)
                }
            }
        };
        match found {
            Some(Ok(_)) if has_token(raw_path) => Some(Err(RouteError::Token)),
            found => found,
        }
    }

    /// A path of one name is also that of a version or a tarball of the package `package`.
    fn below_package(below: &str, is_browser: bool) -> Option<Result<Self, RouteError>> {
        let segments = below.strip_suffix('/').unwrap_or(below).split('/');
        let count = segments.clone().count();
        let first = segments.clone().next().unwrap_or_default();
        let may_be_a_version = count == 1 && !is_browser;
        if matches!(first, "-" | "-rev" | "") || may_be_a_version {
            return None;
        }
        Some(of_a_package(below))
    }

    /// A short name for logs and metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Home => "web-home",
            Self::Search => "web-search",
            Self::SetUp => "web-set-up",
            Self::Asset { .. } => "web-asset",
            Self::Package { page, .. } => match page {
                PackagePage::Overview => "web-package",
                PackagePage::Versions => "web-versions",
                PackagePage::Dependencies => "web-dependencies",
                PackagePage::Access => "web-access",
                PackagePage::Files { .. } => "web-files",
                PackagePage::Picture { .. } => "web-picture",
                PackagePage::Diff { .. } => "web-diff",
                PackagePage::Badge => "web-badge",
            },
        }
    }
}

/// Whether a path holds what looks like a token of this registry, in any spelling.
fn has_token(raw_path: &str) -> bool {
    loggable::has_whole_token(raw_path)
        || decode(raw_path).is_ok_and(|decoded| loggable::has_whole_token(&decoded))
}

/// Returns the page of a package at its own address.
fn package_of(method: &Method, raw_path: &str) -> Option<WebRoute> {
    match Route::parse(method, raw_path) {
        Ok(Route::Packument { name }) => {
            Some(WebRoute::Package { name, version: None, page: PackagePage::Overview })
        }
        _ => None,
    }
}

fn of_the_registry(below: &str) -> Result<WebRoute, RouteError> {
    match decoded_segments(below)?.as_slice() {
        [page] if page == "set-up" => Ok(WebRoute::SetUp),
        [folder, file] if folder == "assets" => Ok(WebRoute::Asset { file: file.clone() }),
        _ => Err(RouteError::NotFound),
    }
}

fn of_a_package(below: &str) -> Result<WebRoute, RouteError> {
    let segments = decoded_segments(below)?;
    let (name, rest) = match segments.as_slice() {
        [scope, base, rest @ ..] if scope.starts_with('@') && !scope.contains('/') => {
            (format!("{scope}/{base}"), rest)
        }
        [name, rest @ ..] => (name.clone(), rest),
        [] => return Err(RouteError::NotFound),
    };
    let name = PackageName::parse(&name)?;
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let (version, rest) = match rest.as_slice() {
        ["v", version, rest @ ..] => (Some((*version).to_owned()), rest),
        rest => (None, rest),
    };
    let page = match rest {
        [] => PackagePage::Overview,
        ["versions"] if version.is_none() => PackagePage::Versions,
        ["access"] if version.is_none() => PackagePage::Access,
        ["badge.svg"] if version.is_none() => PackagePage::Badge,
        ["diff"] if version.is_none() => PackagePage::Diff { versions: None },
        ["diff", pair] if version.is_none() => {
            let (from, to) = pair.split_once("...").ok_or(RouteError::NotFound)?;
            PackagePage::Diff { versions: Some((from.to_owned(), to.to_owned())) }
        }
        ["dependencies"] => PackagePage::Dependencies,
        ["files", path @ ..] => PackagePage::Files { path: path.join("/") },
        ["raw", path @ ..] if !path.is_empty() => PackagePage::Picture { path: path.join("/") },
        _ => return Err(RouteError::NotFound),
    };
    Ok(WebRoute::Package { name, version, page })
}

/// Splits a raw path and decodes each segment once. One slash at the end is accepted.
fn decoded_segments(raw: &str) -> Result<Vec<String>, RouteError> {
    if raw.len() > LONGEST {
        return Err(RouteError::TooLong);
    }
    let mut segments = Vec::new();
    for segment in raw.strip_suffix('/').unwrap_or(raw).split('/') {
        let decoded = decode(segment)?;
        if decoded.is_empty() {
            return Err(RouteError::NotFound);
        }
        if decoded.chars().any(|character| character == '\\' || character.is_control()) {
            return Err(RouteError::Character);
        }
        if decoded.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(RouteError::Traversal);
        }
        segments.push(decoded.into_owned());
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(path: &str, is_browser: bool) -> String {
        match WebRoute::find(&Method::GET, path, is_browser) {
            None => "other".to_owned(),
            Some(Err(error)) => format!("{error:?}"),
            Some(Ok(WebRoute::Package { name, version, page })) => {
                format!("{name} {} {page:?}", version.unwrap_or_default())
            }
            Some(Ok(route)) => format!("{route:?}"),
        }
    }

    #[test]
    fn addresses_of_other_routes_are_pages_for_browsers_alone() {
        for (path, page) in [
            ("/", "Home"),
            ("/search", "Search"),
            ("/pear", "pear  Overview"),
            ("/@acme/pear", "@acme/pear  Overview"),
            ("/@acme%2fpear", "@acme/pear  Overview"),
            ("/package/pear", "pear  Overview"),
            ("/package/@acme%2Fpear", "@acme/pear  Overview"),
        ] {
            assert_eq!(find(path, true), page, "{path}");
            assert_eq!(find(path, false), "other", "{path}");
        }
    }

    #[test]
    fn pages_without_another_route_are_pages_for_all() {
        for (path, page) in [
            ("/package/@acme/pear", "@acme/pear  Overview"),
            ("/package/pear/v/1.0.0", "pear 1.0.0 Overview"),
            ("/package/pear/v/next/files", "pear next Files { path: \"\" }"),
            (
                "/package/@acme/pear/v/1.0.0/files/a/b%20c/d/e/f/g/h.js",
                "@acme/pear 1.0.0 Files { path: \"a/b c/d/e/f/g/h.js\" }",
            ),
            ("/package/pear/raw/logo.png", "pear  Picture { path: \"logo.png\" }"),
            ("/package/pear/versions/", "pear  Versions"),
            ("/package/pear/access", "pear  Access"),
            ("/package/pear/dependencies", "pear  Dependencies"),
            ("/package/pear/badge.svg", "pear  Badge"),
            ("/package/pear/diff", "pear  Diff { versions: None }"),
            (
                "/package/files/diff/1.0.0...2.0.0-rc.1",
                "files  Diff { versions: Some((\"1.0.0\", \"2.0.0-rc.1\")) }",
            ),
            ("/-/web/set-up", "SetUp"),
            ("/-/web/assets/style-1.css", "Asset { file: \"style-1.css\" }"),
        ] {
            assert_eq!(find(path, false), page, "{path}");
            assert_eq!(find(path, true), page, "{path}");
        }
    }

    #[test]
    fn routes_of_the_package_named_package_stay() {
        for path in [
            "/package",
            "/package/-/package-1.0.0.tgz",
            "/package/-rev/1",
            "/package/",
            "/robots.txt",
            "/favicon.ico",
        ] {
            assert!(find(path, false) == "other", "{path}");
        }
        assert_eq!(find("/package/-/package-1.0.0.tgz", true), "other");
        assert_eq!(find("/robots.txt", true), "other");
        assert!(WebRoute::find(&Method::PUT, "/package/pear/versions", true).is_none());
    }

    #[test]
    fn invalid_paths_are_refused() {
        let token = format!("/package/npm_{}/versions", "a".repeat(36));
        for (path, error) in [
            ("/package/pear/v/1.0.0/files/../x", "Traversal"),
            ("/package/pear/v/1.0.0/files/%2e%2e/x", "Traversal"),
            ("/package/pear/v/1.0.0/files/a%2f..%2fx", "Traversal"),
            ("/package/pear/v/1.0.0/files//x", "NotFound"),
            ("/package/pear/v/1.0.0/files/%00", "Character"),
            ("/package/pear/v/1.0.0/files/a%5cb", "Character"),
            ("/package/pear/v/1.0.0/files/%zz", "Encoding"),
            ("/package/pear/nothing/here", "NotFound"),
            ("/package/pear/diff/1.0.0", "NotFound"),
            ("/-/web/nothing", "NotFound"),
            (token.as_str(), "Token"),
        ] {
            assert_eq!(find(path, false), error, "{path}");
        }
    }
}
