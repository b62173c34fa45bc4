//! What can hide a package in a bucket.

use std::sync::Arc;

use http::StatusCode;
use registry_core::storage::{BlobPath, BlobPrefix, BlobRange, BlobStore as _, open_bucket};
use registry_testkit::conformance;
use registry_testkit::fake_s3::FakeS3;
use registry_testkit::install_tls_provider;
use registry_testkit::publish_document::PublishDocument;

use super::{FOREIGN, House, Kind, Question};

const NAME: &str = "left-pad";

const INSTEAD: [(StatusCode, &str); 4] = [
    (StatusCode::NOT_FOUND, "<Error><Code>NoSuchBucket</Code><Message>Gone.</Message></Error>"),
    (StatusCode::NOT_FOUND, "<html><title>Sign in to the network</title></html>"),
    (StatusCode::NOT_FOUND, ""),
    (StatusCode::FORBIDDEN, "<Error><Code>AccessDenied</Code></Error>"),
];

#[tokio::test]
async fn a_bucket_that_is_gone_hosts_all_that_it_did() {
    install_tls_provider();
    for (status, body) in INSTEAD {
        let s3 = FakeS3::start().await;
        let mut options = s3.options();
        options.insert("retry_timeout".into(), "0 s".into());
        let bucket = open_bucket(&s3.url().parse().unwrap(), &options).unwrap();
        let house = House::on(Arc::new(bucket.clone())).await;
        let _ = house.ana.publish(&PublishDocument::new(NAME, "1.0.0")).await.assert_status(201);
        house.upstream.publish(NAME, FOREIGN, b"evil");
        s3.answer_instead(Some((status, body)));
        let path = BlobPath::parse("left-pad/index.json").unwrap();
        conformance::hidden_blob(&bucket, &path).await;
        let range = BlobRange { start: 0, end: None };
        assert!(bucket.open(&path, Some(range)).await.is_err(), "{status} {body:?}");
        assert!(bucket.list_folders(&BlobPrefix::ROOT).await.is_err());
        assert!(house.registry.ready().await.is_err());
        for question in Question::all(NAME) {
            let what = format!("{status} {body:?}, {question:?}");
            let answer = house.ask(&question, NAME).await.unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
            if question.kind == Kind::OfPackage {
                assert!(answer.status.is_server_error(), "{what}: {} {}", answer.status, answer.text());
            }
        }
        s3.answer_instead(None);
        let _ = house.anonymous().get(&format!("/{NAME}")).await.assert_status(200);
        s3.clear();
        let _ = house.anonymous().get(&format!("/{NAME}")).await.assert_status(503);
    }
}
