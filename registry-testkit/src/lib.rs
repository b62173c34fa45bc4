//! What `registry-core` and everything built on it is tested with: backends in memory, faults, a clock,
//! conformance suites, real clients.
//!
//! ```
//! use registry_core::storage::ObjectStoreBlobs;
//! use registry_testkit::conformance::{self, BlobStoreCapabilities};
//! use std::sync::Arc;
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
//! conformance::blob_store(
//!     || async { Arc::new(ObjectStoreBlobs::in_memory()) as _ },
//!     BlobStoreCapabilities { signed_urls: false },
//! )
//! .await;
//! # });
//! ```

#[cfg(unix)]
pub mod benchmark;
#[cfg(unix)]
pub mod clients;
pub mod codebox_npm;
pub mod conformance;
#[cfg(unix)]
pub mod fake_gcs;
pub mod fake_github;
pub mod fake_issuer;
pub mod fake_lambda_runtime;
pub mod fake_receiver;
pub mod fake_s3;
pub mod fake_upstream;
pub mod faulty;
pub mod fuzzing;
pub mod http_client;
#[cfg(unix)]
pub mod machine_tools;
pub mod object_stores;
pub mod publish_document;
#[cfg(unix)]
pub mod python_tool;
#[cfg(unix)]
pub mod server_process;
pub mod simulation;
pub mod tarball;
pub mod test_registry;
pub mod test_sigstore;
pub mod unpackers;

mod amount;
mod authenticator;
mod browser;
mod changes;
mod clock;
mod events;
mod loopback_server;
mod randomness;
mod scripted_upstream;
mod tls_provider;

pub use amount::amount;
pub use authenticator::Authenticator;
pub use browser::{Browser, Page};
pub use changes::RecordedChanges;
pub use clock::FixedClock;
pub use events::RecordedEvents;
pub use randomness::SeededRandomness;
pub use scripted_upstream::ScriptedUpstream;
pub use test_registry::TestRegistry;
pub use tls_provider::install_tls_provider;

/// Tests the examples in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
