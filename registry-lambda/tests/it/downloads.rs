//! Downloads through a function, which Lambda freezes between requests.

use std::time::Duration;

use registry_lambda::{Frontend, ResponseMode};
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;

use crate::events::{Asked, Given, Sender};

async fn ask(frontend: &Frontend, path: &str) -> u64 {
    let event = serde_json::from_value(Asked::get(path).event(Sender::HttpApi)).unwrap();
    Given::of(&frontend.answer(event).await.into_json().await.unwrap()).status
}

#[tokio::test]
async fn counts_are_written_at_the_end_of_an_invocation_when_it_is_time() {
    let registry = TestRegistry::builder().downloads().start().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let frontend = Frontend::new(registry.registry().clone(), ResponseMode::Buffered);
    let written = async || registry.keys().await.iter().filter(|key| key.starts_with("_downloads/")).count();
    assert_eq!(ask(&frontend, "/pear/-/pear-1.0.0.tgz").await, 200);
    assert_eq!(written().await, 0);
    registry.clock().advance(Duration::from_mins(1));
    assert_eq!(ask(&frontend, "/-/ping").await, 200);
    assert_eq!(written().await, 1);
    // A schedule's invocation does so too.
    assert_eq!(ask(&frontend, "/pear/-/pear-1.0.0.tgz").await, 200);
    registry.clock().advance(Duration::from_hours(24));
    frontend.deliver_changes(Duration::from_secs(30)).await.unwrap();
    let answer = registry.anonymous().get("/downloads/point/last-week/pear").await.assert_status(200);
    assert_eq!(answer.json()["downloads"], 2);
}
