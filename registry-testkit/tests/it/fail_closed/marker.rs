//! The marker of a store: made once, the same for all, and asked no more often than needed.

use std::sync::Arc;

use futures::TryStreamExt as _;
use futures::future::join_all;
use http::{Method, Request};
use registry_core::storage::{BlobPath, BlobPrefix, BlobStore, ObjectStoreBlobs, When};
use registry_core::{Body, Error, Registry};
use registry_testkit::faulty::{Fault, FaultPlan, Faulty, Operation};
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};

use super::{House, TestResponse};

fn marker() -> BlobPath {
    BlobPath::parse("_registry.json").unwrap()
}

fn registry(store: &ObjectStoreBlobs) -> Registry {
    Registry::builder(Arc::new(store.clone())).open_to_everyone().build()
}

async fn wipe(store: &ObjectStoreBlobs) {
    let blobs: Vec<_> = store.list(&BlobPrefix::ROOT).try_collect().await.unwrap();
    for blob in blobs {
        store.delete(&blob.path).await.unwrap();
    }
}

#[tokio::test]
async fn many_that_open_a_store_agree_on_its_id() {
    let store = ObjectStoreBlobs::in_memory();
    let registries: Vec<_> = (0..16).map(|_| registry(&store)).collect();
    for opened in join_all(registries.iter().map(Registry::open)).await {
        opened.unwrap();
    }
    let first = store.get(&marker()).await.unwrap().unwrap().bytes;
    for registry in &registries {
        registry.ready().await.unwrap();
    }
    assert_eq!(store.get(&marker()).await.unwrap().unwrap().bytes, first);
    let another = ObjectStoreBlobs::in_memory();
    registry(&another).open().await.unwrap();
    assert_ne!(another.get(&marker()).await.unwrap().unwrap().bytes, first);
}

#[tokio::test]
async fn a_store_that_was_emptied_or_replaced_is_not_ready() {
    let store = ObjectStoreBlobs::in_memory();
    let opened = registry(&store);
    opened.open().await.unwrap();
    wipe(&store).await;
    let gone = opened.ready().await.unwrap_err();
    assert!(gone.is_internal());
    assert_eq!(
        gone.to_string(),
        "the registry's storage is not the one that was opened: ask the registry's operator to look at the log"
    );
    // Another registry takes the emptied store for its own, which changes nothing for this one.
    registry(&store).open().await.unwrap();
    assert!(opened.ready().await.is_err());
}

#[tokio::test]
async fn a_marker_of_a_later_release_or_of_another_program_is_rejected() {
    for content in [r#"{"format":2,"id":"00"}"#, "<html>Sign in</html>", ""] {
        let store = ObjectStoreBlobs::in_memory();
        let _ = store.put(&marker(), content.into(), When::Always).await.unwrap();
        assert!(matches!(registry(&store).open().await, Err(Error::Storage(_))), "{content}");
        assert_eq!(store.get(&marker()).await.unwrap().unwrap().bytes, content, "it is left as it is");
    }
}

#[tokio::test]
async fn a_store_that_takes_no_writes_is_used_without_one_until_it_has_one() {
    let memory = ObjectStoreBlobs::in_memory();
    let store = Arc::new(Faulty::new(memory.clone(), FaultPlan::NONE));
    store.fail_next(Operation::Put, Fault::Refused);
    let reading = Registry::builder(Arc::clone(&store) as _).open_to_everyone().build();
    reading.open().await.unwrap();
    reading.ready().await.unwrap();
    assert!(memory.get(&marker()).await.unwrap().is_none());
    registry(&memory).open().await.unwrap();
    reading.ready().await.unwrap();
    wipe(&memory).await;
    assert!(reading.ready().await.is_err());
}

#[tokio::test]
async fn a_warm_read_of_a_hosted_package_asks_for_no_marker() {
    let memory = ObjectStoreBlobs::in_memory();
    let store = Arc::new(Faulty::new(memory, FaultPlan::NONE));
    let house = House::on(Arc::clone(&store) as _).await;
    let _ = house.ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let _ = house.anonymous().get("/pear").await.assert_status(200);
    store.take_calls();
    let _ = house.anonymous().get("/pear").await.assert_status(200);
    assert_eq!(store.take_calls(), [(Operation::GetIfChanged, "pear/index.json".to_owned())]);
}

#[tokio::test]
async fn a_proof_of_absence_is_remembered_and_made_again_before_a_fetch() {
    let memory = ObjectStoreBlobs::in_memory();
    let store = Arc::new(Faulty::new(memory, FaultPlan::NONE));
    let house = House::on(Arc::clone(&store) as _).await;
    house.upstream.publish("plum", "1.0.0", b"fine");
    let asked =
        |calls: Vec<(Operation, String)>| calls.iter().filter(|call| call.1 == "_registry.json").count();
    store.take_calls();
    let _ = house.anonymous().get("/plum").await.assert_status(200);
    assert_eq!(asked(store.take_calls()), 2);
    let _ = house.anonymous().get("/plum").await.assert_status(200);
    assert_eq!(asked(store.take_calls()), 0);
    let _ = house.anonymous().get("/plum/-/plum-1.0.0.tgz").await.assert_status(200);
    assert_eq!(asked(store.take_calls()), 1);
    let _ = house.anonymous().get("/plum").await.assert_status(200);
    let _ = house.anonymous().get("/plum/-/plum-1.0.0.tgz").await.assert_status(200);
    let calls = store.take_calls();
    assert!(!calls.iter().any(|(_, path)| path.starts_with("_spellings/") || path.ends_with("index.json")));
    assert_eq!(asked(calls), 0);
}

/// Answers that begin with "there is no such", each by itself: everything else is still there.
#[tokio::test]
async fn without_the_marker_nothing_is_called_missing() {
    let memory = ObjectStoreBlobs::in_memory();
    let house = House::on(Arc::new(memory.clone())).await;
    let _ = house.ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let user = |name: &str, password: &str| json!({ "name": name, "password": password, "email": "ben@registry.example" });
    let ben = user("ben", "correct horse battery");
    let _ = house.anonymous().put("/-/user/org.couchdb.user:ben", &ben).await.assert_status(201);
    let begun = house.anonymous().post("/-/v1/login", &json!({})).await.assert_status(200).json();
    let done = begun["doneUrl"].as_str().unwrap().split_once("/-/").unwrap().1.to_owned();
    for session in memory.list(&BlobPrefix::ROOT).try_collect::<Vec<_>>().await.unwrap() {
        if session.path.as_str().starts_with("_sessions/") {
            memory.delete(&session.path).await.unwrap();
        }
    }
    let ask = async |what: &str| -> TestResponse {
        let send = async |method: Method, path: &str, authorization: Option<&str>, body: Value| {
            let request =
                Request::builder().method(method).uri(path).header("content-type", "application/json");
            let request =
                authorization.into_iter().fold(request, |request, it| request.header("authorization", it));
            let body = if body.is_null() { String::new() } else { body.to_string() };
            house.anonymous().send(request.body(Body::from(body)).unwrap()).await
        };
        match what {
            "an account of a password" => {
                // eve:maple syrup 7
                send(Method::GET, "/-/whoami", Some("Basic ZXZlOm1hcGxlIHN5cnVwIDc="), Value::Null).await
            }
            "an account that may be new" => {
                let eve = user("eve", "password");
                send(Method::PUT, "/-/user/org.couchdb.user:eve", None, eve).await
            }
            "a second factor" => send(Method::PUT, "/-/user/org.couchdb.user:ben", None, ben.clone()).await,
            "a login" => send(Method::GET, &format!("/-/{done}"), None, Value::Null).await,
            "an organization" => house.ana.get("/-/org/acme/user").await,
            "an organization to change" => house.ana.put("/-/org/acme/user", &json!({ "user": "ben" })).await,
            "a trust" => house.ana.get("/-/package/pear/trust").await,
            _ => house.anonymous().get("/plum/-/plum-1.0.0.tgz").await,
        }
    };
    let marked = memory.get(&marker()).await.unwrap().unwrap().bytes;
    for what in [
        "an account of a password",
        "an account that may be new",
        "a second factor",
        "a login",
        "an organization",
        "an organization to change",
        "a trust",
        "a tarball",
    ] {
        memory.delete(&marker()).await.unwrap();
        let unknown = ask(what).await;
        assert_eq!(unknown.status, 503, "{what}: {}", unknown.text());
        let _ = memory.put(&marker(), marked.clone(), When::Absent).await.unwrap();
        let known = ask(what).await;
        assert!(!known.status.is_server_error(), "{what}: {} {}", known.status, known.text());
    }
}
