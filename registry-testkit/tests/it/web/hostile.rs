use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{open, tags_of};

/// Well-known ways to run code in a page, one a line.
const PAYLOADS: &str = include_str!("payloads.txt");

/// The elements that a readme may have.
const HARMLESS: [&str; 50] = [
    "a",
    "abbr",
    "acronym",
    "b",
    "bdi",
    "bdo",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "ul",
    "var",
];
const TABLES: [&str; 6] = ["table", "tbody", "td", "th", "thead", "tr"];
const ATTRIBUTES: [&str; 12] =
    ["align", "alt", "class", "cite", "colspan", "height", "href", "id", "rel", "src", "title", "width"];

/// Fails if the readme of a page may run, load from elsewhere, or reach out of its place.
#[track_caller]
fn assert_harmless(page: &str, payload: &str) {
    let readme = page.split_once("<article").unwrap().1.split_once('>').unwrap().1;
    let (readme, after) = readme.split_once("</article>").unwrap();
    // Whatever was closed too early would be followed by a second end.
    assert!(!after.contains("</article>"), "{payload}: {page}");
    for tag in tags_of(readme) {
        let name = tag.name.trim_start_matches('/');
        assert!(HARMLESS.contains(&name) || TABLES.contains(&name), "{payload}: {tag:?} in {readme}");
        for (attribute, value) in &tag.attributes {
            assert!(ATTRIBUTES.contains(&attribute.as_str()), "{payload}: {tag:?} in {readme}");
            let value = value.replace("&amp;", "&");
            match attribute.as_str() {
                "href" => {
                    let is_web = value.starts_with("https://")
                        || value.starts_with("http://")
                        || value.starts_with("mailto:");
                    let is_here = value.starts_with('#') || value.starts_with("/package/xss/v/");
                    assert!(is_web || is_here, "{payload}: {tag:?}");
                }
                "src" => assert!(value.starts_with("/package/xss/v/"), "{payload}: {tag:?}"),
                "id" => assert!(value.starts_with("readme-"), "{payload}: {tag:?}"),
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn no_payload_in_a_readme_survives() {
    let registry = TestRegistry::new().await;
    let payloads: Vec<_> = PAYLOADS.lines().filter(|line| !line.is_empty()).collect();
    assert!(payloads.len() >= 100, "{}", payloads.len());
    for (number, payload) in payloads.iter().enumerate() {
        let version = format!("1.0.{number}");
        let text = format!(
            "# Title\n\n{payload}\n\nbefore {payload} after\n\n- {payload}\n\n> {payload}\n\n[y]: javascript:alert(1)\n"
        );
        let document = PublishDocument::new("xss", &version).file("README.md", text.as_bytes());
        let _ = registry.ana().publish(&document).await.assert_status(201);
        // As the latest version, by the packument; below, by the tarball.
        let page =
            open(&registry.anonymous(), &format!("/package/xss/v/{version}")).await.assert_status(200).text();
        assert_harmless(&page, payload);
        assert!(page.contains(">Title</h2>"), "{payload}: {page}");
    }
    for (number, payload) in payloads.iter().enumerate() {
        let page = open(&registry.anonymous(), &format!("/package/xss/v/1.0.{number}"))
            .await
            .assert_status(200)
            .text();
        assert_harmless(&page, payload);
    }
    let everything = PublishDocument::new("xss", "2.0.0").file("README.md", PAYLOADS.as_bytes());
    let _ = registry.ana().publish(&everything).await.assert_status(201);
    assert_harmless(&open(&registry.anonymous(), "/xss").await.assert_status(200).text(), "all");
}

#[tokio::test]
async fn every_field_of_a_hostile_package_is_escaped() {
    let evil = "\"><script>alert(1)</script><img src=x onerror=alert(1)>";
    let link = "javascript:alert(1)";
    let registry = TestRegistry::builder().downloads().signing().start().await;
    for version in ["1.0.0", "1.1.0"] {
        let document = PublishDocument::new("xss", version)
            .field("description", json!(evil))
            .field("license", json!(evil))
            .field("keywords", json!([evil]))
            .field("homepage", json!(link))
            .field("repository", json!({ "type": "git", "url": link }))
            .field("bugs", json!({ "url": link }))
            .field("author", json!({ "name": evil, "url": link }))
            .field("engines", json!({ evil: evil, "node": evil }))
            .field("scripts", json!({ evil: evil, "test": format!("{evil}{version}") }))
            .field("dependencies", json!({ "fig": "1" }))
            .field("exports", json!({ ".": "./index.js" }))
            .file("README.md", b"plain")
            .file("a b&c.js", format!("</td><script>alert('{version}')</script>").as_bytes());
        let _ = registry.ana().publish(&document).await.assert_status(201);
    }
    let mut packument = registry.ana().get("/xss").await.json();
    packument["versions"]["1.1.0"]["deprecated"] = json!(evil);
    let _ = registry.ana().put("/xss", &packument).await.assert_status(200);
    for path in [
        "/",
        "/xss",
        "/search?q=xss",
        "/package/xss/versions",
        "/package/xss/dependencies",
        "/package/xss/access",
        "/package/xss/files",
        "/package/xss/files/a%20b&c.js",
        "/package/xss/diff/1.0.0...1.1.0",
        "/package/xss/versions?range=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/-/web/set-up?scope=%22%3E%3Cscript%3E",
        "/package/xss/v/%22%3E%3Cscript%3Ealert(1)%3C%2fscript%3E",
        "/package/xss/files/%22%3E%3Cscript%3E",
        "/package/xss/diff/%22%3E%3Cscript%3E...1.0.0",
    ] {
        let page = open(&registry.anonymous(), path).await.text();
        assert!(!page.contains("<script>") && !page.contains("<img src=x"), "{path}: {page}");
        for tag in tags_of(&page) {
            for (attribute, value) in &tag.attributes {
                assert!(!attribute.starts_with("on"), "{path}: {tag:?}");
                assert!(
                    !value.to_lowercase().contains("javascript:")
                        || !matches!(attribute.as_str(), "href" | "src"),
                    "{path}: {tag:?}"
                );
            }
        }
    }
    let badge = registry.anonymous().get("/package/xss/badge.svg").await.assert_status(200);
    assert_eq!(badge.header("content-type"), Some("image/svg+xml"));
    assert!(badge.header("content-security-policy").unwrap().contains("sandbox"));
}
