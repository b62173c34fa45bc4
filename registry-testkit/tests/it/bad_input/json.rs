use http::Method;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::tarball::Tarball;
use serde_json::{Value, json};

use super::Ground;

/// Every route that takes a body.
const ROUTES: &[&str] = &[
    "/plum",
    "/pear",
    "/pear/-rev/REVISION",
    "/-/package/pear/dist-tags/beta",
    "/-/package/pear/owners",
    "/-/user/org.couchdb.user:bob",
    "/-/user/org.couchdb.user:bob/-rev/1-0",
    "/-/user/v1/star",
];

async fn refused_everywhere(bodies: &[Vec<u8>]) {
    let ground = Ground::new().await;
    let revision = ground.revision().await;
    for route in ROUTES {
        for body in bodies {
            ground.refuses(Method::PUT, &route.replace("REVISION", &revision), body.clone()).await;
        }
    }
}

fn arrays(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

fn objects(depth: usize) -> String {
    "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth)
}

/// `document` with `json` in the place of the text `HERE`.
fn with_json(document: &Value, json: &str) -> String {
    let text = document.to_string();
    assert!(text.contains("\"HERE\""));
    text.replace("\"HERE\"", json)
}

#[tokio::test]
async fn that_is_none() {
    let bodies: &[&[u8]] = &[
        b"",
        b" ",
        b"{",
        b"}",
        b"nul",
        b"undefined",
        b"NaN",
        b"{\"a\":1",
        b"{\"a\":1}}",
        b"{\"a\" 1}",
        b"{a:1}",
        b"{'a':1}",
        b"[1,]",
        b"{\"a\":1,}",
        b"{}{}",
        b"{} x",
        b"\xef\xbb\xbf{}",
        b"\0",
        b"{\"a\":\"\0\"}",
        b"{\"a\":\"\\ud800\"}",
        b"{\"a\":\"\\x41\"}",
        b"{\"a\":01}",
        b"{\"a\":1e999}",
        b"// comment\n{}",
        b"<html></html>",
        b"a=b&c=d",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    ];
    refused_everywhere(&bodies.iter().map(|body| body.to_vec()).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn that_is_not_utf_8() {
    let bodies: &[&[u8]] = &[
        b"\xff",
        b"\"\xff\"",
        b"{\"\xff\":1}",
        b"{\"name\":\"\xc3\x28\"}",
        b"{\"password\":\"\xed\xa0\x80\",\"name\":\"bob\"}",
        b"{\"versions\":{\"1.0.0\":{\"deprecated\":\"\xff\"}}}",
        b"\xff\xfe{\0}\0",
    ];
    refused_everywhere(&bodies.iter().map(|body| body.to_vec()).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn nested_deep() {
    let mut bodies = Vec::new();
    for deep in [arrays(10_000), objects(10_000), "[".repeat(1_000_000), "{\"a\":".repeat(200_000)] {
        bodies.push(deep.clone().into_bytes());
        bodies.push(format!("{{\"name\":\"bob\",\"password\":\"long enough\",\"x\":{deep}}}").into_bytes());
        bodies.push(format!("{{\"versions\":{{\"1.0.0\":{{\"deprecated\":{deep}}}}}}}").into_bytes());
        bodies.push(format!("{{\"_attachments\":{{\"x\":{deep}}}}}").into_bytes());
    }
    refused_everywhere(&bodies).await;
}

#[tokio::test]
async fn nested_deep_in_the_documents_that_clients_send() {
    let ground = Ground::new().await;
    for deep in [arrays(10_000), objects(10_000)] {
        let mut publish = PublishDocument::new("plum", "1.0.0").build();
        publish["versions"]["1.0.0"]["x"] = json!("HERE");
        ground.refuses(Method::PUT, "/plum", with_json(&publish, &deep)).await;
        let mut publish = PublishDocument::new("plum", "1.0.0").build();
        publish["x"] = json!("HERE");
        ground.refuses(Method::PUT, "/plum", with_json(&publish, &deep)).await;
        let mut deprecate = ground.ana.get("/pear").await.json();
        deprecate["versions"]["1.0.0"]["deprecated"] = json!("old");
        deprecate["versions"]["1.0.0"]["x"] = json!("HERE");
        ground.refuses(Method::PUT, "/pear", with_json(&deprecate, &deep)).await;

        let package_json = with_json(&json!({ "name": "plum", "version": "1.0.0", "x": "HERE" }), &deep);
        let tarball = Tarball::without_manifest().file("package.json", package_json.as_bytes()).pack();
        let document = PublishDocument::new("plum", "1.0.0").tarball_bytes(tarball).build();
        ground.refuses_to_publish("package.json", &document).await;
    }
}

#[tokio::test]
async fn with_a_key_twice() {
    let ground = Ground::new().await;
    let right = PublishDocument::new("plum", "1.0.0").build().to_string();
    let attachment = r#""plum-1.0.0.tgz":{"#;
    for (place, before, doubled) in [
        ("the top", r#"{"_id":"#, r#"{"name":"pear","_id":"#),
        ("the top, escaped", r#"{"_id":"#, r#"{"n\u0061me":"pear","_id":"#),
        ("_attachments of the top", r#"{"_id":"#, r#"{"_attachments":{},"_id":"#),
        ("dist-tags", r#""dist-tags":{"#, r#""dist-tags":{"latest":"2.0.0","#),
        ("versions", r#""versions":{"#, r#""versions":{"1.0.0":{},"#),
        ("the manifest", r#""versions":{"1.0.0":{"#, r#""versions":{"1.0.0":{"scripts":{},"scripts":{},"#),
        ("dist", r#""dist":{"#, r#""dist":{"integrity":"x","#),
        ("_attachments", attachment, r#""plum-1.0.0.tgz":{},"plum-1.0.0.tgz":{"#),
        ("the attachment", attachment, r#""plum-1.0.0.tgz":{"data":"","#),
    ] {
        assert!(right.contains(before), "{place}");
        let body = right.replacen(before, doubled, 1);
        let error = ground.refuses(Method::PUT, "/plum", body).await;
        assert!(error.contains("duplicate key"), "{place}: {error}");
    }
    for package_json in [
        r#"{"name":"pear","name":"plum","version":"1.0.0"}"#,
        r#"{"name":"plum","version":"1.0.0","scripts":{"a":"b","a":"c"}}"#,
        r#"{"name":"plum","version":"1.0.0","scripts":{},"\u0073cripts":{"install":"evil"}}"#,
    ] {
        let tarball = Tarball::without_manifest().file("package.json", package_json.as_bytes()).pack();
        let document = PublishDocument::new("plum", "1.0.0").tarball_bytes(tarball).build();
        ground.refuses_to_publish(package_json, &document).await;
    }
    let _ = ground.ana.ask(Method::PUT, "/plum", right).await.assert_status(201);
}

#[tokio::test]
async fn with_a_key_twice_where_nothing_is_published() {
    refused_everywhere(&[
        br#"{"versions":{},"versions":{}}"#.to_vec(),
        br#"{"versions":{"1.0.0":{"deprecated":"a","deprecated":"b"}}}"#.to_vec(),
        br#"{"maintainers":[{"name":"ana","name":"bob"}]}"#.to_vec(),
        br#"{"user":"ana","user":"bob"}"#.to_vec(),
        br#"{"name":"bob","name":"ana","password":"long enough"}"#.to_vec(),
        br#"{"name":"bob","password":"long enough","password":"other"}"#.to_vec(),
        br#"{"package":"pear","package":"plum"}"#.to_vec(),
    ])
    .await;
}
