//! What each contract of `registry-core` promises, as checks that run the same against any implementation.
//!
//! A suite panics and names what failed. The one for blob stores comes a second time, as a report, for a caller that
//! shows it.
//!
//! ```
//! use registry_core::storage::ObjectStoreBlobs;
//! use registry_testkit::conformance::{self, BlobStoreCapabilities};
//! use std::sync::Arc;
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
//! let make = || async { Arc::new(ObjectStoreBlobs::in_memory()) as _ };
//! let report = conformance::blob_store_report(make, BlobStoreCapabilities { signed_urls: true }).await;
//! let failed: Vec<_> = report.iter().filter(|check| check.failure.is_some()).map(|check| check.name).collect();
//! assert_eq!(failed, ["signed_urls_are_given_as_declared"]);
//! # });
//! ```

mod auth_provider;
mod blob_store;
mod check;
mod event_sink;
mod served_packages;
mod upstream;

pub use auth_provider::{KnownAccount, auth_provider};
pub use blob_store::{BlobStoreCapabilities, blob_store, blob_store_report, hidden_blob, hidden_blob_report};
pub use check::CheckOutcome;
pub use event_sink::event_sink;
pub use served_packages::{ServedPackage, ServedPackages, ServedVersion};
pub use upstream::upstream;
