use std::time::Duration;

use registry_core::auth::Credential;
use registry_core::upstream::{
    HttpUpstream, HttpUpstreamSettings, PackumentForm, Upstream as _, UpstreamError, UpstreamPackument,
    Validators,
};
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};

use super::{bounded, connect, fake, full, host, name, settings};

/// What the registry asks by itself when requests of clients failed.
const PING: &str = "/-/ping";

async fn ask(upstream: &HttpUpstream, package: &str) -> Result<UpstreamPackument, UpstreamError> {
    bounded(upstream.packument(&name(package), PackumentForm::Full, &Validators::default())).await
}

fn source(error: &UpstreamError) -> String {
    std::error::Error::source(error).unwrap().to_string()
}

/// One failure calls for a probe, and a pause outlasts the test.
fn strict(fake: &FakeUpstream) -> HttpUpstreamSettings {
    let mut settings = settings(fake);
    settings.failures_until_pause = 1;
    settings.pause = Duration::from_hours(1);
    settings
}

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
    assert_eq!(source(&last), "it answered with status 500", "the pause is not the cause yet");
    assert_eq!((fake.requests().len(), fake.requests_of(PING)), (6, 1));

    fake.answer_as_usual();
    for error in [full(&upstream).await.unwrap_err(), bounded(upstream.keys()).await.unwrap_err()] {
        assert!(source(&error).starts_with("it failed 5 times in a row"), "{}", source(&error));
    }
    assert_eq!(fake.requests().len(), 6, "nothing is asked");
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

/// A client chooses what is asked, and could otherwise stop the upstream for all others.
#[tokio::test]
async fn names_on_which_it_fails_pause_nothing() {
    let fake = fake().await;
    let mut settings = strict(&fake);
    settings.failures_until_pause = 3;
    settings.first_byte_timeout = Duration::from_millis(500);
    settings.connect_timeout = Duration::from_millis(500);
    let upstream = connect(settings);
    let odd = [
        FakeAnswer::status(500),
        FakeAnswer::status(503),
        FakeAnswer::status(429),
        FakeAnswer::hang_up(),
        FakeAnswer::usual().delay(Duration::from_mins(1)),
        FakeAnswer::usual().body("{}").cut_after(1),
    ];
    for number in 0..12 {
        fake.answer(&format!("/odd-{number}"), odd[number % odd.len()].clone());
        ask(&upstream, &format!("odd-{number}")).await.unwrap_err();
    }
    full(&upstream).await.unwrap();
    assert_eq!(fake.requests_of(PING), 4, "one for three failures");
}

#[tokio::test]
async fn whatever_is_no_trouble_of_the_server_answers_the_probe() {
    for (status, pauses) in [
        (200, false),
        (302, false),
        (401, false),
        (403, false),
        (404, false),
        (405, false),
        (501, false),
        (508, false),
        (408, true),
        (429, true),
        (500, true),
        (502, true),
        (503, true),
        (504, true),
    ] {
        let fake = fake().await;
        let upstream = connect(strict(&fake));
        fake.answer_next("/left-pad", FakeAnswer::status(500));
        fake.answer_next(PING, FakeAnswer::status(status));
        full(&upstream).await.unwrap_err();
        assert_eq!(full(&upstream).await.is_err(), pauses, "{status}");
    }
}

#[tokio::test]
async fn a_name_on_which_it_fails_does_not_extend_a_pause() {
    let mut fake = fake().await;
    let mut settings = strict(&fake);
    settings.pause = Duration::from_millis(50);
    let upstream = connect(settings);
    fake.go_away();
    full(&upstream).await.unwrap_err();
    let paused = full(&upstream).await.unwrap_err();
    assert!(source(&paused).starts_with("it failed 1 times"), "{paused:?}");
    fake.come_back().await;
    fake.answer("/odd", FakeAnswer::status(500));
    // Until it is the first after the pause.
    bounded(async {
        while fake.requests_of("/odd") == 0 {
            ask(&upstream, "odd").await.unwrap_err();
        }
    })
    .await;
    full(&upstream).await.unwrap();
}

/// Some registries fail on a path that they do not know.
#[tokio::test]
async fn an_upstream_that_never_answers_the_probe_is_asked_again_all_the_same() {
    let fake = fake().await;
    let mut settings = strict(&fake);
    settings.pause = Duration::from_millis(50);
    let upstream = connect(settings);
    fake.answer(PING, FakeAnswer::status(500));
    fake.answer_next("/left-pad", FakeAnswer::status(500));
    full(&upstream).await.unwrap_err();
    bounded(async { while full(&upstream).await.is_err() {} }).await;
    full(&upstream).await.unwrap();
}

#[tokio::test]
async fn the_probe_has_the_credential_and_goes_on_without_its_caller() {
    let fake = fake().await;
    let mut settings = strict(&fake);
    settings.credential = Some(Credential::Bearer("hidden".into()));
    let upstream = connect(settings);
    fake.answer_everything(FakeAnswer::status(500));
    fake.answer_next(PING, FakeAnswer::status(500).delay(Duration::from_millis(50)));
    let (left_pad, known) = (name("left-pad"), Validators::default());
    let request = upstream.packument(&left_pad, PackumentForm::Full, &known);
    let asked = async {
        while fake.requests_of(PING) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = asked => {}
        _ = request => panic!("it waits for the probe"),
    }
    let probe = fake.requests().into_iter().find(|request| request.path == PING).unwrap();
    assert_eq!(probe.headers["authorization"], "Bearer hidden");
    let is_paused = |error: UpstreamError| source(&error).starts_with("it failed");
    bounded(async { while !is_paused(full(&upstream).await.unwrap_err()) {} }).await;
    assert_eq!(fake.requests_of(PING), 1, "another one would have begun the pause");
}
