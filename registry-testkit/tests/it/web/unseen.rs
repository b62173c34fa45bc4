//! No page shows what its viewer may not read.

use registry_core::access::AccessRules;
use registry_testkit::TestRegistry;
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{BROWSER, ask, open};

/// In the names, texts and files of all that strangers must not see.
const SECRET: &str = "hush";

/// Packages that are hidden in each way there is: by a rule, by their owners, since they wait for approval, since policies
/// refuse a version; and one that all see.
async fn world() -> TestRegistry {
    let rules = json!([
        { "match": "@hidden/*", "read": ["user:carol"], "publish": ["user:ana"] },
        { "match": "@mine/*", "read": ["@authenticated"], "publish": ["user:ana"] },
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"], "administer": ["user:ana"] },
    ]);
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(rules).unwrap()).unwrap();
    let registry = TestRegistry::builder().access(rules).downloads().block_list().start().await;
    let ana = registry.ana();
    let secret = |name: &str, version: &str| {
        PublishDocument::new(name, version)
            .field("description", json!(format!("{SECRET} description")))
            .field("keywords", json!([SECRET, "fruit"]))
            .file("README.md", SECRET.as_bytes())
            .file("hush.js", SECRET.as_bytes())
            .file("logo.png", SECRET.as_bytes())
    };
    let _ = ana.publish(&secret("@hidden/hush", "1.0.0")).await.assert_status(201);
    let _ = ana.publish(&secret("@mine/hush", "1.0.0")).await.assert_status(201);
    let restricted = secret("@owned/hush", "1.0.0").access("restricted");
    let _ = ana.publish(&restricted).await.assert_status(201);
    let _ = ana.stage(&secret("@waiting/hush", "1.0.0")).await.assert_status(201);
    let open = PublishDocument::new("pear", "1.0.0").field("keywords", json!(["fruit"]));
    let _ = ana.publish(&open).await.assert_status(201);
    let _ = ana.publish(&secret("pear", "1.1.0")).await.assert_status(201);
    let _ = ana.stage(&secret("pear", "1.2.0")).await.assert_status(201);
    let block = json!({ "package": "pear", "versions": "1.1.0", "reason": "is bad" });
    let _ = ana.post("/-/policy/blocks", &block).await.assert_status(201);
    registry
}

fn pages_of(name: &str, version: &str) -> Vec<String> {
    let package = format!("/package/{name}");
    let below = ["", "/files", "/files/hush.js", "/files/package.json", "/dependencies", "/raw/logo.png"];
    let mut pages: Vec<_> = below.iter().map(|page| format!("{package}/v/{version}{page}")).collect();
    pages.extend(
        ["", "/versions", "/access", "/diff", "/files", "/badge.svg"].map(|page| format!("{package}{page}")),
    );
    pages.push(format!("{package}/diff/1.0.0...{version}"));
    pages.push(format!("{package}/diff/{version}...1.0.0"));
    pages.push(format!("{package}/diff?from={version}&to=1.0.0"));
    pages.push(format!("/{name}"));
    pages
}

/// All that a viewer gets to see.
fn bytes_of(answer: &TestResponse) -> String {
    format!("{} {:?}\n{}", answer.status, answer.headers, answer.text())
}

#[tokio::test]
async fn a_hidden_package_looks_on_every_page_like_an_absent_one() {
    let registry = world().await;
    let ben = registry.user("ben").await;
    for viewer in [registry.anonymous(), ben] {
        for scope in ["@hidden", "@owned", "@waiting", "@mine"] {
            let (hidden, absent) = (format!("{scope}/hush"), format!("{scope}/void"));
            let json = viewer.get(&format!("/{scope}%2fhush")).await;
            if json.status == 200 {
                assert!(scope == "@mine" && viewer.token().is_some(), "{scope}");
                continue;
            }
            for (hidden, absent) in pages_of(&hidden, "1.0.0").iter().zip(pages_of(&absent, "1.0.0")) {
                let (one, other) = (open(&viewer, hidden).await, open(&viewer, &absent).await);
                assert_eq!(one.status, json.status, "{hidden}");
                assert_eq!(
                    bytes_of(&one).replace("hush", "void"),
                    bytes_of(&other).replace("hush", "void"),
                    "{hidden}"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_is_hidden_is_in_no_list_and_no_count() {
    let registry = world().await;
    let ben = registry.user("ben").await;
    for viewer in [registry.anonymous(), ben] {
        let may_read_mine = viewer.token().is_some();
        for path in [
            "/",
            "/search?q=fruit",
            "/search?q=pear",
            "/package/pear",
            "/package/pear/versions",
            "/package/pear/versions?prereleases=1",
            "/package/pear/files",
            "/package/pear/diff",
            "/package/pear/access",
        ] {
            let page = open(&viewer, path).await.assert_status(200).text();
            let page = if may_read_mine {
                page.replace("@mine/hush", "").replace("hush description", "")
            } else {
                page
            };
            assert!(!page.contains(SECRET), "{path}: {page}");
            assert!(!page.contains("1.2.0"), "{path} tells of a staged version");
        }
        let search = open(&viewer, "/search?q=fruit").await.text();
        assert!(search.contains(if may_read_mine { "2 packages" } else { "1 package" }), "{search}");
    }
}

#[tokio::test]
async fn a_blocked_version_is_named_with_its_reason_and_shows_nothing() {
    let registry = world().await;
    for viewer in [registry.anonymous(), registry.ana()] {
        let overview = open(&viewer, "/package/pear").await.assert_status(200).text();
        assert!(overview.contains("<strong>1.1.0</strong> ") && overview.contains("is bad"), "{overview}");
        assert!(open(&viewer, "/package/pear/badge.svg").await.text().contains("1.0.0"));
        let tarball = viewer.get("/pear/-/pear-1.1.0.tgz").await;
        for path in pages_of("pear", "1.1.0") {
            let page = open(&viewer, &path).await;
            if path.contains("1.1.0") {
                assert_eq!(page.status, tarball.status, "{path}: {}", page.text());
                assert!(path.contains("/raw/") || page.text().contains("is bad"), "{path}: {}", page.text());
            }
            assert!(!page.text().contains(SECRET) || path.contains("hush"), "{path}: {}", page.text());
            assert!(!page.text().contains("hush description"), "{path}");
        }
        for staged in pages_of("pear", "1.2.0").into_iter().filter(|path| path.contains("1.2.0")) {
            assert_eq!(open(&viewer, &staged).await.status, 404, "{staged}");
        }
    }
}

#[tokio::test]
async fn a_viewer_who_may_read_gets_the_same_versions_as_clients() {
    let registry = world().await;
    let carol = registry.user("carol").await;
    for (viewer, name) in
        [(carol, "@hidden/hush"), (registry.ana(), "@owned/hush"), (registry.ana(), "@mine/hush")]
    {
        let json = viewer.get(&format!("/{}", name.replace('/', "%2f"))).await.assert_status(200).json();
        for path in pages_of(name, "1.0.0") {
            let page = open(&viewer, &path).await;
            let is_fine = page.status == 200 || page.status == 303;
            assert!(is_fine, "{path}: {}", page.text());
            assert_eq!(page.header("access-control-allow-origin"), None);
        }
        let versions = open(&viewer, &format!("/package/{name}/versions")).await.text();
        for version in json["versions"].as_object().unwrap().keys() {
            assert!(versions.contains(version.as_str()), "{name} {version}");
        }
    }
}

#[tokio::test]
async fn the_access_page_tells_the_rule_that_decided() {
    let registry = world().await;
    let table =
        |page: &TestResponse| super::text_of(page).split_once("because of").unwrap().1.trim().to_owned();
    let anonymous = open(&registry.anonymous(), "/package/pear/access").await.assert_status(200);
    insta::assert_snapshot!(table(&anonymous), @r#"
    read
    see and install it
    allowed
    rule 3,
    **
    :
    @all in read
    publish
    publish versions, deprecate them, move tags
    not allowed
    rule 3,
    **
    administer
    change its owners, and remove it or versions of it
    not allowed
    rule 3,
    **
    "#);
    let carol = registry.user("carol").await;
    let page = open(&carol, "/package/@hidden/hush/access").await.assert_status(200);
    insta::assert_snapshot!(table(&page), @r#"
    read
    see and install it
    allowed
    rule 1,
    @hidden/*
    :
    user:carol in read
    publish
    publish versions, deprecate them, move tags
    not allowed
    rule 1,
    @hidden/*
    administer
    change its owners, and remove it or versions of it
    not allowed
    rule 1,
    @hidden/*
    "#);
}

#[tokio::test]
async fn rights_are_asked_anew_for_what_is_kept_in_memory() {
    let registry = world().await;
    let carol = registry.user("carol").await;
    for path in ["/package/@hidden/hush", "/package/@hidden/hush/files/hush.js"] {
        let _ = open(&carol, path).await.assert_status(200);
        let _ = open(&registry.anonymous(), path).await.assert_status(401);
        let _ = open(&carol, path).await.assert_status(200);
    }
    let no_rules = AccessRules::compile(&[]).unwrap();
    registry.registry().set_access(no_rules);
    assert_eq!(open(&carol, "/package/@hidden/hush").await.status, 404);
    assert_eq!(ask(&carol, "/package/pear/files", BROWSER).await.status, 404);
}
