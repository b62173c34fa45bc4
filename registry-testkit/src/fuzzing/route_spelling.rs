use std::fmt::Write as _;

use http::Method;
use registry_core::domain::PackageName;
use registry_core::http::route::{AccessRoute, DownloadRoute, DownloadsOf, Route, RouteError, TrustRoute};
use secrecy::ExposeSecret as _;

/// A route as text, with the secret that it holds.
pub(super) fn shown(route: &Result<Route, RouteError>) -> String {
    match route {
        Ok(Route::Logout { token }) => format!("Logout {:?}", token.expose_secret()),
        other => format!("{other:?}"),
    }
}

/// The package that a route is about.
pub(super) fn package_of(route: &Route) -> Option<&PackageName> {
    match route {
        Route::Trust(TrustRoute::Exchange { name }) => Some(name),
        route => route.package().map(|(name, _)| name),
    }
}

/// A method and a path that a client could write for this route, with this spelling of the slash in a scoped name; `None`
/// where no name and no text is in it.
pub(super) fn spelled(route: &Route, slash: &str) -> Option<(Method, String)> {
    let package = |name: &PackageName| name.as_str().split('/').map(escape).collect::<Vec<_>>().join(slash);
    let below = |name: &PackageName, rest: &str| format!("/-/package/{}/{rest}", package(name));
    let file = |name: &PackageName, version: &str| {
        format!("/{}/-/{}-{}.tgz", package(name), escape(name.base()), escape(version))
    };
    Some(match route {
        Route::Packument { name } => (Method::GET, format!("/{}", package(name))),
        Route::PutPackument { name } => (Method::PUT, format!("/{}", package(name))),
        Route::Manifest { name, selector } => {
            (Method::GET, format!("/{}/{}", package(name), escape(selector)))
        }
        Route::Tarball { name, version } => (Method::GET, file(name, version.as_str())),
        Route::DeleteTarball { name, version, revision } => {
            (Method::DELETE, format!("{}/-rev/{}", file(name, version.as_str()), escape(revision)))
        }
        Route::PutPackumentRevision { name, revision } => {
            (Method::PUT, format!("/{}/-rev/{}", package(name), escape(revision)))
        }
        Route::DeletePackument { name, revision } => {
            (Method::DELETE, format!("/{}/-rev/{}", package(name), escape(revision)))
        }
        Route::DistTags { name } => (Method::GET, below(name, "dist-tags")),
        Route::SetDistTag { name, tag } => {
            (Method::PUT, below(name, &format!("dist-tags/{}", escape(tag.as_ref()))))
        }
        Route::RemoveDistTag { name, tag } => {
            (Method::DELETE, below(name, &format!("dist-tags/{}", escape(tag))))
        }
        Route::Owners { name } => (Method::GET, below(name, "owners")),
        Route::Sbom { name, version } => {
            (Method::GET, format!("/-/sbom/{}/{}", package(name), escape(version.as_str())))
        }
        Route::AddOwner { name } => (Method::PUT, below(name, "owners")),
        Route::RemoveOwner { name, account } => {
            (Method::DELETE, below(name, &format!("owners/{}", escape(account))))
        }
        Route::Star { name: Some(name) } => (Method::PUT, format!("/-/user/package/{}/star", package(name))),
        Route::Downloads(DownloadRoute::Versions { name }) => {
            (Method::GET, format!("/versions/{}/last-week", package(name)))
        }
        Route::Downloads(DownloadRoute::Point { period, of: DownloadsOf::One(name) }) => {
            (Method::GET, format!("/downloads/point/{}/{}", escape(period), package(name)))
        }
        Route::Downloads(DownloadRoute::Range { period, of: DownloadsOf::One(name) }) => {
            (Method::GET, format!("/downloads/range/{}/{}", escape(period), package(name)))
        }
        Route::Access(AccessRoute::Visibility(name)) => (Method::GET, below(name, "visibility")),
        Route::Trust(TrustRoute::List { name }) => (Method::GET, below(name, "trust")),
        Route::Login { account } => (Method::PUT, format!("/-/user/org.couchdb.user:{}", escape(account))),
        Route::User { account } => (Method::GET, format!("/-/user/org.couchdb.user:{}", escape(account))),
        Route::Stars { account: Some(account) } => {
            (Method::GET, format!("/-/user/{}/stars", escape(account)))
        }
        Route::Logout { token } => {
            (Method::DELETE, format!("/-/user/token/{}", escape(token.expose_secret())))
        }
        _ => return None,
    })
}

/// All but what every client leaves as it is, in escapes.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
