//! Documents of an upstream that are not as they should be.

use http::Request;
use registry_core::Body;
use registry_core::domain::Integrity;
use serde_json::{Value, json};

use super::{Proxy, TARBALL, read};

fn with(packument: &Value) -> Proxy {
    let proxy = Proxy::start();
    proxy.upstream.set_packument("gone", packument.clone());
    proxy
}

#[tokio::test]
async fn an_unpublished_package_is_not_found_and_says_since_when() {
    for unpublished in
        [json!({ "time": "2026-01-02T03:04:05.000Z", "name": "ana" }), json!("2026-01-02T03:04:05.000Z")]
    {
        let time = json!({ "created": "2026-01-01T00:00:00.000Z", "unpublished": unpublished });
        for versions in [None, Some(json!({})), Some(json!(null))] {
            let mut packument = json!({ "_id": "gone", "name": "gone", "time": time });
            if let Some(versions) = versions {
                packument["versions"] = versions;
            }
            let proxy = with(&packument);
            for path in [
                "/gone",
                "/gone/latest",
                "/gone/1.0.0",
                "/-/package/gone/dist-tags",
                "/gone/-/gone-1.0.0.tgz",
            ] {
                let (status, body) = proxy.get(path).await;
                let text = String::from_utf8_lossy(&body);
                assert_eq!(status, 404, "{path}: {text}");
                assert!(text.contains("Unpublished on 2026-01-02T03:04:05.000Z"), "{path}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn one_odd_version_never_costs_the_others() {
    let dist = json!({ "tarball": "https://registry.example/files/pear-1.0.0.tgz", "integrity": Integrity::of(TARBALL) });
    let good = json!({ "name": "gone", "version": "1.0.0", "dist": dist });
    for odd in [
        json!(null),
        json!(7),
        json!("x"),
        json!([]),
        json!([{}]),
        json!({ "dist": 7 }),
        json!({ "dist": [] }),
        json!({ "dist": "x" }),
        json!({ "dist": { "integrity": 7 } }),
        json!({ "dist": { "tarball": 7, "shasum": [] } }),
        json!({ "dist": { "tarball": {}, "attestations": 7 } }),
        json!({ "scripts": 7, "deprecated": {}, "bin": [] }),
    ] {
        let proxy = with(&json!({
            "name": "gone", "dist-tags": { "latest": "1.0.0", "odd": "2.0.0", "number": 7 },
            "versions": { "2.0.0": odd, "1.0.0": good }, "time": { "1.0.0": 7, "2.0.0": null }, "maintainers": "ana",
        }));
        for path in ["/gone/latest", "/gone/1.0.0", "/-/package/gone/dist-tags"] {
            proxy.json(path).await;
        }
        let tarball = "http://here.example/gone/-/gone-1.0.0.tgz";
        assert_eq!(proxy.json("/gone").await["versions"]["1.0.0"]["dist"]["tarball"], tarball, "{odd}");
        assert_eq!(proxy.json("/gone").await["dist-tags"]["number"], json!(null));
        assert_eq!(proxy.get("/gone/-/gone-1.0.0.tgz").await.1, TARBALL, "{odd}");
        let status = proxy.get("/gone/-/gone-2.0.0.tgz").await.0;
        assert!(status == 404 || status == 502, "{odd}: {status}");
        assert_ne!(proxy.get("/gone/odd").await.0, 500, "{odd}");
    }
}

/// pnpm does not find such a version.
#[tokio::test]
async fn no_version_has_a_list_where_clients_expect_an_object() {
    let dist = json!({ "tarball": "https://registry.example/files/pear-1.0.0.tgz", "integrity": Integrity::of(TARBALL) });
    let version = |more: Value| {
        let mut version = json!({ "name": "gone", "version": "1.0.0", "dist": dist });
        version.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        version
    };
    let odd = json!({ "dependencies": [], "engines": ["node >=20"], "bin": [], "deprecated": {}, "scripts": "make" });
    let proxy = with(&json!({
        "name": "gone", "dist-tags": { "latest": "1.0.0" },
        "versions": { "1.0.0": version(json!({ "bin": "a.js" })), "2.0.0": version(odd) },
    }));
    let full = proxy.json("/gone").await;
    let install = Request::get("/gone").header("host", "here.example");
    let install =
        install.header("accept", "application/vnd.npm.install-v1+json").body(Body::empty()).unwrap();
    let (_, abbreviated) = read(proxy.registry.handle(install).await).await;
    let abbreviated: Value = serde_json::from_slice(&abbreviated).unwrap();
    let alone = proxy.json("/gone/2.0.0").await;
    for odd in [&full["versions"]["2.0.0"], &abbreviated["versions"]["2.0.0"], &alone] {
        assert_eq!((&odd["dependencies"], &odd["engines"]), (&json!({}), &json!({ "node": ">=20" })));
        for field in ["bin", "deprecated", "scripts"] {
            assert_eq!(odd.get(field), None, "{field}");
        }
        assert_eq!(odd["dist"]["tarball"], "http://here.example/gone/-/gone-2.0.0.tgz");
    }
    for form in [full, abbreviated] {
        assert_eq!(form["versions"]["1.0.0"]["bin"], "a.js", "which all clients know");
    }
}

#[tokio::test]
async fn one_odd_field_never_costs_the_rest() {
    let dist = json!({ "tarball": "https://registry.example/files/pear-1.0.0.tgz", "integrity": Integrity::of(TARBALL) });
    let good = json!({ "name": "gone", "version": "1.0.0", "dist": dist });
    for field in [
        "dist-tags",
        "time",
        "maintainers",
        "readme",
        "users",
        "_id",
        "_rev",
        "_access",
        "_staged",
        "_history",
    ] {
        for odd in [json!(null), json!(7), json!("x"), json!([7]), json!({ "a": 7 }), json!(true)] {
            let mut packument = json!({ "name": "gone", "versions": { "1.0.0": good } });
            packument[field] = odd.clone();
            let proxy = with(&packument);
            let served = proxy.json("/gone").await;
            assert!(served["versions"]["1.0.0"].is_object(), "{field} {odd}");
            assert!(served["time"].is_null() || served["time"].is_object(), "{field} {odd}");
            proxy.json("/gone/1.0.0").await;
            proxy.json("/-/package/gone/dist-tags").await;
            assert_eq!(proxy.get("/gone/-/gone-1.0.0.tgz").await.1, TARBALL, "{field} {odd}");
        }
    }
    for odd in [json!(null), json!(7), json!("x"), json!([7]), json!(true)] {
        let proxy = with(&json!({ "name": "gone", "versions": odd }));
        assert_eq!(proxy.json("/gone").await["versions"], json!({}), "{odd}");
        for path in ["/gone/latest", "/-/package/gone/dist-tags", "/gone/-/gone-1.0.0.tgz"] {
            assert_eq!(proxy.get(path).await.0, 404, "{path} {odd}");
        }
    }
}

/// Clients know the package by the name that they asked for.
#[tokio::test]
async fn a_name_that_is_no_text_is_the_one_that_was_asked_for() {
    let dist = json!({ "tarball": "https://registry.example/files/pear-1.0.0.tgz", "integrity": Integrity::of(TARBALL) });
    let good = json!({ "name": "gone", "version": "1.0.0", "dist": dist });
    for name in [None, Some(json!(null)), Some(json!(7)), Some(json!(["fig"])), Some(json!({}))] {
        let mut packument = json!({ "_id": "gone", "versions": { "1.0.0": good } });
        if let Some(name) = name {
            packument["name"] = name;
        }
        let proxy = with(&packument);
        let served = proxy.json("/gone").await;
        assert_eq!((&served["name"], &served["_id"]), (&json!("gone"), &json!("gone")));
        let abbreviated: Value = serde_json::from_slice(&abbreviated(&proxy).await).unwrap();
        assert_eq!(abbreviated["name"], "gone");
        assert_eq!(proxy.get("/gone/-/gone-1.0.0.tgz").await.1, TARBALL);
    }
}

/// A value nested so deep: `{"a":{"a":…1}}` and `[[…1]]` in turn.
fn nested(levels: usize) -> String {
    let (open, close) = if levels.is_multiple_of(2) { (r#"{"a":"#, "}") } else { ("[", "]") };
    format!("{}1{}", open.repeat(levels), close.repeat(levels))
}

/// A packument of `gone` with the version 1.0.0, the odd one 2.0.0, and these fields.
fn with_odd(odd: &str, fields: &str) -> Proxy {
    let dist = |version: &str| json!({ "tarball": format!("https://registry.example/files/gone-{version}.tgz"), "integrity": Integrity::of(TARBALL) });
    let (first, second) = (dist("1.0.0"), dist("2.0.0"));
    let document = format!(
        r#"{{"name":"gone","dist-tags":{{"latest":"1.0.0","odd":"2.0.0"}},"versions":{{"2.0.0":{{"name":"gone","version":"2.0.0","dist":{second},"odd":{odd}}},"1.0.0":{{"name":"gone","version":"1.0.0","dist":{first}}}}}{fields}}}"#
    );
    let proxy = Proxy::start();
    proxy.upstream.set_document("gone", document);
    for version in ["1.0.0", "2.0.0"] {
        proxy.upstream.set_tarball(&format!("https://registry.example/files/gone-{version}.tgz"), TARBALL);
    }
    proxy
}

async fn abbreviated(proxy: &Proxy) -> Vec<u8> {
    let install = Request::get("/gone").header("host", "here.example");
    let install = install.header("accept", "application/vnd.npm.install-v1+json");
    let (status, body) = read(proxy.registry.handle(install.body(Body::empty()).unwrap()).await).await;
    assert_eq!(status, 200);
    body
}

/// How deep the JSON of a document is nested, by a reader that takes any depth.
fn depth(json: &[u8]) -> usize {
    let (mut levels, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                levels += 1;
                deepest = deepest.max(levels);
            }
            b'}' | b']' if !in_string => levels -= 1,
            _ => {}
        }
    }
    assert_eq!(levels, 0);
    deepest
}

/// deno reads 127 levels, and bun runs out of its stack after some thousand.
#[tokio::test]
async fn a_version_that_is_nested_deep_never_costs_the_others() {
    for (levels, is_served) in [(124, true), (125, false), (100_000, false), (100_001, false)] {
        let proxy = with_odd(&nested(levels), "");
        let (status, full) = proxy.get("/gone").await;
        assert_eq!(status, 200);
        for form in [full, abbreviated(&proxy).await] {
            assert!(depth(&form) <= 127, "{levels}: {}", depth(&form));
            let form: Value = serde_json::from_slice(&form).unwrap();
            assert!(form["versions"]["1.0.0"].is_object());
            assert_eq!(form["versions"].get("2.0.0").is_some(), is_served, "{levels}");
        }
        assert_eq!(proxy.json("/-/package/gone/dist-tags").await.get("odd").is_some(), is_served);
        let status = if is_served { 200 } else { 404 };
        for path in ["/gone/2.0.0", "/gone/odd", "/gone/%5E2.0.0", "/gone/-/gone-2.0.0.tgz"] {
            assert_eq!(proxy.get(path).await.0, status, "{levels} {path}");
        }
        assert_eq!(proxy.json("/gone/latest").await["version"], "1.0.0");
        assert_eq!(proxy.get("/gone/-/gone-1.0.0.tgz").await.1, TARBALL);
    }
}

/// What stands in a string is no level.
#[tokio::test]
async fn brackets_in_texts_are_not_nesting() {
    let text = format!(r#""{}\"{}""#, "[{".repeat(100_000), "[".repeat(200));
    let proxy = with_odd(&text, &format!(r#","readme":{text}"#));
    let served = proxy.json("/gone").await;
    assert!(served["versions"]["2.0.0"].is_object());
    assert_eq!(served["readme"].as_str().unwrap().len(), 200_201);
}

#[tokio::test]
async fn a_field_that_is_nested_deep_never_costs_the_rest() {
    for field in [
        "users",
        "readme",
        "maintainers",
        "x",
        "modified",
        "_attachments",
        "policyRestrictions",
        "name",
        "_id",
    ] {
        let proxy = with_odd("1", &format!(r#","{field}":{}"#, nested(100_000)));
        let (_, full) = proxy.get("/gone").await;
        for form in [full, abbreviated(&proxy).await] {
            assert!(depth(&form) <= 127, "{field}");
            let form: Value = serde_json::from_slice(&form).unwrap();
            assert_eq!(form["versions"].as_object().unwrap().len(), 2, "{field}");
            assert_eq!(form["dist-tags"]["latest"], "1.0.0", "{field}");
        }
    }
    // One odd moment or tag costs no other.
    for field in ["time", "dist-tags"] {
        let deep = nested(100_000);
        let fields = format!(r#","{field}":{{"latest":"1.0.0","1.0.0":"a","2.0.0":{deep},"odd":{deep}}}"#);
        let proxy = with_odd("1", &fields);
        let (_, full) = proxy.get("/gone").await;
        for form in [full, abbreviated(&proxy).await] {
            assert!(depth(&form) <= 127, "{field}");
            let form: Value = serde_json::from_slice(&form).unwrap();
            assert_eq!(form["dist-tags"]["latest"], "1.0.0", "{field}");
        }
        let told = proxy.json("/gone").await;
        assert_eq!(told[field], json!({ "latest": "1.0.0", "1.0.0": "a" }), "{field}");
        proxy.json("/-/package/gone/dist-tags").await;
    }
    let proxy = with_odd("1", &format!(r#","versions":{}"#, nested(100_000)));
    assert_eq!(proxy.json("/gone").await["versions"], json!({}));
}
