//! Hosted packages: publish, read, dist-tags, deprecate, unpublish, owners, stars and stages, one operation a file. An
//! operation takes a typed request on behalf of a [`Caller`](crate::auth::Caller) and knows neither HTTP nor any particular
//! backend.
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::{Error, Registry, auth::Caller, domain::PackageName, storage::ObjectStoreBlobs};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).open_to_everyone().build();
//! let pear = PackageName::parse("pear").unwrap();
//! let answer = registry.dist_tags(&Caller::anonymous(), &pear).await;
//! assert!(matches!(answer, Err(Error::PackageNotFound(_))));
//! # });
//! ```

pub(crate) mod authorize;
pub(crate) mod commit;
pub(crate) mod deprecate;
pub(crate) mod derived_cache;
mod dist_tags;
pub(crate) mod document_change;
mod foreign_change;
pub(crate) mod known_bases;
mod manifest;
mod operator;
mod outline;
mod owners;
pub(crate) mod package_access;
pub(crate) mod packument;
pub(crate) mod publish;
pub(crate) mod read_index;
pub(crate) mod spelling;
pub(crate) mod stage;
pub(crate) mod star;
pub(crate) mod summary;
pub(crate) mod tarball;
pub(crate) mod tarball_redirect;
mod unpublish;

pub use document_change::ChangeDocument;
pub use outline::{Outline, OutlinedRule};
pub use package_access::{Collaborator, PackageAccessChange};
pub use packument::Representation;
pub use publish::Published;
pub use stage::StagedItem;
pub use tarball::{FoundTarball, TarballRange};
pub use tarball_redirect::TarballRedirect;
