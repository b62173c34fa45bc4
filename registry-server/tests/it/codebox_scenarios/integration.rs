//! `integration/npm.test.js`, with the real npm.

use registry_testkit::clients::{Npm, package};

use crate::support::{Registry, publish};

async fn published() -> (Registry, Npm) {
    let registry = Registry::start().await;
    let npm = registry.user("foo-user").await;
    publish(&npm, &package("test-package", "1.0.0")).await;
    (registry, npm)
}

#[tokio::test]
async fn npm_get_registry_is_not_the_public_npm_registry() {
    let registry = Registry::start().await;
    let npm = registry.stranger().await;
    let printed = npm.run(&["get", "registry"]).await.assert_success().stdout;
    assert_eq!(printed, format!("{}/\n", registry.server.base_url()));
}

#[tokio::test]
async fn publish_prints_test_package_1_0_0() {
    let registry = Registry::start().await;
    let npm = registry.user("foo-user").await;
    let folder = npm.home().project(&package("test-package", "1.0.0"));
    let _ = npm.run_in(&folder, &["publish"]).await.assert_success().assert_printed("+ test-package@1.0.0");
}

#[tokio::test]
async fn republish_of_same_version_does_not_print_test_package_1_0_0() {
    let (_registry, npm) = published().await;
    let folder = npm.home().project(&package("test-package", "1.0.0"));
    let output = npm.run_in(&folder, &["publish"]).await.assert_failure();
    assert!(!output.stdout.contains("test-package@1.0.0"), "{output}");
}

#[tokio::test]
async fn dist_tags_list_has_alpha() {
    let (_registry, npm) = published().await;
    let _ = npm.run(&["dist-tags", "add", "test-package@1.0.0", "alpha"]).await.assert_success();
    let output = npm.run(&["dist-tags", "ls", "test-package"]).await.assert_success();
    assert!(output.stdout.contains("alpha: 1.0.0"), "{output}");
}

#[tokio::test]
async fn dist_tags_add_prints_alpha_test_package_1_0_0() {
    let (_registry, npm) = published().await;
    let output = npm.run(&["dist-tags", "add", "test-package@1.0.0", "alpha"]).await.assert_success();
    assert!(output.stdout.contains("+alpha: test-package@1.0.0"), "{output}");
}

#[tokio::test]
async fn dist_tags_rm_prints_alpha_test_package_1_0_0() {
    let (_registry, npm) = published().await;
    let _ = npm.run(&["dist-tags", "add", "test-package@1.0.0", "alpha"]).await.assert_success();
    let output = npm.run(&["dist-tags", "rm", "test-package", "alpha"]).await.assert_success();
    assert!(output.stdout.contains("-alpha: test-package@1.0.0"), "{output}");
}
