//! Packages that are written to while they are copied.

use registry_testkit::test_registry::TestClient;
use registry_testkit::test_sigstore::{Build, TestSigstore};
use serde_json::Value;

use super::*;

async fn unpublish(client: &TestClient, name: &str, version: Option<&str>) {
    let mut packument: Value = client.get(&format!("/{name}")).await.json();
    let revision = packument["_rev"].as_str().unwrap().to_owned();
    let path = format!("/{name}/-rev/{revision}");
    let Some(version) = version else {
        let _ = client.delete(&path).await.assert_status(200);
        return;
    };
    packument["versions"].as_object_mut().unwrap().shift_remove(version);
    packument["dist-tags"].as_object_mut().unwrap().retain(|_, named| named != version);
    let _ = client.put(&path, &packument).await.assert_status(200);
}

/// Copies, and does something when the first object that is meant is about to be written to the copy.
async fn copy_with(copying: &Copying, key: &'static str, meanwhile: impl Future<Output = ()>) {
    let gate = Gate::new();
    copying.target.fail_next_at(Operation::Put, move |path| path == key, Fault::Hold(gate.clone()));
    let work = async {
        gate.reached().await;
        meanwhile.await;
        gate.open();
    };
    let (objects, ()) = futures::future::join(copying.copied(), work).await;
    assert!(!objects.is_empty());
    let copied = Registry::builder(Arc::clone(&copying.target) as _).build();
    let _ = sound_packages(&copied).await;
    assert!(copying.has_marker().await);
}

#[tokio::test]
async fn an_unpublish_leaves_no_version_without_its_tarball() {
    for key in ["pear/index.json", "_spellings/pear", "_names/ana.json"] {
        for version in [Some("1.0.0"), Some("1.1.0"), None] {
            let copying = Copying::new().await;
            let ana = copying.registry.ana();
            Box::pin(copy_with(&copying, key, unpublish(&ana, "pear", version))).await;
            assert!(
                copying.differences().await.iter().all(|path| !path.starts_with("pear/")),
                "{key} {version:?}: {:?}",
                copying.differences().await
            );
        }
    }
}

/// Its tarball is in no listing.
#[tokio::test]
async fn a_version_that_comes_and_goes_leaves_nothing_behind() {
    let copying = Copying::new().await;
    let ana = copying.registry.ana();
    let _ = ana.publish(&PublishDocument::new("pear", "1.2.0")).await.assert_status(201);
    // The packument is read before it is held, so it names 1.2.0.
    let meanwhile = async {
        unpublish(&ana, "pear", Some("1.2.0")).await;
        let _ = ana.publish(&PublishDocument::new("pear", "1.3.0")).await.assert_status(201);
    };
    Box::pin(copy_with(&copying, "pear/index.json", meanwhile)).await;
    let packument = copying.target.get(&path("pear/index.json")).await.unwrap().unwrap();
    let packument: Value = serde_json::from_slice(&packument.bytes).unwrap();
    let versions: Vec<_> = packument["versions"].as_object().unwrap().keys().collect();
    assert_eq!(versions, ["1.0.0", "1.1.0", "1.3.0"]);
}

#[tokio::test]
async fn a_publish_is_copied_with_its_attestations() {
    for key in ["pear/index.json", "_spellings/pear", "_names/ana.json"] {
        let copying = Copying::new().await;
        let (ana, pear) = (copying.registry.ana(), PublishDocument::new("pear", "1.2.0"));
        let bundle = TestSigstore::new().bundle(&Build::new("pear", "1.2.0", &pear.tarball()));
        let publish = async {
            let _ = ana.publish(&pear.provenance(&bundle)).await.assert_status(201);
        };
        Box::pin(copy_with(&copying, key, publish)).await;
    }
}
