use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use registry_core::upstream::{PackumentForm, Upstream as _, UpstreamPackument, Validators};
use registry_testkit::fake_upstream::FakeAnswer;
use serde_json::json;

use super::{attestations, bounded, connect, fake, full, name, reason, settings};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A packument of `left-pad` with that many bytes.
fn packument(length: usize) -> Vec<u8> {
    let frame = r#"{"name":"left-pad","readme":""}"#;
    let readme = "a".repeat(length - frame.len());
    format!(r#"{{"name":"left-pad","readme":"{readme}"}}"#).into_bytes()
}

#[tokio::test]
async fn what_is_no_packument_of_that_package_is_unusable() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    let html =
        FakeAnswer::usual().body("<!doctype html><title>Sign in</title>").header("content-type", "text/html");
    for (answer, expected) in [
        (html, r#"a document that is not a JSON object, and calls it "text/html""#),
        (FakeAnswer::usual().body(""), "a document that is not a JSON object"),
        (FakeAnswer::usual().body(r#"{"name":"left-pad""#), "a document that is not JSON"),
        (
            FakeAnswer::usual().body(r#"{"name":"Left-Pad"}"#),
            r#"the packument of "Left-Pad" for that of left-pad"#,
        ),
        (
            FakeAnswer::usual().body(r#"{"error":"not_found"}"#),
            "a document that is not a packument of left-pad",
        ),
        (
            FakeAnswer::usual().body("{}").header("content-encoding", "br"),
            r#"a document in the encoding "br", and gzip was asked for"#,
        ),
        (
            FakeAnswer::usual().body(r#"{"name":"left-pad"}"#).header("content-encoding", "gzip"),
            "a document that calls itself gzip and is not",
        ),
    ] {
        fake.answer("/left-pad", answer);
        assert_eq!(reason(&full(&upstream).await.unwrap_err()), expected);
    }
}

#[tokio::test]
async fn odd_fields_of_a_packument_are_no_reason_to_hide_it() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    let packument = json!({
        "_id": "left-pad", "_rev": "1-a", "name": "left-pad", "dist-tags": { "latest": "1.0.0" },
        "versions": { "1.0.0": { "name": "left-pad", "version": "1.0.0" } }, "time": {}, "readme": "", "maintainers": [],
    });
    for field in packument.as_object().unwrap().keys() {
        for odd in [None, Some(json!(null)), Some(json!(7)), Some(json!([]))] {
            let mut packument = packument.clone();
            match odd {
                Some(odd) => packument[field] = odd,
                None => drop(packument.as_object_mut().unwrap().shift_remove(field)),
            }
            let document = packument.to_string();
            fake.answer("/left-pad", FakeAnswer::usual().body(document.clone()));
            let found = full(&upstream).await.unwrap();
            assert!(
                matches!(&found, UpstreamPackument::Found { bytes, .. } if *bytes == document),
                "{document}: {found:?}"
            );
        }
    }
    let other = json!({ "name": "right-pad", "versions": {} }).to_string();
    fake.answer("/left-pad", FakeAnswer::usual().body(other));
    let refused = full(&upstream).await.unwrap_err();
    assert_eq!(reason(&refused), r#"the packument of "right-pad" for that of left-pad"#);
}

#[tokio::test]
async fn a_document_may_be_as_large_as_the_limit() {
    const LIMIT: usize = 100_000;
    let fake = fake().await;
    let mut settings = settings(&fake);
    settings.packument_bytes = LIMIT;
    let upstream = connect(settings);
    for (length, fits) in [(LIMIT, true), (LIMIT + 1, false)] {
        let document = packument(length);
        let plain = FakeAnswer::usual().body(document.clone());
        let zipped = FakeAnswer::usual().body(gzip(&document)).header("content-encoding", "gzip");
        for answer in [plain.clone(), plain.without_length(), zipped.clone(), zipped.without_length()] {
            fake.answer("/left-pad", answer);
            match full(&upstream).await {
                Ok(UpstreamPackument::Found { bytes, .. }) => assert!(fits && bytes == document),
                Ok(other) => panic!("{other:?}"),
                Err(error) => {
                    assert!(!fits);
                    assert_eq!(reason(&error), "a document of more than 100000 bytes");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_bomb_does_not_go_off() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    // 300 MB of blanks, in some 300 KB.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..300 {
        encoder.write_all(&blanks).unwrap();
    }
    let bomb = FakeAnswer::usual().body(encoder.finish().unwrap()).header("content-encoding", "gzip");
    fake.answer_everything(bomb);
    assert_eq!(reason(&full(&upstream).await.unwrap_err()), "a document of more than 134217728 bytes");
    assert_eq!(reason(&attestations(&upstream).await.unwrap_err()), "a document of more than 8388608 bytes");
}

#[tokio::test]
async fn a_large_document_declared_is_not_even_read() {
    let fake = fake().await;
    let mut settings = settings(&fake);
    settings.small_answer_bytes = 10;
    let upstream = connect(settings);
    fake.answer("/-/npm/v1/keys", FakeAnswer::usual().body("x".repeat(11)).stall_after(0));
    assert_eq!(reason(&bounded(upstream.keys()).await.unwrap_err()), "a document of more than 10 bytes");
}

#[tokio::test]
async fn other_documents_are_json_objects() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    for body in ["<!doctype html>", "[]", "null", "", "{"] {
        fake.answer_everything(FakeAnswer::usual().body(body));
        for error in [
            bounded(upstream.search("text=pear")).await.unwrap_err(),
            bounded(upstream.advisories("{}".into())).await.unwrap_err(),
            bounded(upstream.keys()).await.unwrap_err(),
            attestations(&upstream).await.unwrap_err(),
        ] {
            assert!(reason(&error).starts_with("a document that is not "), "{body}: {error}");
        }
    }
    let bundle = r#"{"attestations":[{"predicateType":"https://slsa.dev/provenance/v1"}]}"#;
    fake.answer("/-/npm/v1/attestations/@acme%2fweb@2.0.0-rc.1", FakeAnswer::usual().body(bundle));
    assert_eq!(attestations(&upstream).await.unwrap().unwrap(), bundle);
}

#[tokio::test]
async fn the_form_is_the_one_that_came() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    for (content_type, asked, expected) in [
        (Some("application/vnd.npm.install-v1+json"), PackumentForm::Full, PackumentForm::Abbreviated),
        (
            Some("Application/vnd.npm.install-v1+JSON; charset=utf-8"),
            PackumentForm::Abbreviated,
            PackumentForm::Abbreviated,
        ),
        (Some("application/json"), PackumentForm::Abbreviated, PackumentForm::Full),
        (None, PackumentForm::Abbreviated, PackumentForm::Full),
    ] {
        let mut answer = FakeAnswer::usual().body(packument(50));
        if let Some(content_type) = content_type {
            answer = answer.header("content-type", content_type);
        }
        fake.answer("/left-pad", answer);
        let found = bounded(upstream.packument(&name("left-pad"), asked, &Validators::default())).await;
        let UpstreamPackument::Found { form, validators, .. } = found.unwrap() else { panic!("not found") };
        assert_eq!(form, expected, "{content_type:?}");
        assert!(validators.is_empty());
    }
}

#[tokio::test]
async fn a_document_that_is_known_does_not_come_again() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    let UpstreamPackument::Found { validators, .. } = full(&upstream).await.unwrap() else {
        panic!("not found")
    };
    assert_eq!(validators.last_modified.as_deref(), Some("Fri, 02 Jan 2026 03:04:05 GMT"));
    let only_time = Validators { etag: None, ..validators.clone() };
    for known in [&validators, &only_time] {
        let again = bounded(upstream.packument(&name("left-pad"), PackumentForm::Full, known)).await.unwrap();
        assert_eq!(again, UpstreamPackument::Unchanged);
        let last = fake.requests().pop().unwrap();
        let sent = |name: &str| last.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(sent("if-none-match"), known.etag);
        assert_eq!(sent("if-modified-since"), known.last_modified);
    }

    // What never was a header is not sent as one, and does not break the request either.
    let odd = Validators { etag: Some("a\r\nb: c".into()), last_modified: None };
    let found = bounded(upstream.packument(&name("left-pad"), PackumentForm::Full, &odd)).await.unwrap();
    assert!(matches!(found, UpstreamPackument::Found { .. }));
}
