//! Reads of what a client may have already.

use std::time::Duration;

use http::Request;
use registry_core::Body;
use registry_testkit::TestRegistry;
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;

async fn with_packages(registry: TestRegistry) -> TestRegistry {
    for name in ["pear"] {
        let _ = registry.ana().publish(&PublishDocument::new(name, "1.0.0")).await.assert_status(201);
    }
    registry
}

async fn get_if(registry: &TestRegistry, path: &str, name: &str, value: &str) -> TestResponse {
    let request = Request::get(path).header(name, value).body(Body::empty()).unwrap();
    registry.anonymous().send(request).await
}

#[tokio::test]
async fn a_date_tells_no_states_of_one_second_apart() {
    let registry = with_packages(TestRegistry::new().await).await;
    let since = "Fri, 02 Jan 2026 03:04:05 GMT";
    let first = registry.anonymous().get("/pear").await.assert_status(200);
    assert_eq!(first.header("last-modified"), None, "there may be another state of this second");
    let _ = get_if(&registry, "/pear", "if-modified-since", since).await.assert_status(200);

    registry.clock().advance(Duration::from_millis(500));
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(201);
    let second = get_if(&registry, "/pear", "if-modified-since", since).await.assert_status(200);
    assert!(second.json()["versions"]["1.1.0"].is_object());

    registry.clock().advance(Duration::from_millis(499));
    let _ = get_if(&registry, "/pear", "if-modified-since", since).await.assert_status(200);
    registry.clock().advance(Duration::from_millis(1));
    let _ = get_if(&registry, "/pear", "if-modified-since", since).await.assert_status(304);
    let third = registry.anonymous().get("/pear").await.assert_status(200);
    assert_eq!(third.header("last-modified"), Some(since));
    let earlier = "Fri, 02 Jan 2026 03:04:04 GMT";
    let _ = get_if(&registry, "/pear", "if-modified-since", earlier).await.assert_status(200);
}

#[tokio::test]
async fn dist_tags_have_an_etag() {
    let registry = with_packages(TestRegistry::new().await).await;
    let path = "/-/package/pear/dist-tags";
    let tags = registry.anonymous().get(path).await.assert_status(200);
    let etag = tags.header("etag").unwrap().to_owned();
    let unchanged = get_if(&registry, path, "if-none-match", &etag).await.assert_status(304);
    assert!(unchanged.body.is_empty());
    assert_eq!(unchanged.header("etag"), Some(etag.as_str()));
    let _ = get_if(&registry, path, "if-none-match", "\"other\"").await.assert_status(200);

    let set = registry.ana().put("/-/package/pear/dist-tags/next", &"1.0.0".into()).await;
    let _ = set.assert_status(200);
    let changed = get_if(&registry, path, "if-none-match", &etag).await.assert_status(200);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
    assert_eq!(changed.json()["next"], "1.0.0");
}

/// With the registry URL `…/npm/`, clients ask for `pear` at `/npm/pear`, which is a version of the package `npm`.
#[tokio::test]
async fn a_package_asked_for_below_a_surplus_path_is_told_the_right_url() {
    let registry = TestRegistry::builder().path_prefix("/registry").start().await;
    let registry = with_packages(registry).await;
    let text = async |path: &str| registry.anonymous().get(path).await.assert_status(404).error();
    let hint = ". Is the registry URL right? This registry answers at http://registry.example";
    for (path, base) in [("/npm/pear", "/"), ("/pear/apple", "/"), ("/registry/npm/pear", "/registry/")] {
        let text = text(path).await;
        assert!(text.ends_with(&format!("{hint}{base}")), "{path}: {text}");
    }
    for path in ["/npm", "/npm/1.0.0", "/npm/latest", "/pear/9.9.9", "/pear/^9.0.0", "/npm/-/npm-1.0.0.tgz"] {
        let text = text(path).await;
        assert!(!text.contains("registry URL"), "{path}: {text}");
    }
}
