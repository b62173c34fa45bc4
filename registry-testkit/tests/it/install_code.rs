//! What decides about an install comes from the tarball, whatever a client says of it.

use registry_core::Body;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::tarball::Tarball;
use serde_json::{Value, json};

/// A document that says nothing of what is in its tarball.
fn silent(manifest: &Value, files: &[&str]) -> Value {
    let mut packed = json!({ "name": "pear", "version": "1.0.0" });
    packed.as_object_mut().unwrap().extend(manifest.as_object().unwrap().clone());
    let tarball = files.iter().fold(Tarball::of_manifest(packed), |tarball, file| tarball.file(file, b"{}"));
    PublishDocument::new("pear", "1.0.0").tarball_bytes(tarball.pack()).build()
}

async fn published(document: &Value) -> (Value, Value) {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let _ = ana.put("/pear", document).await.assert_status(201);
    let full = ana.get("/pear").await.json()["versions"]["1.0.0"].clone();
    let request = http::Request::get("/pear").header("accept", "application/vnd.npm.install-v1+json");
    let abbreviated = ana.send(request.body(Body::empty()).unwrap()).await.json();
    (full, abbreviated["versions"]["1.0.0"].clone())
}

#[tokio::test]
async fn native_code_is_declared_where_the_client_did_not() {
    for file in ["binding.gyp", "addon.gyp"] {
        let (full, abbreviated) = published(&silent(&json!({}), &[file])).await;
        assert_eq!(full["scripts"]["install"], "node-gyp rebuild");
        assert_eq!(full["gypfile"], true);
        assert_eq!(abbreviated["hasInstallScript"], true);
    }
}

/// yarn 1 and yarn 4 build it all the same, so that it is declared, but not as a script, which npm would run.
#[tokio::test]
async fn native_code_that_yarn_alone_builds_is_declared() {
    for packed in [json!({ "gypfile": false }), json!({ "scripts": { "preinstall": "true" } })] {
        let mut document = silent(&packed, &["binding.gyp"]);
        document["versions"]["1.0.0"]["scripts"] = packed["scripts"].clone();
        let (full, abbreviated) = published(&document).await;
        assert_eq!((&full["gypfile"], &full["scripts"]), (&packed["gypfile"], &packed["scripts"]));
        assert_eq!(full["hasInstallScript"], true, "{packed}");
        assert_eq!(abbreviated["hasInstallScript"], true, "{packed}");
    }
}

#[tokio::test]
async fn native_code_that_no_client_builds_is_not_declared() {
    let mut document = silent(&json!({ "gypfile": false }), &["addon.gyp"]);
    document["versions"]["1.0.0"]["hasInstallScript"] = true.into();
    let (full, abbreviated) = published(&document).await;
    assert_eq!(full["gypfile"], false);
    assert_eq!(full.get("hasInstallScript"), None);
    assert_eq!(abbreviated.get("hasInstallScript"), None);
}

/// pnpm finds no version that has a list where it expects an object.
#[tokio::test]
async fn fields_have_the_types_that_clients_expect() {
    let packed = json!({
        "dependencies": [], "optionalDependencies": false, "peerDependencies": "", "devDependencies": 7,
        "peerDependenciesMeta": [], "bin": [], "scripts": [], "engines": ["node >=20"], "directories": "lib",
        "os": ["linux", 7], "cpu": {},
    });
    let mut document = silent(&packed, &[]);
    document["versions"]["1.0.0"].as_object_mut().unwrap().extend(packed.as_object().unwrap().clone());
    let (full, abbreviated) = published(&document).await;
    for form in [&full, &abbreviated] {
        assert_eq!(form["dependencies"], json!({}));
        assert_eq!(form["peerDependencies"], json!({}));
        assert_eq!(form["engines"], json!({ "node": ">=20" }));
        assert_eq!(form["os"], json!(["linux"]));
        for field in [
            "optionalDependencies",
            "devDependencies",
            "peerDependenciesMeta",
            "bin",
            "scripts",
            "directories",
            "cpu",
        ] {
            assert_eq!(form.get(field), None, "{field}");
        }
    }
}

/// npm makes an object of a list, and other clients make nothing of it.
#[tokio::test]
async fn scripts_and_dependencies_that_are_no_texts_are_refused_by_their_field() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    for field in ["scripts", "dependencies", "optionalDependencies", "peerDependencies"] {
        for odd in [json!(["fig@1"]), json!("fig@1"), json!(7), json!({ "fig": ["1"] }), json!({ "fig": 1 })]
        {
            for (packed, said) in [(odd.clone(), odd.clone()), (odd.clone(), json!({})), (json!({}), odd)] {
                let mut document = silent(&json!({ field: packed }), &[]);
                document["versions"]["1.0.0"][field] = said;
                let answer = ana.put("/pear", &document).await;
                assert_eq!(answer.status, 400, "{document}");
                assert!(answer.error().contains(&format!("`{field}")), "{}", answer.error());
            }
        }
    }
}

#[tokio::test]
async fn bundled_dependencies_and_folders_of_commands_come_from_the_tarball() {
    let packed = json!({ "bundledDependencies": ["apple"], "directories": { "bin": "tools" } });
    let (full, abbreviated) = published(&silent(&packed, &["tools/peel"])).await;
    assert_eq!(full["bundleDependencies"], json!(["apple"]));
    assert_eq!(abbreviated["bundleDependencies"], json!(["apple"]));
    assert_eq!(abbreviated["bin"], json!({ "peel": "tools/peel" }));
    let mut document = silent(&packed, &["tools/peel"]);
    document["versions"]["1.0.0"]["bin"] = json!({ "peel": "tools/peel", "core": "tools/core" });
    let (_, abbreviated) = published(&document).await;
    assert_eq!(
        abbreviated["bin"],
        json!({ "peel": "tools/peel" }),
        "what is not in the tarball is no command"
    );
}

#[tokio::test]
async fn another_answer_than_the_tarballs_is_refused_by_its_field() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    for (field, packed, said) in [
        ("os", json!(["linux"]), json!(["darwin"])),
        ("cpu", json!(["x64"]), json!(null)),
        ("libc", json!(null), json!(["musl"])),
        ("engines", json!({ "node": ">=99" }), json!(null)),
        ("bundleDependencies", json!(["a"]), json!(["b"])),
        ("peerDependenciesMeta", json!({ "a": { "optional": true } }), json!(null)),
        ("overrides", json!({ "a": "1.0.0" }), json!({ "a": "2.0.0" })),
        ("main", json!("a.js"), json!("b.js")),
        ("exports", json!("./a.js"), json!("./b.js")),
        ("type", json!("module"), json!("commonjs")),
        ("license", json!("GPL-3.0"), json!("MIT")),
        ("gypfile", json!(null), json!(false)),
        ("directories", json!({ "bin": "a" }), json!({ "bin": "b" })),
    ] {
        let mut document = silent(&json!({ field: packed }), &["binding.gyp"]);
        document["versions"]["1.0.0"][field] = said;
        let answer = ana.put("/pear", &document).await;
        assert_eq!(answer.status, 400, "{field}");
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(&format!("`{field}`")), "{field}: {error}");
    }
}

/// Some clients send `bin` as it is in package.json, and read it from the packument as npm writes it.
#[tokio::test]
async fn commands_are_stored_as_npm_writes_them() {
    for packed in [json!("./cli.js"), json!({ "pear": ".//cli.js" }), json!({ "pear": "cli.js" })] {
        let mut document = silent(&json!({ "bin": packed }), &[]);
        document["versions"]["1.0.0"]["bin"] = packed;
        let (full, abbreviated) = published(&document).await;
        assert_eq!(full["bin"], json!({ "pear": "cli.js" }));
        assert_eq!(abbreviated["bin"], full["bin"]);
    }
}
