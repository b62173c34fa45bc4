use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{Method, Request};
use http_body::{Frame, SizeHint};
use http_body_util::StreamBody;
use registry_core::Body;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::Ground;

const MIB: usize = 1 << 20;

#[tokio::test]
async fn names_of_a_mebibyte_in_a_body() {
    let ground = Ground::new().await;
    let long = "x".repeat(MIB);
    let revision = ground.revision().await;
    for document in [
        PublishDocument::new(&long, "1.0.0").build(),
        PublishDocument::new(&format!("@{long}/plum"), "1.0.0").build(),
        PublishDocument::new("plum", &format!("1.0.0-{long}")).build(),
        PublishDocument::new("plum", "1.0.0").tag(&long).build(),
    ] {
        ground.refuses_to_publish("a long name", &document).await;
    }
    let mut document = PublishDocument::new("plum", "1.0.0").build();
    document["_attachments"] = json!({ &long: { "content_type": &long, "data": &long, "length": 1 } });
    ground.refuses_to_publish("a long attachment", &document).await;
    let mut document = PublishDocument::new("plum", "1.0.0").build();
    document["versions"]["1.0.0"]["dist"] = json!({ "integrity": &long, "shasum": &long });
    ground.refuses_to_publish("long digests", &document).await;

    for (path, body) in [
        ("/-/package/pear/dist-tags/beta", json!(&long)),
        ("/-/package/pear/owners", json!({ "user": &long })),
        ("/-/user/org.couchdb.user:bob", json!({ "name": &long, "password": "long enough" })),
        ("/-/user/org.couchdb.user:bob", json!({ "name": "bob", "password": &long })),
        ("/-/user/v1/star", json!({ "package": &long })),
        ("/pear", json!({ "_rev": &long, "versions": {} })),
        (&*format!("/pear/-rev/{revision}"), json!({ "maintainers": [{ "name": &long }] })),
    ] {
        ground.refuses(Method::PUT, path, body.to_string()).await;
    }
}

#[tokio::test]
async fn paths_that_are_long() {
    let ground = Ground::new().await;
    // More than HTTP itself takes into a path is refused before the registry sees it.
    for length in [1_000, 9_000, 60_000] {
        let long = "x".repeat(length);
        let escaped = "%41".repeat(length / 3);
        for long in [&long, &escaped] {
            for (method, path) in [
                (Method::GET, format!("/{long}")),
                (Method::GET, format!("/@{long}/pear")),
                (Method::GET, format!("/pear/{long}")),
                (Method::GET, format!("/pear/-/pear-1.0.0-{long}.tgz")),
                (Method::PUT, format!("/-/package/pear/dist-tags/{long}")),
                (Method::DELETE, format!("/-/package/pear/dist-tags/{long}")),
                (Method::DELETE, format!("/pear/-rev/{long}")),
                (Method::PUT, format!("/-/user/org.couchdb.user:{long}")),
                (Method::GET, format!("/-/user/org.couchdb.user:{long}")),
                (Method::GET, format!("/-/_view/starredByUser?key={long}")),
            ] {
                ground.refuses(method, &path, "\"1.0.0\"").await;
            }
        }
    }
}

#[tokio::test]
async fn stars_of_a_long_account_and_owners_with_a_long_name() {
    let ground = Ground::new().await;
    let long = "x".repeat(4_000);
    ground.refuses(Method::GET, &format!("/-/user/{long}/stars"), "").await;
    ground.refuses(Method::GET, &format!("/-/_view/starredByUser?key=%22{long}%22"), "").await;
}

#[tokio::test]
async fn a_body_that_is_declared_too_large_is_413() {
    let ground = Ground::with_limits(|limits| {
        limits.publish_body_bytes = 10_000;
        limits.other_body_bytes = 1_000;
    })
    .await;
    for (path, limit) in [
        ("/plum", 10_000),
        ("/pear/-rev/1-0", 10_000),
        ("/-/package/pear/dist-tags/beta", 1_000),
        ("/-/package/pear/owners", 1_000),
        ("/-/user/org.couchdb.user:bob", 1_000),
        ("/-/user/v1/star", 1_000),
    ] {
        for length in [limit + 1, limit * 3] {
            let answer = ground.ana.ask(Method::PUT, path, " ".repeat(length)).await;
            let error = ground.refused(path, &answer).await;
            assert_eq!(answer.status, 413, "{path}");
            assert!(error.contains(&limit.to_string()), "{error}");
        }
        let answer = ground.ana.ask(Method::PUT, path, " ".repeat(limit)).await;
        assert_eq!(answer.status.as_u16() / 100, 4, "{path}");
        assert_ne!(answer.status, 413, "{path} takes as much as the limit");
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_not_read_far_beyond_the_limit() {
    let ground = Ground::with_limits(|limits| {
        limits.publish_body_bytes = 100_000;
        limits.other_body_bytes = 1_000;
    })
    .await;
    for (path, limit) in [("/plum", 100_000), ("/-/package/pear/dist-tags/beta", 1_000)] {
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&sent);
        let long = stream::repeat_with(move || {
            counted.fetch_add(1_000, Ordering::Relaxed);
            Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(vec![b' '; 1_000])))
        });
        let body = StreamBody::new(long.take(5_000).boxed());
        assert_eq!(http_body::Body::size_hint(&body).exact(), SizeHint::default().exact(), "no length");
        let answer = ground.ana.send(Request::put(path).body(body).unwrap()).await;
        ground.refused(path, &answer).await;
        assert_eq!(answer.status, 413);
        // The limit is read to refuse, and eight times what a publish may have to let the client see the answer.
        let sent = sent.load(Ordering::Relaxed);
        assert!(sent <= limit + 8 * 100_000 + 2_000, "{path} read {sent} bytes");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let ground = Ground::new().await;
    for path in ["/plum", "/pear", "/-/package/pear/dist-tags/beta", "/-/user/org.couchdb.user:bob"] {
        let pieces: [Result<Bytes, registry_core::error::BoxError>; 2] =
            [Ok(Bytes::from_static(b"\"1.0.0\"")), Err("the connection broke".into())];
        let body = Body::stream(stream::iter(pieces).boxed(), 100);
        let answer = ground.ana.send(Request::put(path).body(body).unwrap()).await;
        ground.refused(path, &answer).await;
    }
}

#[tokio::test]
async fn strangers_are_refused_before_their_body_is_read_into_memory() {
    let ground = Ground::new().await;
    let answer = ground.registry.anonymous().ask(Method::PUT, "/plum", " ".repeat(MIB)).await;
    ground.refused("a stranger", &answer).await;
    assert_eq!(answer.status, 401);
}
