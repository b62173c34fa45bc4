use http::Method;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};

use super::Ground;

/// One of each kind of JSON.
fn kinds() -> [Value; 8] {
    [json!(null), json!(true), json!(1), json!(-1.5), json!("text"), json!([]), json!([{}]), json!({})]
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[tokio::test]
async fn a_body_of_another_kind_is_refused_on_every_route() {
    let ground = Ground::new().await;
    let revision = ground.revision().await;
    for body in kinds() {
        for (route, takes) in [
            ("/plum".to_owned(), "object"),
            ("/pear".to_owned(), "object"),
            (format!("/pear/-rev/{revision}"), "object"),
            ("/-/package/pear/dist-tags/beta".to_owned(), "string"),
            ("/-/package/pear/owners".to_owned(), "object"),
            ("/-/user/org.couchdb.user:bob".to_owned(), "object"),
            ("/-/user/v1/star".to_owned(), "object"),
        ] {
            // Those of the right kind hold nothing of use.
            let error = ground.refuses(Method::PUT, &route, body.to_string()).await;
            assert!(!error.contains("storage"), "{route} takes {takes}: {error}");
        }
    }
}

#[tokio::test]
async fn a_tag_is_set_with_a_json_string_and_nothing_else() {
    let ground = Ground::new().await;
    for body in
        ["1.0.0", "", "{\"version\":\"1.0.0\"}", "[\"1.0.0\"]", "'1.0.0'", "\"1.0.0", "null", "1", "\"\""]
    {
        ground.refuses(Method::PUT, "/-/package/pear/dist-tags/beta", body).await;
    }
    let path = "/-/package/pear/dist-tags/beta";
    let _ = ground.ana.ask(Method::PUT, path, "\"1.0.0\"").await.assert_status(200);
}

#[tokio::test]
async fn a_publish_document_has_objects_where_npm_has_them() {
    let ground = Ground::new().await;
    for place in [
        "/_id",
        "/name",
        "/dist-tags",
        "/dist-tags/latest",
        "/versions",
        "/versions/1.0.0",
        "/versions/1.0.0/name",
        "/versions/1.0.0/version",
        "/versions/1.0.0/dist",
        "/versions/1.0.0/dist/integrity",
        "/versions/1.0.0/dist/shasum",
        "/_attachments/plum-1.0.0.tgz",
        "/_attachments/plum-1.0.0.tgz/content_type",
        "/_attachments/plum-1.0.0.tgz/data",
        "/_attachments/plum-1.0.0.tgz/length",
    ] {
        for value in kinds() {
            let mut document = PublishDocument::new("plum", "1.0.0").build();
            let replaced = document.pointer_mut(place).unwrap();
            // Another number or text of the same kind is tested elsewhere; absent is as null.
            let optional = ["/_id", "/versions/1.0.0/dist/integrity", "/versions/1.0.0/dist/shasum"]
                .contains(&place)
                || place.ends_with("content_type")
                || place.ends_with("length");
            if kind(replaced) == kind(&value) && place.ends_with("dist-tags") || (optional && value.is_null())
            {
                continue;
            }
            // A digest that is no text is as one that is absent, and the other one is checked.
            if (place.ends_with("integrity") || place.ends_with("shasum")) && !value.is_string() {
                continue;
            }
            *replaced = value.clone();
            ground.refuses_to_publish(&format!("{value} at {place}"), &document).await;
        }
    }
}

#[tokio::test]
async fn a_document_that_is_sent_back_has_objects_where_npm_has_them() {
    let ground = Ground::new().await;
    let revision = ground.revision().await;
    let packument = ground.ana.get("/pear").await.json();
    for place in ["/versions", "/versions/1.0.0", "/dist-tags", "/maintainers", "/maintainers/0", "/_rev"] {
        for value in kinds() {
            for path in ["/pear".to_owned(), format!("/pear/-rev/{revision}")] {
                let mut document = packument.clone();
                let replaced = document.pointer_mut(place).unwrap();
                if kind(replaced) == kind(&value) || value.is_null() {
                    continue;
                }
                *replaced = value.clone();
                let what = format!("{value} at {place} to {path}");
                let answer = ground.ana.put(&path, &document).await;
                // A revision in the path makes that of the body not count; owners do not count beside versions.
                assert!(
                    answer.status.is_success() || answer.status.is_client_error(),
                    "{what}: {}",
                    answer.status
                );
                assert!(ground.registry.stored().await == ground.stored, "{what} changed the store");
            }
        }
    }
}

#[tokio::test]
async fn owners_are_a_list_of_people_with_accounts() {
    let ground = Ground::new().await;
    let revision = ground.revision().await;
    for owners in [
        json!([]),
        json!({}),
        json!("ana"),
        json!(["ana"]),
        json!([[]]),
        json!([{}]),
        json!([{ "name": "" }]),
        json!([{ "name": null }]),
        json!([{ "name": 1 }]),
        json!([{ "name": ["ana"] }]),
        json!([{ "email": "ana@registry.example" }]),
        json!([{ "name": "nobody", "email": "" }]),
        json!([{ "name": "ana", "email": "ana@registry.example" }, { "name": "nobody", "email": "" }]),
        json!([{ "name": "../ana" }]),
        json!([{ "name": "ana\0" }]),
        json!([{ "name": "x".repeat(1 << 20) }]),
    ] {
        let document = json!({ "_id": "pear", "_rev": revision, "maintainers": owners }).to_string();
        ground.refuses(Method::PUT, &format!("/pear/-rev/{revision}"), document).await;
    }
    for user in [
        json!(null),
        json!(1),
        json!([]),
        json!({}),
        json!(""),
        json!("nobody"),
        json!("../ana"),
        json!("a\0"),
    ] {
        let body = json!({ "user": user }).to_string();
        ground.refuses(Method::PUT, "/-/package/pear/owners", body).await;
    }
}
