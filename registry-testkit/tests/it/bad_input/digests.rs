use registry_testkit::publish_document::{Defect, PublishDocument};
use serde_json::{Value, json};

use super::Ground;

fn plum() -> PublishDocument {
    PublishDocument::new("plum", "1.0.0")
}

fn attachment(document: &mut Value) -> &mut Value {
    &mut document["_attachments"]["plum-1.0.0.tgz"]
}

fn dist(document: &mut Value) -> &mut Value {
    &mut document["versions"]["1.0.0"]["dist"]
}

#[tokio::test]
async fn every_defect_of_a_publish_document_is_refused() {
    let ground = Ground::new().await;
    assert_eq!(Defect::ALL.len(), 21);
    for defect in Defect::ALL {
        let document = plum().with(*defect).build();
        ground.refuses_to_publish(&format!("{defect:?}"), &document).await;
        // As the second version of a package that is there, too.
        let document = PublishDocument::new("pear", "2.0.0").with(*defect).build();
        let answer = ground.ana.put("/pear", &document).await;
        ground.refused(&format!("{defect:?} of pear"), &answer).await;
    }
    let _ = ground.ana.publish(&plum()).await.assert_status(201);
}

#[tokio::test]
async fn digests_that_are_none_or_of_other_bytes() {
    let ground = Ground::new().await;
    let sha1 = "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=";
    for integrity in
        ["", "sha512-", "sha512-AAAA", "sha512-!!!!", sha1, "md5-AAAA", "x", "sha512-\0", "sha512"]
    {
        let mut document = plum().build();
        dist(&mut document)["integrity"] = json!(integrity);
        ground.refuses_to_publish(&format!("integrity {integrity:?}"), &document).await;
    }
    let right = plum().shasum();
    for shasum in ["", "x", &right[1..], &format!("{right}0"), &format!(" {right}"), &"é".repeat(20)] {
        let mut document = plum().build();
        dist(&mut document)["shasum"] = json!(shasum);
        ground.refuses_to_publish(&format!("shasum {shasum:?}"), &document).await;
    }
    for nothing in [json!({}), json!(null), json!([]), json!("x"), json!({ "integrity": 1, "shasum": null })]
    {
        let mut document = plum().build();
        *dist(&mut document) = nothing.clone();
        ground.refuses_to_publish(&format!("dist {nothing}"), &document).await;
    }
}

#[tokio::test]
async fn one_right_digest_does_not_help_a_wrong_one() {
    let ground = Ground::new().await;
    let other = PublishDocument::new("plum", "1.0.0").file("index.js", b"other");
    for (field, value) in [("integrity", other.integrity()), ("shasum", other.shasum())] {
        let mut document = plum().build();
        dist(&mut document)[field] = json!(value);
        ground.refuses_to_publish(field, &document).await;
    }
}

#[tokio::test]
async fn lengths_that_are_wrong_or_none() {
    let ground = Ground::new().await;
    for length in
        [json!(0), json!(1), json!(-1), json!(1.5), json!("253"), json!([]), json!(u64::MAX), json!(1e300)]
    {
        let mut document = plum().build();
        attachment(&mut document)["length"] = length.clone();
        ground.refuses_to_publish(&format!("length {length}"), &document).await;
    }
}

#[tokio::test]
async fn base64_that_is_cut_off_or_none() {
    let ground = Ground::new().await;
    let document = plum().build();
    let data = document["_attachments"]["plum-1.0.0.tgz"]["data"].as_str().unwrap().to_owned();
    let (url_safe, spaced) = (format!("-_{}", &data[2..]), data.replacen('A', "A\n", 1));
    assert_ne!(spaced, data);
    let cut = |bytes: usize| data[..data.len() - bytes].to_owned();
    for data in [
        String::new(),
        "=".into(),
        "====".into(),
        cut(1),
        cut(2),
        cut(3),
        cut(4),
        cut(data.len() / 2),
        format!("{data}="),
        format!("{data}AAAA"),
        format!("={data}"),
        format!("data:application/octet-stream;base64,{data}"),
        url_safe,
        spaced,
        "\0".repeat(16),
        "é".repeat(16),
    ] {
        let mut document = plum().build();
        attachment(&mut document)["data"] = json!(data);
        ground.refuses_to_publish(&format!("base64 {data:.20?}"), &document).await;
    }
    for data in [json!(null), json!(1), json!([]), json!({}), json!(true)] {
        let mut document = plum().build();
        attachment(&mut document)["data"] = data.clone();
        ground.refuses_to_publish(&format!("data {data}"), &document).await;
    }
}
