use std::time::Duration;

use registry_core::upstream::{Upstream as _, UpstreamError};
use registry_testkit::fake_upstream::FakeAnswer;

use super::{bounded, connect, fake, full, host, settings};

#[tokio::test]
async fn an_upstream_that_keeps_failing_is_left_alone() {
    let (fake, other) = (fake().await, fake().await);
    let mut settings = settings(&fake);
    settings.retries = 2;
    settings.failures_until_pause = 5;
    settings.pause = Duration::from_hours(1);
    settings.tarball_hosts = vec![host(&other)];
    let upstream = connect(settings);
    fake.answer_everything(FakeAnswer::status(500));
    full(&upstream).await.unwrap_err();
    let last = full(&upstream).await.unwrap_err();
    let source = |error: &UpstreamError| std::error::Error::source(error).unwrap().to_string();
    assert_eq!(source(&last), "it answered with status 500", "the pause is not the cause yet");
    assert_eq!(fake.requests().len(), 5);

    fake.answer_as_usual();
    for error in [full(&upstream).await.unwrap_err(), bounded(upstream.keys()).await.unwrap_err()] {
        assert!(source(&error).starts_with("it failed 5 times in a row"), "{}", source(&error));
    }
    assert_eq!(fake.requests().len(), 5, "nothing is asked");
    let elsewhere = format!("{}/left-pad/-/left-pad-1.0.0.tgz", other.base_url());
    assert!(bounded(upstream.tarball(&elsewhere)).await.unwrap().is_some(), "another host is not meant");
}

#[tokio::test]
async fn an_upstream_that_is_back_is_asked_again() {
    let fake = fake().await;
    let mut settings = settings(&fake);
    settings.failures_until_pause = 2;
    settings.pause = Duration::from_millis(50);
    let upstream = connect(settings);
    fake.answer_everything(FakeAnswer::status(503));
    for _ in 0..10 {
        full(&upstream).await.unwrap_err();
    }
    fake.answer_as_usual();
    bounded(async { while full(&upstream).await.is_err() {} }).await;
    for _ in 0..10 {
        full(&upstream).await.unwrap();
    }
}

#[tokio::test]
async fn answers_in_between_keep_it_open() {
    let fake = fake().await;
    let mut settings = settings(&fake);
    settings.failures_until_pause = 2;
    settings.pause = Duration::from_hours(1);
    let upstream = connect(settings);
    for status in [404, 403, 200].repeat(3) {
        fake.answer_next("/left-pad", FakeAnswer::status(500));
        fake.answer_next("/left-pad", FakeAnswer::status(status));
        full(&upstream).await.unwrap_err();
        let _ = full(&upstream).await;
    }
    full(&upstream).await.unwrap();
}

#[tokio::test]
async fn callers_who_go_away_are_no_failures() {
    let fake = fake().await;
    let mut settings = settings(&fake);
    settings.failures_until_pause = 1;
    settings.pause = Duration::from_hours(1);
    let upstream = connect(settings);
    fake.answer_next("/left-pad", FakeAnswer::usual().delay(Duration::from_mins(1)));
    let gone = tokio::time::timeout(Duration::from_millis(50), full(&upstream)).await;
    assert!(gone.is_err());
    full(&upstream).await.unwrap();
}
