//! Object stores of other makers, each in a process of its own on this machine.
//!
//! ```
//! use registry_testkit::object_stores::StoreAddress;
//! let options = [("aws_region", "eu-west-1"), ("aws_secret_access_key", "hush")];
//! let store = StoreAddress::new("s3://registry", options);
//! assert_eq!(store.url("team/a").as_str(), "s3://registry/team/a");
//! assert!(store.environment().contains(&("AWS_REGION".to_owned(), "eu-west-1".to_owned())));
//! ```
//!
//! [`Ministack`] speaks S3 and keeps its promises, [`Azurite`] speaks Azure Blob Storage and keeps them, and [`S3rver`]
//! speaks S3 and does not. All are installed once into `target/clients`, at pinned versions: Ministack by Python's
//! `pip`, the others by `npm`. They listen on `127.0.0.1` only, on a port that the system chose, and end when they
//! are dropped.

mod address;
mod azurite;
mod ministack;
mod proxy;
mod s3rver;
mod serving;

pub use address::StoreAddress;
pub use azurite::Azurite;
pub use ministack::{Ministack, REGISTRY_POLICY};
pub use proxy::{LostAnswer, PassedRequest, StoreProxy};
pub use s3rver::S3rver;
