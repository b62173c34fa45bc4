//! The HTTP interface: maps a request to a [`Route`](route::Route), a caller and one operation, and the operation's
//! result to a response. It holds no rule of the registry.
//!
//! ```
//! use registry_core::http::route::Route;
//! let route = Route::parse(&http::Method::GET, "/@acme%2fpear")?;
//! assert!(matches!(&route, Route::Packument { name } if name.as_str() == "@acme/pear"));
//! # Ok::<(), registry_core::http::route::RouteError>(())
//! ```

mod access;
mod accounts;
mod answer;
mod audit;
mod base_url;
mod body;
mod challenge;
mod changes;
mod conditional;
mod dispatch;
mod dist_tags;
mod downloads;
mod error_status;
mod find_route;
mod handle;
mod hooks;
mod host;
mod incoming;
mod negotiation;
mod origin;
mod own_request;
mod owners;
mod packument;
mod paging;
mod policy;
mod profile;
mod range;
mod robots;
pub mod route;
mod sbom;
mod search;
mod security_headers;
mod stage;
mod stars;
mod status;
mod tarball;
mod token_request;
mod tokens;
#[cfg(feature = "tower")]
mod tower;
mod trust;
#[cfg(feature = "web")]
mod web;
mod web_login;
mod writes;

pub use base_url::{PathAbove, TrustedProxy};
pub use body::Body;
pub use handle::{ClientAddress, PrincipalName, RequestId, RouteKind, UnprovenProxies};
pub use host::{HostError, is_loopback_host, request_host, without_port};
