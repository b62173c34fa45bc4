use registry_core::Error;
use registry_core::domain::DistTag;
use registry_core::domain::publication::Publication;
use registry_core::error::NewPackageError;
use registry_core::limits::Limits;
use registry_testkit::tarball::Tarball;
use serde_json::json;

use super::{Proxy, TARBALL, ana};

fn publication(name: &str, version: &str) -> Publication {
    let tarball = Tarball::of_manifest(json!({ "name": name, "version": version })).pack();
    Publication::from_tarball(tarball.into(), DistTag::latest(), &Limits::default()).unwrap()
}

#[tokio::test]
async fn a_name_that_exists_upstream_cannot_be_begun_here() {
    let proxy = Proxy::start();
    let refused = proxy.registry.publish(&ana(), publication("pear", "2.0.0")).await;
    assert!(
        matches!(refused, Err(Error::NewPackage(NewPackageError::NameTakenUpstream { .. }))),
        "{refused:?}"
    );
    proxy.registry.publish(&ana(), publication("apple", "1.0.0")).await.unwrap();
}

/// What is true of npm's own registry: some of its packages have names that no new one may have.
#[tokio::test]
async fn names_that_no_new_package_may_have_are_read_from_upstream_all_the_same() {
    let proxy = Proxy::start();
    for name in ["pe*ar", "@pe~ar/x", "aux", "nul.js", "pear."] {
        proxy.upstream.publish(name, "1.0.0", TARBALL);
        let path = format!("/{}", name.replace('/', "%2f"));
        assert_eq!(proxy.json(&path).await["dist-tags"]["latest"], "1.0.0", "{name}");
    }
    let refused = proxy.registry.publish(&ana(), publication("fi*g", "1.0.0")).await.unwrap_err();
    assert!(refused.to_string().contains("choose another name"), "{refused}");
}

#[tokio::test]
async fn a_dry_run_refuses_a_name_as_a_publish_does() {
    let proxy = Proxy::start();
    proxy.registry.publish(&ana(), publication("apple", "1.0.0")).await.unwrap();
    for name in ["pear", "fi*g", "Apple", "nul", "apple."] {
        let tried = proxy.registry.check_publish(&ana(), &publication(name, "1.0.0")).await.unwrap_err();
        let refused = proxy.registry.publish(&ana(), publication(name, "1.0.0")).await.unwrap_err();
        assert_eq!(tried.to_string(), refused.to_string(), "{name}");
    }
    proxy.registry.check_publish(&ana(), &publication("fig", "1.0.0")).await.unwrap();
}

#[tokio::test]
async fn an_upstream_that_cannot_answer_refuses_too() {
    let proxy = Proxy::start();
    proxy.upstream.set_down(true);
    let refused = proxy.registry.publish(&ana(), publication("apple", "1.0.0")).await;
    assert!(refused.is_err());
    // A name that is hosted already, or hosted only, needs no upstream's word.
    proxy.registry.publish(&ana(), publication("@ours/web", "1.0.0")).await.unwrap();
    proxy.upstream.set_down(false);
    proxy.clock.advance(std::time::Duration::from_mins(1));
    proxy.registry.publish(&ana(), publication("apple", "1.0.0")).await.unwrap();
    proxy.upstream.set_down(true);
    proxy.registry.publish(&ana(), publication("apple", "1.1.0")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_publisher_is_told_within_five_seconds_which_upstream_hangs() {
    let proxy = Proxy::start();
    proxy.upstream.set_packuments_hang(true);
    let begun = tokio::time::Instant::now();
    let refused = proxy.registry.publish(&ana(), publication("apple", "1.0.0")).await.unwrap_err();
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    let text = refused.to_string();
    assert!(text.starts_with("the upstream registry npm could not tell whether it has apple"), "{text}");
    // What is hosted only needs no upstream.
    proxy.registry.publish(&ana(), publication("@ours/web", "1.0.0")).await.unwrap();
}

#[tokio::test]
async fn a_package_of_both_is_ours_whole() {
    let rules = json!([{
        "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["hosted", "npm"], "shadow": true
    }]);
    let proxy = Proxy::with_rules(&rules);
    assert_eq!(proxy.json("/pear").await["dist-tags"]["latest"], "1.0.0");
    proxy.registry.publish(&ana(), publication("pear", "2.0.0")).await.unwrap();
    let versions =
        proxy.json("/pear").await["versions"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(versions, ["2.0.0"]);
    assert_eq!(proxy.get("/pear/-/pear-1.0.0.tgz").await.0, 404);

    // Unpublished, it is gone, and not the other one again.
    let name = "pear".parse().unwrap();
    proxy.registry.unpublish_package(&ana(), &name, None).await.unwrap();
    assert_eq!(proxy.get("/pear").await.0, 404);
}

#[tokio::test]
async fn what_comes_from_elsewhere_is_not_published_here() {
    let rules =
        json!([{ "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["npm"] }]);
    let proxy = Proxy::with_rules(&rules);
    let refused = proxy.registry.publish(&ana(), publication("apple", "1.0.0")).await;
    assert!(matches!(refused, Err(Error::NewPackage(NewPackageError::NotHostedHere { .. }))), "{refused:?}");
}
