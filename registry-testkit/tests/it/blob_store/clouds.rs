//! The stores of the clouds keep the contract over the wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::TryStreamExt as _;
use http::Method;
use registry_core::storage::{
    BlobPath, BlobPrefix, BlobStore, ObjectStoreBlobs, PutOutcome, When, open_bucket, probe,
};
use registry_testkit::conformance::{self, BlobStoreCapabilities};
use registry_testkit::fake_gcs::FakeGcs;
use registry_testkit::install_tls_provider;
use registry_testkit::object_stores::{Azurite, LostAnswer, Ministack, S3rver, StoreAddress, StoreProxy};

/// The suite, each check in a folder of its own.
async fn conforms(address: &StoreAddress) {
    install_tls_provider();
    let checks = AtomicUsize::new(0);
    let make = || async {
        let url = address.url(&format!("team/{}", checks.fetch_add(1, Ordering::Relaxed)));
        Arc::new(open_bucket(&url, address.options()).unwrap()) as _
    };
    conformance::blob_store(make, BlobStoreCapabilities { signed_urls: true }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s3_conforms() {
    let Some(ministack) = Ministack::start().await else { return };
    conforms(&ministack.address()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn azure_conforms() {
    conforms(&Azurite::start().await.address()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn google_conforms() {
    conforms(&FakeGcs::start().await.address()).await;
}

fn open(address: &StoreAddress) -> ObjectStoreBlobs {
    install_tls_provider();
    open_bucket(&address.url("team"), address.options()).unwrap()
}

/// The whole text of what the probe says, with all reasons. Nothing may be left in the store.
async fn refusal(address: &StoreAddress) -> String {
    let store = open(address);
    let error: anyhow::Error = probe(&store, "one").await.unwrap_err().into();
    let left: Vec<_> = store.list(&BlobPrefix::ROOT).try_collect().await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    format!("{error:#}")
}

const IGNORES_CONDITIONS: &str = "this store ignores If-None-Match: 8 creations of one key succeeded, so publishes \
                                  would be lost; use a store with conditional writes, or turn them on";

#[tokio::test]
async fn an_s3_that_ignores_conditions_is_refused() {
    let s3rver = S3rver::start().await;
    assert_eq!(refusal(&s3rver.address()).await, IGNORES_CONDITIONS);
}

#[tokio::test]
async fn a_google_that_ignores_conditions_is_refused() {
    let gcs = FakeGcs::that_ignores_conditions().await;
    assert_eq!(refusal(&gcs.address()).await, IGNORES_CONDITIONS);
}

#[tokio::test]
async fn an_s3_that_wants_etags_unquoted_is_told_of_it() {
    let Some(ministack) = Ministack::start().await else { return };
    let proxy = StoreProxy::of(&ministack.base_url()).await;
    proxy.match_only_unquoted();
    // The owner of the account, whose signature is not checked.
    let address = ministack.address().with("aws_endpoint", &proxy.base_url());
    let address = address.with("aws_access_key_id", "test").with("aws_secret_access_key", "test");
    assert_eq!(
        refusal(&address).await,
        "this store takes an ETag in If-Match only without its quotation marks, which no standard says (older Ceph \
         gateways do so), so nothing could ever be changed; update the store or use another"
    );
}

/// A bucket as teams have that must encrypt: what is not asked to be encrypted so is denied.
fn policy(encryption: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:PutObject",
        "Resource":"arn:aws:s3:::registry/*",
        "Condition":{{"StringNotEquals":{{"s3:x-amz-server-side-encryption":"{encryption}"}}}}}}]}}"#
    )
}

/// The headers about encryption of all requests that begin a write.
fn encryption_of(proxy: &StoreProxy) -> Vec<Vec<String>> {
    let requests = proxy.requests().into_iter();
    let begins = requests.filter(|request| match request.method {
        Method::PUT => !request.target.contains("partNumber"),
        Method::POST => request.target.ends_with("?uploads") || request.target.ends_with("?uploads="),
        _ => false,
    });
    let headers = begins.map(|request| {
        let headers = request.headers.iter().filter(|(name, _)| name.as_str().contains("encryption"));
        headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    });
    headers.collect()
}

async fn write_in_all_ways(store: &ObjectStoreBlobs) -> Result<(), registry_core::storage::BlobError> {
    let path = BlobPath::parse("a").unwrap();
    let PutOutcome::Stored(etag) = store.put(&path, "one".into(), When::Absent).await? else { panic!() };
    assert!(matches!(store.put(&path, "two".into(), When::Matches(etag)).await?, PutOutcome::Stored(_)));
    let _ = store.put(&path, "three".into(), When::Always).await?;
    let megabyte = bytes::Bytes::from(vec![7; 1024 * 1024]);
    let chunks = futures::stream::iter(vec![megabyte; 9].into_iter().map(Ok));
    let _ = store.put_stream(&path, Box::pin(chunks)).await?;
    Ok(())
}

#[tokio::test]
async fn s3_is_asked_to_encrypt_every_write() {
    let Some(ministack) = Ministack::start().await else { return };
    let proxy = StoreProxy::of(&ministack.base_url()).await;
    let address = ministack.address().with("aws_endpoint", &proxy.base_url());
    ministack.set_bucket_policy(&policy("AES256")).await;
    write_in_all_ways(&open(&address)).await.unwrap();
    assert_eq!(encryption_of(&proxy), vec![vec!["x-amz-server-side-encryption: AES256"]; 4]);
    assert_eq!(ministack.head("team/a").await["x-amz-server-side-encryption"], "AES256");

    let unasked = open(&address.clone().with("aws_server_side_encryption", "none"));
    let denied: anyhow::Error = write_in_all_ways(&unasked).await.unwrap_err().into();
    assert!(format!("{denied:#}").contains("AccessDenied"), "{denied:#}");
}

#[tokio::test]
async fn s3_encrypts_with_a_key_of_kms_or_not_at_all_where_told() {
    let Some(ministack) = Ministack::start().await else { return };
    for (option, value, expected) in [
        (
            "aws_sse_kms_key_id",
            "arn:aws:kms:us-east-1:000000000000:key/1",
            vec![
                "x-amz-server-side-encryption: aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id: arn:aws:kms:us-east-1:000000000000:key/1",
            ],
        ),
        ("aws_server_side_encryption", "none", vec![]),
    ] {
        let proxy = StoreProxy::of(&ministack.base_url()).await;
        let address = ministack.address().with("aws_endpoint", &proxy.base_url()).with(option, value);
        let store = open(&address);
        // Whether the store knows the key is not what is asked here.
        let _ = store.put(&BlobPath::parse("a").unwrap(), "one".into(), When::Always).await;
        assert_eq!(encryption_of(&proxy)[0], expected);
    }
}

/// A conditional write whose answer is lost and that the client sends again meets itself.
#[tokio::test]
async fn a_write_whose_answer_was_lost_is_not_lost() {
    let Some(ministack) = Ministack::start().await else { return };
    let proxy = StoreProxy::of(&ministack.base_url()).await;
    let store = open(&ministack.address().with("aws_endpoint", &proxy.base_url()));
    for (name, how) in [("a", LostAnswer::BadGateway), ("b", LostAnswer::HangUp)] {
        let path = BlobPath::parse(name).unwrap();
        proxy.lose_next_answer(name, how);
        let outcome = store.put(&path, "mine".into(), When::Absent).await;
        assert!(!proxy.is_about_to_lose());
        // Which of the two is up to the client: the contract lets a conflict be with oneself.
        assert!(matches!(outcome, Ok(PutOutcome::Conflict) | Err(_)), "{outcome:?}");
        assert_eq!(store.get(&path).await.unwrap().unwrap().bytes, "mine");
    }
}
