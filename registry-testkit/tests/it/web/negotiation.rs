use http::Method;
use registry_core::web::WebSettings;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::Value;

use super::{BROWSER, ask, open, tags_of};

/// What clients send: npm for documents and for tarballs, pnpm, yarn 1, yarn 4, bun, deno, curl.
const CLIENTS: [&str; 6] = [
    "*/*",
    "application/json",
    "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*",
    "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8",
    "application/vnd.npm.install-v1+json",
    "application/json; q=1.0, */*; q=0.1",
];

async fn registry() -> TestRegistry {
    let registry = TestRegistry::builder().downloads().start().await;
    for name in ["pear", "@acme/pear", "search", "package"] {
        let _ = registry.ana().publish(&PublishDocument::new(name, "1.0.0")).await.assert_status(201);
    }
    registry
}

#[tokio::test]
async fn clients_get_what_they_got_without_pages() {
    let with = registry().await;
    let without = without_pages(&with).await;
    let paths = [
        "/",
        "/pear",
        "/@acme%2fpear",
        "/@acme/pear",
        "/search",
        "/package",
        "/package/1.0.0",
        "/package/latest",
        "/pear/1.0.0",
        "/pear/-/pear-1.0.0.tgz",
        "/package/-/package-1.0.0.tgz",
        "/-/v1/search?text=pear",
        "/robots.txt",
        "/absent",
        "/-/ping",
    ];
    for path in paths {
        for accept in CLIENTS {
            let (one, other) =
                (ask(&with.anonymous(), path, accept).await, ask(&without, path, accept).await);
            let mut headers = one.headers.clone();
            headers.remove("access-control-allow-origin");
            assert_eq!((one.status, headers), (other.status, other.headers), "{path} {accept}");
            assert_eq!(one.body, other.body, "{path} {accept}");
        }
        let answer = with.anonymous().get(path).await;
        assert!(!answer.text().contains("<html"), "{path} without Accept");
        // A request that writes gets no page.
        let put = with.ana().ask(Method::DELETE, path, "").await;
        assert!(!put.text().contains("<html"), "{path}");
    }
}

/// The same packages in a registry that has no pages.
async fn without_pages(registry: &TestRegistry) -> TestClient {
    let settings = WebSettings { pages: false, ..WebSettings::default() };
    TestRegistry::builder().downloads().web(settings).start_on(registry).await.anonymous()
}

#[tokio::test]
async fn browsers_get_pages_and_json_where_they_ask_for_json() {
    let registry = registry().await;
    for path in [
        "/",
        "/pear",
        "/@acme/pear",
        "/@acme%2fpear",
        "/search?q=pear",
        "/package/pear",
        "/package/@acme/pear",
        "/package/pear/v/1.0.0",
        "/package/pear/versions",
        "/package/pear/dependencies",
        "/package/pear/access",
        "/package/pear/files",
        "/package/pear/files/package.json",
        "/package/pear/diff",
        "/-/web/set-up",
    ] {
        let page = open(&registry.anonymous(), path).await.assert_status(200);
        assert!(page.text().starts_with("<!DOCTYPE html><html lang=\"en\">"), "{path}");
        let head = registry
            .anonymous()
            .send(
                http::Request::head(path)
                    .header("accept", BROWSER)
                    .body(registry_core::Body::empty())
                    .unwrap(),
            )
            .await;
        assert_eq!(
            (head.status, head.header("content-length")),
            (page.status, page.header("content-length")),
            "{path}"
        );
    }
    let json = ask(&registry.anonymous(), "/pear", "application/json, text/html").await;
    assert_eq!(json.json()["name"], "pear");
}

#[tokio::test]
async fn a_page_loads_files_of_this_registry_and_holds_no_code() {
    let registry = registry().await;
    let paths = [
        "/",
        "/pear",
        "/package/pear/versions",
        "/package/pear/files/package.json",
        "/-/web/set-up",
        "/absent",
    ];
    for path in paths {
        let page = open(&registry.anonymous(), path).await;
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none';")
                && !policy.contains("unsafe")
                && !policy.contains("http"),
            "{policy}"
        );
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        for tag in tags_of(&page.text()) {
            let loads = |attribute: &str| {
                matches!(attribute, "src" | "srcset" | "data") || (tag.name == "link" && attribute == "href")
            };
            for (attribute, value) in &tag.attributes {
                assert!(!attribute.starts_with("on") && attribute != "style", "{path}: {tag:?}");
                assert!(!loads(attribute) || value.starts_with("/-/web/assets/"), "{path}: {tag:?}");
            }
            assert!(tag.name != "style" && tag.name != "iframe", "{path}");
        }
        assert!(!page.text().contains("<script>"), "{path}");
    }
}

#[tokio::test]
async fn files_of_pages_may_be_kept_for_good() {
    let registry = registry().await;
    let page = open(&registry.anonymous(), "/").await.text();
    let mut loaded = 0;
    for tag in tags_of(&page) {
        for (_, value) in tag.attributes.iter().filter(|(_, value)| value.starts_with("/-/web/assets/")) {
            let file = registry.anonymous().get(value).await.assert_status(200);
            assert_eq!(file.header("cache-control"), Some("public, immutable, max-age=31536000"));
            loaded += 1;
        }
    }
    assert_eq!(loaded, 4, "stylesheet, script, icon and the picture beside the title");
    let _ = registry.anonymous().get("/-/web/assets/style-0000000000000000.css").await.assert_status(404);
}

#[tokio::test]
async fn other_sites_may_read_what_anonymous_callers_may_and_nothing_else() {
    let closed = registry().await;
    let header = "access-control-allow-origin";
    let web = WebSettings { cross_origin: true, ..WebSettings::default() };
    let registry = TestRegistry::builder().web(web).downloads().start_on(&closed).await;
    let ana = registry.anonymous().with_token(closed.ana().token().unwrap());
    for path in [
        "/pear",
        "/pear/1.0.0",
        "/pear/-/pear-1.0.0.tgz",
        "/-/v1/search?text=pear",
        "/-/package/pear/dist-tags",
        "/downloads/point/last-week/pear",
        "/package/pear/badge.svg",
    ] {
        let answer = registry.anonymous().get(path).await.assert_status(200);
        assert_eq!(answer.header(header), Some("*"), "{path}");
        assert_eq!(ana.get(path).await.header(header), None, "{path} with a token");
        assert_eq!(closed.anonymous().get(path).await.header(header), None, "{path} by default");
    }
    for path in ["/", "/-/ping", "/-/whoami", "/absent", "/package/pear/versions"] {
        assert_eq!(registry.anonymous().get(path).await.header(header), None, "{path}");
    }
    assert_eq!(ana.publish(&PublishDocument::new("fig", "1.0.0")).await.header(header), None);
}

#[tokio::test]
async fn pages_below_a_prefix_link_below_it() {
    let registry = TestRegistry::builder().path_prefix("/npm").start().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    for path in ["/npm/", "/npm/pear", "/npm/package/pear/versions"] {
        let page = open(&registry.anonymous(), path).await.assert_status(200);
        for tag in tags_of(&page.text()) {
            for (attribute, value) in &tag.attributes {
                let is_link = matches!(attribute.as_str(), "href" | "src" | "action");
                let is_here = value.starts_with("/npm/") || value.starts_with('#');
                assert!(!is_link || is_here, "{path}: {tag:?}");
            }
        }
    }
}

#[tokio::test]
async fn without_pages_only_the_files_of_logins_are_left() {
    let registry = registry().await;
    let page = open(&registry.anonymous(), "/").await.text();
    let style = tags_of(&page).into_iter().find(|tag| tag.name == "link").unwrap();
    let style = style.attributes.into_iter().find(|(name, _)| name == "href").unwrap().1;
    let without = without_pages(&registry).await;
    let _ = without.get(&style).await.assert_status(200);
    assert_eq!(open(&without, "/pear").await.json()["name"], "pear");
    assert_eq!(open(&without, "/").await.json()["message"], Value::from("This is an npm registry."));
    for path in ["/package/pear/versions", "/-/web/set-up", "/package/@acme/pear"] {
        let _ = open(&without, path).await.assert_status(404);
    }
}
