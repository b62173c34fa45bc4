//! A registry that is built without a word on access lets no caller do anything.

use std::sync::Arc;

use http::Request;
use registry_core::auth::{Caller, Principal};
use registry_core::domain::publication::Publication;
use registry_core::domain::{DistTag, PackageName};
use registry_core::error::PackageError;
use registry_core::limits::Limits;
use registry_core::storage::ObjectStoreBlobs;
use registry_core::{Body, Error, Registry, RegistryBuilder};
use registry_testkit::tarball::Tarball;

async fn publish(registry: &Registry) -> Result<(), Error> {
    let ana = Caller::from(Principal::user("ana"));
    let tarball = Tarball::new("pear", "1.0.0").pack().into();
    let publication = Publication::from_tarball(tarball, DistTag::latest(), &Limits::default()).unwrap();
    registry.publish(&ana, publication).await.map(drop)
}

async fn status_of(registry: &Registry, path: &str) -> u16 {
    let request = Request::get(path).body(Body::empty()).unwrap();
    registry.handle(request).await.status().as_u16()
}

#[tokio::test]
async fn nothing_is_read_or_published_until_rules_say_so() {
    let store = Arc::new(ObjectStoreBlobs::in_memory());
    let built = |change: fn(RegistryBuilder) -> RegistryBuilder| {
        change(Registry::builder(Arc::<ObjectStoreBlobs>::clone(&store))).build()
    };
    let closed = built(|builder| builder);
    assert!(matches!(publish(&closed).await, Err(Error::Package(PackageError::NotFound(_)))));
    assert_eq!(status_of(&closed, "/pear").await, 401);

    let open = built(RegistryBuilder::open_to_everyone);
    publish(&open).await.unwrap();
    assert_eq!(status_of(&open, "/pear").await, 200);

    // Also what is there already, and also for who is signed in.
    for path in ["/pear", "/pear/1.0.0", "/pear/-/pear-1.0.0.tgz", "/-/package/pear/dist-tags"] {
        assert_eq!(status_of(&closed, path).await, 401, "{path}");
    }
    let (pear, ana) = (PackageName::parse("pear").unwrap(), Caller::from(Principal::user("ana")));
    assert!(matches!(closed.dist_tags(&ana, &pear).await, Err(Error::Package(PackageError::NotFound(_)))));
}
