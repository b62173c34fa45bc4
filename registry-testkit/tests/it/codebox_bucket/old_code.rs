//! What the old code makes of the bucket once this registry works on it. Going back is going back to this.

use registry_testkit::TestRegistry;
use registry_testkit::codebox_npm::{API_ENDPOINT, CodeboxNpm};
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{moved, packages_in};

/// The old deployment, on what is in the store now.
async fn old_code_on(registry: &TestRegistry) -> CodeboxNpm {
    CodeboxNpm::on(API_ENDPOINT, registry.store()).await.unwrap()
}

/// Whether the old code serves this version: its packument names an address below the old deployment, and the handler
/// of that address has the bytes.
fn is_served(codebox: &CodeboxNpm, name: &str, version: &str) -> bool {
    let packument = codebox.package(name);
    let url = packument.body["versions"][version]["dist"]["tarball"].as_str().map(str::to_owned);
    let path = url.as_deref().and_then(|url| url.strip_prefix(API_ENDPOINT)?.strip_prefix('/'));
    let file = path.and_then(|path| path.strip_prefix(name)?.strip_prefix("/-/"));
    packument.status == 200 && file.is_some_and(|file| codebox.tarball(name, file).is_some())
}

#[tokio::test]
async fn a_package_without_a_write_is_unchanged() {
    let registry = moved().await;
    let _ = registry.ana().publish(&PublishDocument::new("left-pear", "1.2.0")).await.assert_status(201);
    let _ = registry.anonymous().get("/@acme%2ftools").await.assert_status(200);
    let _ = registry.anonymous().get("/-/v1/search?text=pear").await.assert_status(200);
    let (before, after) = (CodeboxNpm::sample(), old_code_on(&registry).await);
    for name in ["@acme%2ftools", "OldPear", "no-endpoint"] {
        assert_eq!(after.package(name), before.package(name), "{name}");
        assert_eq!(after.dist_tags(name), before.dist_tags(name), "{name}");
    }
    assert!(is_served(&after, "@acme%2ftools", "1.0.0") && is_served(&after, "@acme%2ftools", "1.1.0"));
}

#[tokio::test]
async fn of_a_package_that_was_written_to_it_serves_the_versions_that_it_published() {
    let registry = moved().await;
    let ana = registry.ana();
    let _ = ana.publish(&PublishDocument::new("left-pear", "1.2.0").tag("next")).await.assert_status(201);
    let _ = ana.put("/-/package/left-pear/dist-tags/stable", &json!("1.1.0")).await.assert_status(200);
    let mut seen = ana.get("/left-pear").await.assert_status(200).json();
    seen["versions"]["1.1.0"]["deprecated"] = json!("eat figs");
    let _ = ana.put("/left-pear", &seen).await.assert_status(200);

    let codebox = old_code_on(&registry).await;
    let packument = codebox.package("left-pear").body;
    assert_eq!(packument["dist-tags"]["stable"], "1.1.0");
    assert_eq!(packument["versions"]["1.1.0"]["deprecated"], "eat figs");
    for version in ["1.0.0", "1.1.0", "2.0.0-beta.1"] {
        assert!(is_served(&codebox, "left-pear", version), "{version}");
    }
    // It shows the new version, and has no tarball for it.
    assert_eq!(packument["versions"]["1.2.0"]["dist"]["tarball"], "left-pear/-/left-pear-1.2.0.tgz");
    assert_eq!(codebox.tarball("left-pear", "left-pear-1.2.0.tgz"), None);
}

#[tokio::test]
async fn a_new_package_under_capitals_leaves_the_index_of_the_old_code_alone() {
    let registry = moved().await;
    let _ = registry.ana().publish(&PublishDocument::new("OldPear", "0.2.0")).await.assert_status(201);
    let (before, after) = (CodeboxNpm::sample(), old_code_on(&registry).await);
    assert_eq!(after.package("OldPear"), before.package("OldPear"));
    assert!(is_served(&after, "OldPear", "0.1.0"));
    let packument = registry.anonymous().get("/OldPear").await.json();
    assert_eq!(packument["dist-tags"]["latest"], "0.2.0");
    assert_eq!(packument["versions"].as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn an_unpublished_version_is_gone_from_the_old_code_too() {
    let registry = moved().await;
    let ana = registry.ana();
    let mut seen = ana.get("/left-pear").await.assert_status(200).json();
    let revision = seen["_rev"].as_str().unwrap().to_owned();
    seen["versions"].as_object_mut().unwrap().shift_remove("1.0.0");
    let _ = ana.put(&format!("/left-pear/-rev/{revision}"), &seen).await.assert_status(200);
    let codebox = old_code_on(&registry).await;
    assert!(!is_served(&codebox, "left-pear", "1.0.0") && is_served(&codebox, "left-pear", "1.1.0"));
    assert_eq!(codebox.tarball("left-pear", "left-pear-1.0.0.tgz"), None);
}

#[tokio::test]
async fn what_the_old_code_publishes_meanwhile_is_served() {
    let registry = moved().await;
    let ana = registry.ana();
    let _ = ana.publish(&PublishDocument::new("left-pear", "1.2.0")).await.assert_status(201);
    let mut codebox = old_code_on(&registry).await;
    let late = PublishDocument::new("left-pear", "1.3.0");
    assert_eq!(codebox.publish("left-pear", &late.build()).status, 200);
    codebox.copy_to(registry.store()).await.unwrap();

    let packument = registry.anonymous().get("/left-pear").await.assert_status(200).json();
    assert_eq!(packument["dist-tags"]["latest"], "1.3.0");
    for (version, bytes) in
        [("1.2.0", PublishDocument::new("left-pear", "1.2.0").tarball()), ("1.3.0", late.tarball())]
    {
        let path = format!("/left-pear/-/left-pear-{version}.tgz");
        assert_eq!(registry.anonymous().get(&path).await.assert_status(200).body, bytes, "{version}");
    }
    let _ = ana.publish(&PublishDocument::new("left-pear", "1.4.0")).await.assert_status(201);
    assert_eq!(packages_in(&registry).await.keys().filter(|key| key.contains("1.3.0")).count(), 1);
    let _ = registry.anonymous().get("/left-pear/-/left-pear-1.3.0.tgz").await.assert_status(200);
}
