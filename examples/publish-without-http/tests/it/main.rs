//! The typed operations on a store in memory.

use std::sync::Arc;

use publish_without_http::{publish, read_back};
use registry_core::auth::{Caller, Principal};
use registry_core::error::{PackageError, PermissionError};
use registry_core::storage::ObjectStoreBlobs;
use registry_core::{Error, Registry};
use registry_testkit::tarball::Tarball;

fn registry() -> Registry {
    Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).open_to_everyone().build()
}

fn robot() -> Caller {
    Caller::from(Principal::user("release-robot"))
}

#[tokio::test]
async fn what_is_published_is_read_back_byte_for_byte() {
    let registry = registry();
    let tarball = Tarball::new("@acme/pear", "1.2.3").file("index.js", b"module.exports = 1;").pack();
    let published = publish(&registry, &robot(), tarball.clone().into()).await.unwrap();
    assert_eq!((published.name.as_str(), published.version.as_str()), ("@acme/pear", "1.2.3"));
    assert_eq!(read_back(&registry, &robot(), &published).await.unwrap(), tarball);
}

#[tokio::test]
async fn a_version_is_published_once() {
    let registry = registry();
    let first = Tarball::new("pear", "1.0.0").pack();
    publish(&registry, &robot(), first.into()).await.unwrap();
    let other = Tarball::new("pear", "1.0.0").file("index.js", b"other bytes").pack();
    let refused = publish(&registry, &robot(), other.into()).await.unwrap_err();
    assert!(
        matches!(refused.downcast_ref(), Some(Error::Package(PackageError::VersionTaken { .. }))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn the_access_rules_hold_without_http_too() {
    let tarball = Tarball::new("pear", "1.0.0").pack();
    let refused = publish(&registry(), &Caller::anonymous(), tarball.into()).await.unwrap_err();
    assert!(
        matches!(refused.downcast_ref(), Some(Error::Permission(PermissionError::AuthenticationRequired))),
        "{refused:?}"
    );
}
