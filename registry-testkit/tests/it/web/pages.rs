//! What the pages show.

use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{open, text_of};

async fn registry() -> TestRegistry {
    let registry = TestRegistry::builder().downloads().signing().start().await;
    let readme = b"# Pear\n\nA *pear*.\n\n![logo](./docs/logo.png)\n\nSee [the guide](docs/use.md).\n";
    for (version, tag) in [("1.0.0", "latest"), ("1.1.0", "latest"), ("2.0.0-rc.1", "next")] {
        let document = PublishDocument::new("@acme/pear", version)
            .tag(tag)
            .field("description", json!("A fruit for programs."))
            .field("license", json!("MIT"))
            .field("engines", json!({ "node": ">=20" }))
            .field("type", json!("module"))
            .field("types", json!("index.d.ts"))
            .field("repository", json!({ "type": "git", "url": "git+https://git.example/acme/pear.git" }))
            .field("dependencies", json!({ "fig": "^1.0.0", "@acme/kiwi": "2" }))
            .field("devDependencies", json!({ "tester": "*" }))
            .file("README.md", readme)
            .file("docs/use.md", b"use it")
            .file("docs/logo.png", b"\x89PNG");
        let _ = registry.ana().publish(&document).await.assert_status(201);
    }
    registry
}

#[tokio::test]
async fn the_home_of_an_empty_registry_says_how_to_publish() {
    let registry = TestRegistry::new().await;
    let page = open(&registry.anonymous(), "/").await.assert_status(200);
    insta::assert_snapshot!(text_of(&page), @"");
}

#[tokio::test]
async fn the_home_lists_the_newest_versions() {
    let registry = registry().await;
    registry.clock().advance(std::time::Duration::from_hours(50));
    let _ = registry.ana().publish(&PublishDocument::new("fig", "0.1.0")).await.assert_status(201);
    let page = open(&registry.anonymous(), "/").await.assert_status(200);
    insta::assert_snapshot!(text_of(&page), @"");
}

#[tokio::test]
async fn a_package_shows_its_readme_and_its_facts() {
    let registry = registry().await;
    let _ = registry.anonymous().get("/@acme/pear/-/pear-1.1.0.tgz").await.assert_status(200);
    registry.registry().flush_downloads().await.unwrap();
    registry.clock().advance(std::time::Duration::from_hours(3));
    let page = open(&registry.anonymous(), "/@acme/pear").await.assert_status(200);
    let text = text_of(&page).replace(&integrity_of(&page), "[integrity]");
    let (before, after) = text.split_once("day by day").unwrap();
    let text = format!("{before}[days]\n{}", &after[after.find("size").unwrap()..]);
    insta::assert_snapshot!(text, @"");
    let html = page.text();
    assert!(html.contains("<title>@acme/pear 1.1.0 · npm registry</title>"), "{html}");
    assert!(
        html.contains(r#"<img src="/package/@acme/pear/v/1.1.0/raw/docs/logo.png" alt="logo">"#),
        "{html}"
    );
    assert!(html.contains(r#"href="/package/@acme/pear/v/1.1.0/files/docs/use.md""#), "{html}");
    assert!(html.contains(r#"href="https://git.example/acme/pear""#), "{html}");
    let same = open(&registry.anonymous(), "/package/@acme/pear").await;
    assert_eq!(same.body, page.body);
}

fn integrity_of(page: &registry_testkit::http_client::TestResponse) -> String {
    let text = page.text();
    let at = text.find("sha512-").unwrap();
    text[at..].chars().take_while(|sign| *sign != '<').collect()
}

#[tokio::test]
async fn an_older_version_has_its_own_page() {
    let registry = registry().await;
    let page = open(&registry.anonymous(), "/package/@acme/pear/v/1.0.0").await.assert_status(200);
    let text = text_of(&page);
    assert!(
        text.contains("The latest version is\n1.1.0") || text.contains("The latest version is 1.1.0"),
        "{text}"
    );
    assert!(text.contains("npm install @acme/pear@1.0.0"), "{text}");
    let next = open(&registry.anonymous(), "/package/@acme/pear/v/next").await.assert_status(200);
    assert!(text_of(&next).contains("2.0.0-rc.1"));
    let _ = open(&registry.anonymous(), "/package/@acme/pear/v/3.0.0").await.assert_status(404);
}

#[tokio::test]
async fn versions_are_filtered_as_npm_reads_ranges() {
    let registry = registry().await;
    let listed = async |query: &str| {
        let path = format!("/package/@acme/pear/versions{query}");
        let text = text_of(&open(&registry.anonymous(), &path).await.assert_status(200));
        let table = text.split_once("compare").unwrap().1.to_owned();
        ["1.0.0", "1.1.0", "2.0.0-rc.1"].map(|version| table.lines().any(|line| line == version))
    };
    assert_eq!(listed("").await, [true, true, false]);
    assert_eq!(listed("?prereleases=1").await, [true, true, true]);
    assert_eq!(listed("?range=%5E1.1").await, [false, true, false]);
    assert_eq!(listed("?range=nonsense+here").await, [true, true, false]);
    let page = open(&registry.anonymous(), "/package/@acme/pear/versions").await;
    let text = text_of(&page);
    insta::assert_snapshot!(text.split_once("all versions").unwrap_or(("", &text)).1, @"");
}

#[tokio::test]
async fn a_search_finds_by_word_and_pages() {
    let registry = registry().await;
    for number in 0..30 {
        let document = PublishDocument::new(&format!("fruit-{number:02}"), "1.0.0");
        let _ = registry.ana().publish(&document).await.assert_status(201);
    }
    let first = text_of(&open(&registry.anonymous(), "/search?q=fruit").await.assert_status(200));
    assert!(first.contains("31 packages") && first.ends_with("Next"), "{first}");
    let second = text_of(&open(&registry.anonymous(), "/search?q=fruit&from=25").await.assert_status(200));
    assert!(second.ends_with("Previous") && !second.contains("fruit-03\n"), "{second}");
    let none = text_of(&open(&registry.anonymous(), "/search?q=zebra").await.assert_status(200));
    assert!(none.contains("No package that you may see matches"), "{none}");
    let _ = open(&registry.anonymous(), "/search").await.assert_status(200);
    let long = format!("/search?q={}", "a".repeat(2000));
    let refused = open(&registry.anonymous(), &long).await.assert_status(400);
    assert!(text_of(&refused).contains("longer than 1000 bytes"));
}

#[tokio::test]
async fn the_set_up_page_names_this_registry_and_the_given_scope() {
    let registry = TestRegistry::new().await;
    let page = open(&registry.anonymous(), "/-/web/set-up?scope=@fruit").await.assert_status(200);
    insta::assert_snapshot!(text_of(&page), @"");
}

#[tokio::test]
async fn a_failure_is_a_page_too() {
    let registry = registry().await;
    let page = open(&registry.anonymous(), "/package/absent").await.assert_status(404);
    insta::assert_snapshot!(text_of(&page), @"");
    for (path, status) in
        [("/package/pear/v/1.0.0/nothing", 404), ("/package/..%2fx", 400), ("/-/web/nothing", 404)]
    {
        assert_eq!(open(&registry.anonymous(), path).await.status, status, "{path}");
    }
}
