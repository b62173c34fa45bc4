use registry_testkit::publish_document::PublishDocument;
use registry_testkit::tarball::Tarball;
use serde_json::{Value, json};

use super::Ground;

/// A document that says `said`, with a tarball whose `package.json` says `packed`.
fn document(said: &Value, packed: &Value) -> Value {
    let complete = |fields: &Value| {
        let mut manifest = json!({ "name": "plum", "version": "1.0.0" });
        for (field, value) in fields.as_object().unwrap() {
            manifest[field] = value.clone();
        }
        manifest
    };
    let tarball = Tarball::of_manifest(complete(packed)).pack();
    let mut document = PublishDocument::new("plum", "1.0.0").tarball_bytes(tarball).build();
    for (field, value) in said.as_object().unwrap() {
        document["versions"]["1.0.0"][field] = value.clone();
    }
    document
}

#[tokio::test]
async fn the_document_and_the_tarball_never_differ_in_what_an_install_does() {
    let ground = Ground::new().await;
    let (one, two) = (json!({ "left-pad": "1.0.0" }), json!({ "left-pad": "2.0.0" }));
    let scripts = |command: &str| json!({ "postinstall": command });
    for (field, said, packed) in [
        ("dependencies", one.clone(), two.clone()),
        ("optionalDependencies", one.clone(), two.clone()),
        ("peerDependencies", one.clone(), two),
        ("scripts", scripts("node a.js"), scripts("node b.js")),
        ("scripts", scripts("node a.js"), json!({ "preinstall": "node a.js" })),
        ("bin", json!({ "plum": "a.js" }), json!({ "plum": "b.js" })),
        ("bin", json!({ "plum": "a.js" }), json!({ "npm": "a.js" })),
        ("bin", json!({ "plum": "a.js" }), json!("b.js")),
    ] {
        for (said, packed) in [
            (json!({ field: said }), json!({ field: packed })),
            (json!({ field: packed }), json!({ field: said })),
            (json!({ field: said }), json!({})),
            (json!({}), json!({ field: packed })),
        ] {
            let what = format!("the document says {said}, the tarball {packed}");
            let error = ground.refuses_to_publish(&what, &document(&said, &packed)).await;
            assert!(error.contains("package.json in the tarball says"), "{what}: {error}");
        }
    }
}

#[tokio::test]
async fn nor_in_what_it_is() {
    let ground = Ground::new().await;
    for packed in [
        json!({ "name": "pear" }),
        json!({ "name": "@acme/plum" }),
        json!({ "name": "Plum" }),
        json!({ "name": null }),
        json!({ "name": ["plum"] }),
        json!({ "version": "1.0.1" }),
        json!({ "version": "1.0.0-rc.1" }),
        json!({ "version": 1 }),
        json!({ "version": null }),
    ] {
        ground.refuses_to_publish(&packed.to_string(), &document(&json!({}), &packed)).await;
    }
    for said in [
        json!({ "name": "pear" }),
        json!({ "name": null }),
        json!({ "name": ["plum"] }),
        json!({ "version": "1.0.1" }),
        json!({ "version": null }),
    ] {
        ground.refuses_to_publish(&said.to_string(), &document(&said, &json!({}))).await;
    }
}

#[tokio::test]
async fn a_package_json_that_is_none_is_refused() {
    let ground = Ground::new().await;
    for content in [
        b"".as_slice(),
        b"{",
        b"null",
        b"[]",
        b"\"plum\"",
        b"{\"name\":\"plum\"}",
        b"{\"version\":\"1.0.0\"}",
        b"\xff\xfe{\0}\0",
        b"{\"name\":\"plum\",\"version\":\"1.0.0\",\"x\":\"\xff\"}",
        b"{\"name\":\"plum\",\"version\":\"1.0.0\"}{}",
        b"{'name':'plum','version':'1.0.0'}",
        b"{\"name\":\"plum\",\"version\":\"1.0.0\",}",
    ] {
        let tarball = Tarball::without_manifest().file("package.json", content).pack();
        let document = PublishDocument::new("plum", "1.0.0").tarball_bytes(tarball).build();
        ground.refuses_to_publish(&String::from_utf8_lossy(content), &document).await;
    }
}

#[tokio::test]
async fn what_no_bundle_lists_is_not_published() {
    let ground = Ground::new().await;
    let tarball = Tarball::of_manifest(json!({ "name": "plum", "version": "1.0.0" }));
    let tarball = tarball.file("node_modules/evil/index.js", b"").pack();
    let document = PublishDocument::new("plum", "1.0.0").tarball_bytes(tarball).build();
    let error = ground.refuses_to_publish("node_modules without a bundle", &document).await;
    assert!(error.contains("package/node_modules/evil/index.js"), "{error}");
}
