//! What clients and browsers ask for at addresses that are not quite those of a package.

use http::Method;
use insta::assert_snapshot;
use registry_core::domain::PackageName;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;

async fn publish(registry: &TestRegistry, name: &str) {
    let document = PublishDocument::new(name, "1.0.0");
    let _ = registry.ana().publish(&document).await.assert_status(201);
}

#[tokio::test]
async fn a_name_that_npm_does_not_accept_is_a_bad_request() {
    let registry = TestRegistry::builder().start().await;
    for path in [
        "/_x",
        "/.x",
        "/@x",
        "/x@y",
        "/@x/.y",
        "/node_modules",
        "/_x/-/x-1.0.0.tgz",
        "/-/package/_x/dist-tags",
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = registry.anonymous().ask(method.clone(), path, "").await;
            assert_eq!(answer.status, 400, "{method} {path}");
            assert!(method == Method::HEAD || !answer.error().is_empty(), "{path}");
        }
    }
}

#[tokio::test]
async fn a_second_slash_at_the_beginning_is_read_as_one() {
    let registry = TestRegistry::builder().path_prefix("/registry").start().await;
    publish(&registry, "pear").await;
    for path in ["//pear", "///pear", "/registry//pear", "//pear/latest", "//pear/-/pear-1.0.0.tgz"] {
        let _ = registry.anonymous().get(path).await.assert_status(200);
    }
    for path in ["/pear//1.0.0", "/pear//", "//", "//-/whoami", "//registry/-/whoami"] {
        let _ = registry.ana().get(path).await.assert_status(404);
    }
    let fig = registry.ana().put("//fig", &serde_json::json!({ "name": "fig" })).await;
    let _ = fig.assert_status(404);
}

#[tokio::test]
async fn files_that_browsers_and_crawlers_ask_for_are_no_packages() {
    let registry = TestRegistry::builder().start().await;
    let robots = registry.anonymous().get("/robots.txt").await.assert_status(200);
    assert_eq!(robots.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_snapshot!(robots.text(), @r"
    User-agent: *
    Disallow: /
    ");
    let _ = registry.anonymous().get("/favicon.ico").await.assert_status(404);
    for name in ["robots.txt", "favicon.ico"] {
        assert!(PackageName::parse(name).is_err(), "{name}");
        let document = PublishDocument::new(name, "1.0.0").build();
        let answer = registry.ana().put(&format!("/{name}"), &document).await;
        assert!(answer.status.is_client_error(), "{name}: {}", answer.status);
    }
}

#[tokio::test]
async fn lock_files_of_another_registry_find_their_tarballs() {
    let prefixes = ["/api/npm/npm-local", "/repository/npm/", "npm"];
    let registry = TestRegistry::builder().legacy_prefixes(&prefixes).start().await;
    for name in ["pear", "@acme/pear"] {
        publish(&registry, name).await;
        for prefix in ["/api/npm/npm-local", "/repository/npm", "/npm"] {
            for path in [format!("/{name}/-/pear-1.0.0.tgz"), format!("/{name}/-/{name}-1.0.0.tgz")] {
                let tarball = registry.anonymous().get(&format!("{prefix}{path}")).await.assert_status(200);
                assert_eq!(tarball.body, registry.anonymous().get(&path).await.assert_status(200).body);
            }
        }
        let packument = registry.anonymous().get(&format!("/repository/npm/{name}")).await.assert_status(200);
        let expected = format!("/{name}/-/pear-1.0.0.tgz");
        let tarball = packument.json()["versions"]["1.0.0"]["dist"]["tarball"].as_str().unwrap().to_owned();
        assert!(tarball.ends_with(&expected) && !tarball.contains("repository"), "{tarball}");
    }
}

#[tokio::test]
async fn below_a_prefix_of_another_registry_reads_of_packages_are_all_there_is() {
    let registry = TestRegistry::builder().legacy_prefixes(&["/npm"]).start().await;
    publish(&registry, "npm").await;
    publish(&registry, "pear").await;
    // What is a route of its own stays that.
    let latest = registry.anonymous().get("/npm/latest").await.assert_status(200);
    assert_eq!(latest.json()["name"], "npm");
    let _ = registry.anonymous().get("/npm/pear").await.assert_status(404);
    let document = PublishDocument::new("fig", "1.0.0").build().to_string();
    for (method, path) in [
        (Method::PUT, "/npm/fig"),
        (Method::DELETE, "/npm/pear/-rev/1-0"),
        (Method::DELETE, "/npm/pear/-/pear-1.0.0.tgz/-rev/1-0"),
        (Method::GET, "/npm/-/whoami"),
        (Method::PUT, "/npm/-/package/pear/dist-tags/beta"),
        (Method::GET, "/other/pear/-/pear-1.0.0.tgz"),
        (Method::GET, "/npm-2/pear/-/pear-1.0.0.tgz"),
    ] {
        let answer = registry.ana().ask(method.clone(), path, document.clone()).await;
        assert!(answer.status.is_client_error(), "{method} {path}: {}", answer.status);
    }
    let _ = registry.anonymous().get("/fig").await.assert_status(404);
    let _ = registry.anonymous().get("/pear").await.assert_status(200);
}
