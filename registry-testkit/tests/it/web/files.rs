//! The files of versions, and their differences, within bounds.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{ScriptedUpstream, TestRegistry};
use serde_json::json;

use super::{open, text_of};

async fn registry() -> TestRegistry {
    let registry = TestRegistry::new().await;
    let old = PublishDocument::new("pear", "1.0.0")
        .field("scripts", json!({ "test": "node --test" }))
        .field("dependencies", json!({ "fig": "^1.0.0" }))
        .field("license", json!("MIT"))
        .file("index.js", b"one\ntwo\nthree\n")
        .file("gone.js", b"gone\n")
        .file("same.js", b"same\n")
        .file("logo.png", b"\x89PNG\0\x01")
        .file("lib/deep/x.min.js", "a".repeat(5000).as_bytes());
    let new = PublishDocument::new("pear", "1.1.0")
        .field("scripts", json!({ "test": "node --test", "postinstall": "node install.js" }))
        .field("dependencies", json!({ "fig": "^2.0.0", "kiwi": "1" }))
        .field("license", json!("ISC"))
        .file("index.js", b"one\n2 < 3\nthree\nfour\n")
        .file("new.js", b"new\n")
        .file("same.js", b"same\n")
        .file("logo.png", b"\x89PNG\0\x02")
        .file("lib/deep/x.min.js", "b".repeat(5000).as_bytes());
    for document in [old, new] {
        let _ = registry.ana().publish(&document).await.assert_status(201);
    }
    registry
}

#[tokio::test]
async fn files_are_listed_with_sizes_and_shown_with_numbered_lines() {
    let registry = registry().await;
    let list = open(&registry.anonymous(), "/package/pear/v/1.0.0/files").await.assert_status(200);
    let list = text_of(&list);
    insta::assert_snapshot!(list.split_once("SHA-256").unwrap().1.trim(), @r#"
    gone.js
    5 B
    4b9f2c32577beb1e…
    index.js
    14 B
    b6285c57e8797db5…
    lib/deep/x.min.js
    5.0 kB
    c526c6222044dab5…
    logo.png
    6 B
    09824c6bec844d27…
    package.json
    154 B
    18ed77be8096892f…
    same.js
    5 B
    a6328afc76e9db71…
    "#);
    let file =
        open(&registry.anonymous(), "/package/pear/v/1.1.0/files/index.js").await.assert_status(200).text();
    assert!(
        file.contains(r##"<tr id="L2"><td class="ln"><a href="#L2">2</a></td><td>2 &lt; 3</td></tr>"##),
        "{file}"
    );
    let binary = open(&registry.anonymous(), "/package/pear/files/logo.png").await.assert_status(200);
    assert!(text_of(&binary).contains("Binary, so it is not shown"));
    let _ = open(&registry.anonymous(), "/package/pear/files/absent.js").await.assert_status(404);
    let _ = open(&registry.anonymous(), "/package/pear/files/lib").await.assert_status(404);
}

#[tokio::test]
async fn pictures_are_served_inert_and_other_files_not_at_all() {
    let registry = registry().await;
    let picture = registry.anonymous().get("/package/pear/v/1.0.0/raw/logo.png").await.assert_status(200);
    assert_eq!(picture.header("content-type"), Some("image/png"));
    assert_eq!(&picture.body[..], b"\x89PNG\0\x01");
    assert_eq!(
        picture.header("content-security-policy"),
        Some("default-src 'none'; style-src 'unsafe-inline'; sandbox")
    );
    for path in ["index.js", "package.json", "absent.png"] {
        let _ = registry.anonymous().get(&format!("/package/pear/raw/{path}")).await.assert_status(404);
    }
}

#[tokio::test]
async fn a_difference_tells_first_what_runs_at_an_install() {
    let registry = registry().await;
    let page = open(&registry.anonymous(), "/package/pear/diff/1.0.0...1.1.0").await.assert_status(200);
    let text = text_of(&page);
    let (told, _) = text.split_once("\nlines from").unwrap();
    insta::assert_snapshot!(told.split_once("Compare").unwrap().1.trim(), @r#"
    What changes for those who install it
    runs at install
    adds the script postinstall:
    node install.js
    changes the dependency fig from
    ^1.0.0
    to
    ^2.0.0
    adds the dependency kiwi:
    1
    changes the license from
    MIT
    to
    ISC
    unpacked size from 5.2 kB to 5.2 kB
    Files
    6 changed files
    +9 −6 lines
    gone.js
    removed
    +0 −1, 5 B
    index.js
    changed
    +2 −1, 14 B → 21 B
    lib/deep/x.min.js
    changed
    5.0 kB → 5.0 kB
    logo.png
    changed
    6 B → 6 B
    new.js
    added
    +1 −0, 4 B
    package.json
    changed
    +6 −4, 154 B → 209 B
    gone.js
    removed
    in 1.0.0
    5 B
    "#);
    assert!(page.text().contains("- two</td>") && page.text().contains("+ 2 &lt; 3</td>"), "{}", page.text());
    let found =
        open(&registry.anonymous(), "/package/pear/diff?from=1.0.0&to=latest").await.assert_status(303);
    assert_eq!(found.header("location"), Some("/package/pear/diff/1.0.0...1.1.0"));
    let _ = open(&registry.anonymous(), "/package/pear/diff/1.0.0...9.9.9").await.assert_status(404);
}

fn gzip(archive: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(archive).unwrap();
    encoder.finish().unwrap()
}

fn header(path: &str, kind: u8, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    header
}

/// Tarballs of an upstream were not checked at a publish, and would exhaust a reader without bounds.
#[tokio::test]
async fn hostile_tarballs_are_told_of_and_exhaust_nothing() {
    let zeros = vec![0; 1 << 20];
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(header("package/zeros", b'0', 1 << 30).as_bytes()).unwrap();
    for _ in 0..200 {
        bomb.write_all(&zeros).unwrap();
    }
    let mut many = Vec::new();
    for number in 0..30_000 {
        many.extend_from_slice(header(&format!("package/{number}"), b'0', 0).as_bytes());
    }
    let mut long_path = Vec::new();
    long_path.extend_from_slice(header("././@LongLink", b'L', 100 << 20).as_bytes());
    long_path.extend(vec![b'a'; 100 << 20]);
    let cases = [
        ("bomb", bomb.finish().unwrap(), "unpacked"),
        ("many", gzip(&many), "20000"),
        ("long", gzip(&long_path), "too long"),
        ("link", gzip(header("package/link", b'2', 0).as_bytes()), "link"),
        ("up", gzip(header("package/../../up", b'0', 0).as_bytes()), "out of the package"),
        ("none", b"not a tarball".to_vec(), "gzip"),
    ];
    let upstream = ScriptedUpstream::default();
    let registry =
        TestRegistry::builder().access(registry_core::access::AccessRules::open_to_all_in_front_of("npm"));
    let registry = registry.upstream("npm", std::sync::Arc::new(upstream.clone())).start().await;
    for (name, tarball, reason) in cases {
        upstream.publish(name, "1.0.0", tarball.leak());
        for path in [
            format!("/package/{name}/files"),
            format!("/package/{name}/files/zeros"),
            format!("/package/{name}/v/1.0.0"),
        ] {
            let page = open(&registry.anonymous(), &path).await.assert_status(200);
            let text = text_of(&page);
            assert!(text.contains(" be shown: ") && text.contains(reason), "{path}: {text}");
        }
    }
}
