//! What a read of a package that has not changed sends to S3: one conditional `GET`, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use registry_core::Registry;
use registry_core::auth::{Caller, PasswordCost, PasswordLogin, Principal};
use registry_core::domain::DistTag;
use registry_core::domain::publication::Publication;
use registry_core::limits::Limits;
use registry_core::storage::open_bucket;
use registry_lambda::{Frontend, ResponseMode};
use registry_testkit::fake_s3::FakeS3;
use registry_testkit::install_tls_provider;
use registry_testkit::publish_document::PublishDocument;
use secrecy::ExposeSecret as _;

use crate::events::{Asked, Given, Sender};

/// Longer than any test takes.
const LONG: Duration = Duration::from_hours(1);

/// A registry on S3 with the package `pear`, and a token of `ana`'s.
async fn with_pear(s3: &FakeS3, redirect_above: Option<u64>) -> (Frontend, String) {
    s3.clear();
    install_tls_provider();
    let store = Arc::new(open_bucket(&s3.url().parse().unwrap(), &s3.options()).unwrap());
    let registry = Registry::builder(store)
        .open_to_everyone()
        .local_accounts_with(|accounts| accounts.with_password_cost(PasswordCost::cheapest()))
        .token_cache(LONG)
        .redirect_tarballs_above(redirect_above)
        .build();
    let tarball = PublishDocument::new("pear", "1.0.0").tarball();
    let publication =
        Publication::from_tarball(tarball.into(), DistTag::latest(), &Limits::default()).unwrap();
    let _ = registry.publish(&Principal::user("ana").into(), publication).await.unwrap();
    let login = PasswordLogin {
        name: "ana".to_owned(),
        password: "correct horse battery".into(),
        email: Some("ana@registry.example".to_owned()),
    };
    let session = registry.log_in(&Caller::anonymous(), &login).await.unwrap().into_session().unwrap();
    registry.flush_events().await;
    (Frontend::new(registry, ResponseMode::Buffered), session.token.expose_secret().to_owned())
}

/// Status, and what S3 was asked.
async fn asked(frontend: &Frontend, s3: &FakeS3, asked: &Asked) -> (u64, Vec<String>) {
    s3.take_requests();
    let event = serde_json::from_value(asked.event(Sender::HttpApi)).unwrap();
    let given = Given::of(&frontend.answer(event).await.into_json().await.unwrap());
    (given.status, s3.take_requests().iter().map(ToString::to_string).collect())
}

const UNCHANGED: &str = "GET pear/index.json if-none-match: 304";

#[tokio::test]
async fn an_unchanged_packument_costs_one_conditional_get() {
    let s3 = FakeS3::start().await;
    let (frontend, token) = with_pear(&s3, None).await;
    let abbreviated = "application/vnd.npm.install-v1+json";
    let reads = [
        Asked::get("/pear"),
        Asked::get("/pear").header("accept", abbreviated),
        Asked::get("/pear").header("accept", abbreviated).header("accept-encoding", "gzip"),
        Asked::of("HEAD", "/pear"),
        Asked::get("/pear/1.0.0"),
        Asked::get("/pear/latest"),
        Asked::get("/-/package/pear/dist-tags"),
    ];
    for read in reads {
        for read in [read.clone(), read.header("authorization", &format!("Bearer {token}"))] {
            let (status, _) = asked(&frontend, &s3, &read).await;
            assert_eq!(status, 200, "{read:?}");
            let again = asked(&frontend, &s3, &read).await;
            assert_eq!(again, (200, vec![UNCHANGED.to_owned()]), "{read:?}");
        }
    }
}

#[tokio::test]
async fn a_tarball_costs_its_bytes_beside_it_and_a_redirect_no_more() {
    let s3 = FakeS3::start().await;
    let read = Asked::get("/pear/-/pear-1.0.0.tgz");
    let (frontend, _) = with_pear(&s3, None).await;
    asked(&frontend, &s3, &read).await;
    let key = s3.objects().into_keys().find(|key| key.ends_with("/pear-1.0.0.tgz")).unwrap();
    let sent = vec![UNCHANGED.to_owned(), format!("GET {key}: 200")];
    assert_eq!(asked(&frontend, &s3, &read).await, (200, sent.clone()));
    // That it is longer than what is sent from here is known once it is opened.
    let (frontend, _) = with_pear(&s3, Some(100)).await;
    asked(&frontend, &s3, &read).await;
    assert_eq!(asked(&frontend, &s3, &read).await, (302, sent));
}

#[tokio::test]
async fn a_store_that_is_asked_again_after_a_change_gives_the_change() {
    let s3 = FakeS3::start().await;
    let (frontend, _) = with_pear(&s3, None).await;
    let read = Asked::get("/pear");
    asked(&frontend, &s3, &read).await;
    let index = String::from_utf8(s3.objects()["pear/index.json"].to_vec()).unwrap();
    s3.put("pear/index.json", index.replace("1.0.0", "1.0.1"));
    let (status, sent) = asked(&frontend, &s3, &read).await;
    // It is looked at once more, together with all who miss at the same time.
    let changed = "GET pear/index.json if-none-match: 200".to_owned();
    assert_eq!((status, sent), (200, vec![changed.clone(), changed]));
    assert_eq!(asked(&frontend, &s3, &read).await, (200, vec![UNCHANGED.to_owned()]));
}
