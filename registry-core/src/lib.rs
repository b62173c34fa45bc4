//! A private npm registry as a library whose only dependency is an object store.
//!
//! [`Registry`] is the entry point: give it a store, and it answers HTTP requests with [`Registry::handle`] and
//! provides the same operations as typed calls without HTTP, such as [`Registry::publish`]. With the feature `tower`, it
//! is a `tower_service::Service` that axum and hyper take as it is.
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::{Body, Registry, storage::ObjectStoreBlobs};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).build();
//! let request = http::Request::get("/-/ping").body(Body::empty()).unwrap();
//! assert_eq!(registry.handle(request).await.status(), 200);
//! # });
//! ```
//!
//! Modules
//!
//! - [`http`]: maps a request to a route, a caller and one operation, and the result to a response.
//! - [`packages`], [`proxy`], [`accounts`], [`organizations`], [`search`], [`audit`]: the operations, with all rules.
//! - [`bulk`]: operations of an operator on a whole storage.
//! - [`domain`]: npm's model. Pure.
//! - [`storage`], [`upstream`], [`auth`], [`events`]: the four contracts with external systems, and their adapters.
//! - [`access`]: the access rules.
//! - [`policy`]: which versions may be used.
//! - [`advisories`]: security advisories, kept in the store.
//! - [`downloads`]: how often each version is downloaded.
//! - [`measurements`]: counts and durations, for metrics.
//! - [`traces`]: spans of requests, and of what they cause.
//! - [`care`]: what operators do to keep a store in order.
//! - `provenance` (a feature): what Sigstore bundles say of a version, and the trust root that they are verified with.
//! - [`signing`]: signatures of versions, and, with the feature `signing`, a key for them in the store.
//! - `web` (a feature): how the web pages look.
//! - `settings` (a feature): `registry.toml` and the environment, and the registry that they describe.

pub mod access;
pub mod accounts;
pub mod advisories;
pub mod audit;
pub mod auth;
mod authorization;
mod blocking;
pub mod bulk;
pub mod care;
mod catalog;
pub mod changes;
pub mod clock;
mod concurrency;
pub mod domain;
pub mod downloads;
pub mod error;
pub mod events;
mod file_stamp;
#[cfg(feature = "hooks")]
pub mod hooks;
pub mod http;
pub mod limits;
pub mod measurements;
mod memberships;
mod nearest;
mod network;
pub mod organizations;
#[cfg(any(feature = "github", feature = "openid", feature = "upstream-http", feature = "webhooks"))]
mod outbound;
pub mod packages;
pub mod policy;
#[cfg(feature = "provenance")]
pub mod provenance;
pub mod proxy;
pub mod randomness;
mod registry;
#[cfg(any(feature = "hooks", feature = "signing"))]
mod sealing;
pub mod search;
#[cfg(feature = "settings")]
pub mod settings;
pub mod signing;
pub mod storage;
pub mod traces;
pub mod upstream;
mod vocabulary;
#[cfg(feature = "web")]
pub mod web;

pub use error::Error;
pub use http::Body;
pub use registry::{BuildContext, Readiness, ReadinessFinding, Registry, RegistryBuilder};

/// Tests the examples in the README.
#[cfg(all(doctest, feature = "local-accounts", feature = "local-disk", feature = "tower"))]
#[doc = include_str!("../README.md")]
mod readme {}
