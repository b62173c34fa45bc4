//! Credentials that a platform lends: an instance of EC2, and a pod of EKS.

use std::collections::BTreeMap;

use registry_core::storage::{BlobPath, BlobStore as _, When, open_bucket};
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_s3::FakeS3;
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};
use registry_testkit::install_tls_provider;
use serde_json::json;

const ROLE: &str = "/latest/meta-data/iam/security-credentials/";

/// What a platform says.
fn lent() -> FakeAnswer {
    let lent = json!({
        "AccessKeyId": "AKIALENT", "SecretAccessKey": "hush", "Token": "session-of-the-role",
        "Expiration": "2126-11-22T00:00:00Z",
    });
    FakeAnswer::status(200).body(lent.to_string())
}

/// Writes to a bucket of which nothing is known but these options, and tells how the request was signed.
async fn signed_with(options: &[(&str, &str)]) -> (String, String) {
    install_tls_provider();
    let s3 = FakeS3::start().await;
    let known = [("aws_endpoint", s3.endpoint()), ("aws_allow_http", "true"), ("aws_region", "eu-west-1")];
    let options: BTreeMap<String, String> =
        known.iter().chain(options).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let bucket = open_bucket(&s3.url().parse().unwrap(), &options).unwrap();
    let path = BlobPath::parse("one").unwrap();
    let _ = bucket.put(&path, "1".into(), When::Always).await.unwrap();
    let requests = s3.take_requests();
    let header = |name: &str| requests[0].headers[name].to_str().unwrap().to_owned();
    (header("authorization"), header("x-amz-security-token"))
}

fn assert_lent((authorization, session): &(String, String)) {
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIALENT/"), "{authorization}");
    assert_eq!(session, "session-of-the-role");
}

#[tokio::test]
async fn an_instance_lends_its_role() {
    let platform = FakeUpstream::start(ServedPackages(Vec::new())).await;
    platform.answer("/latest/api/token", FakeAnswer::status(200).body("token-of-the-instance"));
    platform.answer(ROLE, FakeAnswer::status(200).body("registry"));
    platform.answer(&format!("{ROLE}registry"), lent());
    assert_lent(&signed_with(&[("aws_metadata_endpoint", platform.base_url())]).await);
    let asked = platform.requests();
    assert_eq!(asked.last().unwrap().headers["x-aws-ec2-metadata-token"], "token-of-the-instance");
}

#[tokio::test]
async fn a_pod_is_lent_its_role() {
    let platform = FakeUpstream::start(ServedPackages(Vec::new())).await;
    platform.answer("/v1/credentials", lent());
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&token, "token-of-the-pod").unwrap();
    let uri = format!("{}/v1/credentials", platform.base_url());
    let options = [
        ("aws_container_credentials_full_uri", uri.as_str()),
        ("aws_container_authorization_token_file", token.path().to_str().unwrap()),
    ];
    assert_lent(&signed_with(&options).await);
    assert_eq!(platform.requests()[0].headers["authorization"], "token-of-the-pod");
}
