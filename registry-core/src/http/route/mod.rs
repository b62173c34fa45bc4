//! Parses method and path into a [`Route`]. The path is raw, as received and without its query.
//!
//! Clients spell the same address in many ways: the slash of a scope as `/`, `%2f` or `%2F`, its `@` as `%40`, any
//! other character escaped or not. All spellings parse to the same route.
//!
//! ```
//! use http::Method;
//! use registry_core::http::route::{Route, RouteError};
//! for path in ["/@acme/pear/-/pear-1.0.0.tgz", "/@acme%2Fpear/-/%40acme%2fpear-1.0.0.tgz"] {
//!     let Route::Tarball { name, version } = Route::parse(&Method::GET, path)? else { panic!("{path}") };
//!     assert_eq!((name.as_str(), version.as_str()), ("@acme/pear", "1.0.0"));
//! }
//! assert_eq!(Route::parse(&Method::GET, "/..%2fetc").unwrap_err(), RouteError::Traversal);
//! # Ok::<(), RouteError>(())
//! ```

mod access;
mod audit;
mod downloads;
mod error;
mod hooks;
mod loggable;
mod of_a_package;
mod of_the_registry;
mod package;
mod phrase;
mod policy;
mod prefix;
mod segments;
mod stage;
#[cfg(test)]
mod tests;
mod tokens;
mod trust;
#[cfg(feature = "web")]
mod web;
mod web_login;

use http::Method;
use secrecy::SecretString;

use crate::domain::{DistTag, PackageName, Version};

pub use access::{AccessRoute, Team};
pub use audit::AuditRoute;
pub use downloads::{DownloadRoute, DownloadsOf};
pub use error::RouteError;
pub use hooks::HookRoute;
pub use loggable::loggable_path;
pub(super) use phrase::unpublish_phrase;
pub use policy::PolicyRoute;
pub use prefix::strip_prefix;
pub use stage::StageRoute;
pub use tokens::TokenRoute;
pub use trust::TrustRoute;
#[cfg(feature = "web")]
pub use web::{PackagePage, WebRoute};
pub use web_login::WebLoginRoute;

use segments::Segments;

/// The operation that a request asks for. `HEAD` is accepted like `GET`. The `Debug` output of a route contains no
/// secret.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Route {
    /// `GET /`
    Root,
    /// `GET /robots.txt`: excludes all crawlers.
    Robots,
    /// `GET /-/ping`
    Ping,
    /// `GET /-/whoami`
    Whoami,
    /// `GET /{name}`
    Packument {
        /// The package.
        name: PackageName,
    },
    /// `GET /{name}/{version, dist-tag or range}`
    Manifest {
        /// The package.
        name: PackageName,
        /// A version, a dist-tag or a range of versions, unchecked: an invalid selector matches nothing.
        selector: String,
    },
    /// `GET /{name}/-/{base}-{version}.tgz`
    Tarball {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
    },
    /// `PUT /{name}`: a publish, or another change that the body describes.
    PutPackument {
        /// The package.
        name: PackageName,
    },
    /// `PUT /{name}/-rev/{revision}`
    PutPackumentRevision {
        /// The package.
        name: PackageName,
        /// The revision that the change is based on, unchecked: some clients send `undefined`.
        revision: String,
    },
    /// `DELETE /{name}/-rev/{revision}`
    DeletePackument {
        /// The package.
        name: PackageName,
        /// The revision that the client saw, unchecked.
        revision: String,
    },
    /// `DELETE /{name}/-/{base}-{version}.tgz/-rev/{revision}`
    DeleteTarball {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
        /// The revision that the client saw, unchecked.
        revision: String,
    },
    /// `GET /-/package/{name}/dist-tags`
    DistTags {
        /// The package.
        name: PackageName,
    },
    /// `PUT /-/package/{name}/dist-tags/{tag}`
    SetDistTag {
        /// The package.
        name: PackageName,
        /// The tag to set.
        tag: DistTag,
    },
    /// `DELETE /-/package/{name}/dist-tags/{tag}`
    RemoveDistTag {
        /// The package.
        name: PackageName,
        /// The tag to remove, unchecked: it may be older than the rules for tags.
        tag: String,
    },
    /// `GET /-/sbom/{name}/{version}`
    Sbom {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
    },
    /// `GET /-/package/{name}/owners`
    Owners {
        /// The package.
        name: PackageName,
    },
    /// `PUT /-/package/{name}/owners`
    AddOwner {
        /// The package.
        name: PackageName,
    },
    /// `DELETE /-/package/{name}/owners/{account}`
    RemoveOwner {
        /// The package.
        name: PackageName,
        /// The owner to remove.
        account: String,
    },
    /// `PUT /-/user/org.couchdb.user:{account}`: login or sign-up.
    Login {
        /// The account, as typed.
        account: String,
    },
    /// `PUT /-/user/org.couchdb.user:{account}/-rev/{revision}`: a login repeated after a conflict.
    LoginRevision {
        /// The account, as typed.
        account: String,
        /// The revision of the account's document, unchecked.
        revision: String,
    },
    /// `GET /-/user/org.couchdb.user:{account}`
    User {
        /// The account.
        account: String,
    },
    /// `DELETE /-/user/token/{token}`
    Logout {
        /// The token to revoke.
        token: SecretString,
    },
    /// `PUT /-/user/v1/star`, `PUT /-/user/package/{name}/star`
    Star {
        /// The package; `None` if the body names it.
        name: Option<PackageName>,
    },
    /// `DELETE /-/user/v1/star`, `DELETE /-/user/package/{name}/star`
    Unstar {
        /// The package; `None` if the body names it.
        name: Option<PackageName>,
    },
    /// `GET /-/user/v1/star`, `GET /-/user/{account}/stars`, `GET /-/util/user/{account}/stars`
    Stars {
        /// The account whose stars are listed; `None` for the caller.
        account: Option<String>,
    },
    /// `GET /-/_view/starredByUser`: the query names the account.
    StarredBy,
    /// The audit routes below `/-/npm/v1/`.
    Audit(AuditRoute),
    /// The caller's own account and tokens.
    Token(TokenRoute),
    /// Versions that await approval.
    Stage(StageRoute),
    /// Organizations, teams, and the access of packages.
    Access(AccessRoute),
    /// Trusted publishers of a package, and their token exchange.
    Trust(TrustRoute),
    /// `GET /-/v1/search`: the query holds the search terms.
    Search,
    /// `GET /-/changes`: the change feed.
    Changes,
    /// Counts of downloads.
    Downloads(DownloadRoute),
    /// Policies on versions.
    Policy(PolicyRoute),
    /// The caller's hooks.
    Hook(HookRoute),
    /// A login in the browser.
    WebLogin(WebLoginRoute),
    /// A web page.
    #[cfg(feature = "web")]
    Web(WebRoute),
}

impl Route {
    /// Parses a route from the raw path: still percent-encoded, without query and without the configured prefix (see
    /// [`strip_prefix`]).
    pub fn parse(method: &Method, raw_path: &str) -> Result<Self, RouteError> {
        let verb = Verb::of(method);
        if raw_path == "/" {
            return verb.read_only(Self::Root);
        }
        let segments = Segments::split(raw_path)?;
        let route = if segments.get(0) == Some("-") {
            of_the_registry::parse(verb, &segments)?
        } else if let Some(route) = DownloadRoute::parse(verb, &segments) {
            Self::Downloads(route?)
        } else {
            of_a_package::parse(verb, &segments)?
        };
        let is_about_a_secret =
            matches!(route, Self::Logout { .. } | Self::Token(TokenRoute::Revoke { .. }) | Self::WebLogin(_));
        if !is_about_a_secret && loggable::has_whole_token(segments.text()) {
            return Err(RouteError::Token);
        }
        Ok(route)
    }

    /// A short name for logs and metrics, the same for all packages and accounts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Robots => "robots",
            Self::Ping => "ping",
            Self::Whoami => "whoami",
            Self::Packument { .. } => "packument",
            Self::Manifest { .. } => "manifest",
            Self::Tarball { .. } => "tarball",
            Self::PutPackument { .. } => "put-packument",
            Self::PutPackumentRevision { .. } => "put-packument-revision",
            Self::DeletePackument { .. } => "delete-packument",
            Self::DeleteTarball { .. } => "delete-tarball",
            Self::DistTags { .. } => "dist-tags",
            Self::SetDistTag { .. } => "set-dist-tag",
            Self::RemoveDistTag { .. } => "remove-dist-tag",
            Self::Sbom { .. } => "sbom",
            Self::Owners { .. } => "owners",
            Self::AddOwner { .. } => "add-owner",
            Self::RemoveOwner { .. } => "remove-owner",
            Self::Login { .. } => "login",
            Self::LoginRevision { .. } => "login-revision",
            Self::User { .. } => "user",
            Self::Logout { .. } => "logout",
            Self::Star { .. } => "star",
            Self::Unstar { .. } => "unstar",
            Self::Stars { .. } => "stars",
            Self::StarredBy => "starred-by",
            Self::Audit(route) => route.kind(),
            Self::Token(route) => route.kind(),
            Self::Stage(route) => route.kind(),
            Self::Access(route) => route.kind(),
            Self::Trust(route) => route.kind(),
            Self::Search => "search",
            Self::Changes => "changes",
            Self::Downloads(route) => route.kind(),
            Self::Policy(route) => route.kind(),
            Self::Hook(route) => route.kind(),
            Self::WebLogin(route) => route.kind(),
            #[cfg(feature = "web")]
            Self::Web(route) => route.kind(),
        }
    }
}

/// The methods that routes distinguish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Read,
    Post,
    Put,
    Delete,
    Other,
}

impl Verb {
    fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD => Self::Read,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            Method::DELETE => Self::Delete,
            _ => Self::Other,
        }
    }

    /// Returns the route, if this verb only reads.
    fn read_only(self, route: Route) -> Result<Route, RouteError> {
        match self {
            Self::Read => Ok(route),
            _ => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD" }),
        }
    }
}
