use http::Method;
use registry_core::domain::PackageName;
use registry_core::storage::{BlobStore as _, Key, When};
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{Ground, is_path, percent_encoded};

/// Texts that are no name of a package, as they stand in a body.
const NAMES: &[&str] = &[
    "",
    " ",
    " plum",
    "plum ",
    ".plum",
    "_plum",
    "-",
    "pl um",
    "pl/um",
    "@/plum",
    "@acme/",
    "@acme",
    "@acme/.plum",
    "@acme/pl/um",
    "@acme plum",
    "node_modules",
    "NODE_MODULES",
    "favicon.ico",
    "plüm",
    "плум",
    "plum\0",
    "plum\r\nx: y",
    "../plum",
    "..\\plum",
    "/plum",
    "plum?x",
    "plum#x",
    "plum%2fx",
    "plum=",
    "plum:1",
    "\u{202e}mulp",
    "_accounts/ana",
    "_tokens",
];

/// Texts that are no version.
const VERSIONS: &[&str] = &[
    "",
    "1",
    "1.0",
    "v1.0.0",
    "=1.0.0",
    "1.0.0.0",
    "01.0.0",
    "1.0.0-01",
    "1.0.0-",
    "1.0.0+",
    "1.0.0-ü",
    "1.0.0 ",
    " 1.0.0",
    "1.0.0\0",
    "-1.0.0",
    "1.x",
    "*",
    "latest",
    "99999999999999999.0.0",
    "9007199254740992.0.0",
    "1.0.0-../../x",
    "1.0.0/../../x",
    "NaN.0.0",
];

/// Texts that are no dist-tag.
const TAGS: &[&str] = &[
    "",
    " ",
    "1.0.0",
    "v1",
    "1.x",
    "x",
    "X",
    "*",
    "~1",
    "^1.0.0",
    ">=1",
    "1 - 2",
    "1||2",
    "be ta",
    "be/ta",
    "beta\0",
    "beta\r\nx: y",
    "bëta",
    "../beta",
    "=1.0.0",
    "1",
    "be%2fta",
    "<1",
];

#[tokio::test]
async fn of_packages_in_the_document_and_in_the_url() {
    let ground = Ground::new().await;
    for name in NAMES {
        let document = PublishDocument::new(name, "1.0.0").build();
        ground.refuses_to_publish(&format!("the document of {name:?}"), &document).await;
        for path in [format!("/{}", percent_encoded(name)), format!("/{name}")] {
            // Nothing but the slash is the root, and `name/` is `name`.
            if is_path(&path) && path != "/" {
                ground.refuses(Method::PUT, &path, document.to_string()).await;
            }
        }
    }
}

/// Names that packages of before may have, and no new one: npm refuses some for new packages, others are no folder of their
/// own on Windows.
const NO_NEW_NAMES: &[&str] = &[
    "*",
    "**",
    "pe*ar",
    "pe~ar",
    "pe'ar",
    "pe!ar",
    "pe(ar)",
    "@*/x",
    "@ac~me/x",
    "@acme/*",
    "@acme/pe!ar",
    "aux",
    "NUL",
    "nul.js",
    "com1",
    "lpt9.d.ts",
    "@acme/con",
    "@acme/prn.js",
    "@aux/x",
    "@nul.js/x",
    "-pear",
    "pear.",
    "pear..",
    "@acme./x",
    "@acme/pear.",
    "fs",
    "HTTP",
    "child_process",
    "zlib",
];

#[tokio::test]
async fn of_packages_that_may_not_begin() {
    let ground = Ground::new().await;
    for name in NO_NEW_NAMES {
        let document = PublishDocument::new(name, "1.0.0").build();
        for (method, path) in [(Method::PUT, "/"), (Method::POST, "/-/stage/package/")] {
            let path = format!("{path}{}", percent_encoded(name));
            let error = ground.refuses(method, &path, document.to_string()).await;
            assert!(error.contains("choose another name") && error.contains(name), "{name}: {error}");
        }
        let _ =
            ground.registry.anonymous().get(&format!("/{}", percent_encoded(name))).await.assert_status(404);
    }
    for name in [
        "auxiliary",
        "consoles",
        "com",
        "@acme/fs",
        "fs.js",
        "nulls.js",
        "x.nul",
        "pear-",
        "pear_",
        "pe.ar",
        "@acme-/pear",
        "Plum",
    ] {
        let _ = ground.ana.publish(&PublishDocument::new(name, "1.0.0")).await.assert_status(201);
    }
}

/// What is there goes on: it is read, published to and managed.
#[tokio::test]
async fn of_packages_that_began_when_they_might() {
    let ground = Ground::new().await;
    for name in NO_NEW_NAMES {
        let name = PackageName::parse(name).unwrap();
        let index = json!({
            "name": name, "dist-tags": { "latest": "0.1.0" }, "maintainers": [{ "name": "ana" }],
            "versions": { "0.1.0": { "name": name, "version": "0.1.0" } },
        });
        let path = Key::Packument(&name).path().unwrap();
        let _ = ground.registry.store().put(&path, index.to_string().into(), When::Always).await.unwrap();
        let packument = format!("/{}", percent_encoded(name.as_str()));
        let _ = ground.registry.anonymous().get(&packument).await.assert_status(200);
        let _ = ground.ana.publish(&PublishDocument::new(name.as_str(), "1.0.0")).await.assert_status(201);
        let _ = ground.ana.stage(&PublishDocument::new(name.as_str(), "1.1.0")).await.assert_status(201);
        assert_eq!(ground.registry.anonymous().get(&packument).await.json()["dist-tags"]["latest"], "1.0.0");
    }
}

#[tokio::test]
async fn of_packages_that_agree_everywhere_and_are_none() {
    let ground = Ground::new().await;
    for name in NAMES {
        for path in [
            format!("/-/package/{}/dist-tags/beta", percent_encoded(name)),
            format!("/-/package/{}/owners", percent_encoded(name)),
            format!("/-/user/package/{}/star", percent_encoded(name)),
            format!("/{}/-rev/1-0", percent_encoded(name)),
        ] {
            for body in [json!("1.0.0"), json!({ "user": "ana" }), json!({ "versions": {} })] {
                ground.refuses(Method::PUT, &path, body.to_string()).await;
            }
        }
        let star = json!({ "package": name }).to_string();
        ground.refuses(Method::PUT, "/-/user/v1/star", star.clone()).await;
        ground.refuses(Method::DELETE, "/-/user/v1/star", star).await;
    }
}

#[tokio::test]
async fn of_versions() {
    let ground = Ground::new().await;
    for version in VERSIONS {
        let document = PublishDocument::new("plum", version).build();
        ground.refuses_to_publish(&format!("the version {version:?}"), &document).await;
        let body = json!(version).to_string();
        ground.refuses(Method::PUT, "/-/package/pear/dist-tags/beta", body).await;
        let file = percent_encoded(&format!("pear-{version}.tgz"));
        ground.refuses(Method::GET, &format!("/pear/-/{file}"), "").await;
        ground.refuses(Method::DELETE, &format!("/pear/-/{file}/-rev/1-0"), "").await;
    }
}

#[tokio::test]
async fn of_versions_in_a_document_that_is_sent_back() {
    let ground = Ground::new().await;
    let revision = ground.revision().await;
    for version in VERSIONS {
        let mut document = ground.ana.get("/pear").await.json();
        document["versions"][version] = json!({ "deprecated": "x" });
        let body = document.to_string();
        ground.refuses(Method::PUT, "/pear", body.clone()).await;
        ground.refuses(Method::PUT, &format!("/pear/-rev/{revision}"), body).await;
    }
}

#[tokio::test]
async fn of_dist_tags() {
    let ground = Ground::new().await;
    for tag in TAGS {
        let document = PublishDocument::new("plum", "1.0.0").tag(tag).build();
        ground.refuses_to_publish(&format!("the tag {tag:?}"), &document).await;
        let path = format!("/-/package/pear/dist-tags/{}", percent_encoded(tag));
        ground.refuses(Method::PUT, &path, "\"1.0.0\"").await;
        ground.refuses(Method::DELETE, &path, "").await;
    }
}

#[tokio::test]
async fn whose_lines_would_break_a_header_or_a_log() {
    let ground = Ground::new().await;
    let evil = "x%0d%0aset-cookie:%20a=b%0d%0a%0d%0a";
    for (method, path, body) in [
        (Method::GET, format!("/{evil}"), ""),
        (Method::GET, format!("/pear/{evil}"), ""),
        (Method::GET, format!("/pear/-/{evil}.tgz"), ""),
        (Method::GET, format!("/-/package/pear/{evil}"), ""),
        (Method::PUT, format!("/-/package/pear/dist-tags/{evil}"), "\"1.0.0\""),
        (Method::DELETE, format!("/-/package/pear/dist-tags/{evil}"), ""),
        (Method::DELETE, format!("/-/package/pear/owners/{evil}"), ""),
        (Method::GET, format!("/-/user/org.couchdb.user:{evil}"), ""),
        (Method::PUT, format!("/-/user/org.couchdb.user:{evil}"), "{\"password\":\"long enough\"}"),
        (Method::DELETE, format!("/-/user/token/{evil}"), ""),
        (Method::GET, format!("/-/user/{evil}/stars"), ""),
        (Method::PUT, format!("/pear/-rev/{evil}"), "{\"versions\":{}}"),
        (Method::DELETE, format!("/pear/-rev/{evil}"), ""),
    ] {
        ground.refuses(method, &path, body).await;
    }
}
