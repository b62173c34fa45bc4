use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use registry_core::domain::Version;
use registry_core::upstream::{HttpUpstream, Upstream as _, UpstreamError};
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::FakeAnswer;

use super::{bounded, connect, download, fake, full, name, settings};

const TARBALL: &str = "/left-pad/-/left-pad-1.1.0.tgz";

fn source(error: &UpstreamError) -> String {
    let UpstreamError::Unavailable { source, .. } = error else { panic!("not unavailable: {error:?}") };
    let mut text = source.to_string();
    let mut next = source.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

async fn no_packument(upstream: &HttpUpstream) -> String {
    source(&full(upstream).await.unwrap_err())
}

#[tokio::test]
async fn no_server_listens() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    fake.go_away();
    let error = loop {
        // The listener ends when its task does, which may be a moment later.
        if let Err(error) = full(&upstream).await {
            break error;
        }
    };
    assert!(source(&error).contains("onnect"), "{}", source(&error));
    let address = fake.base_url().strip_prefix("http://").unwrap();
    assert_eq!(error.to_string(), format!("the upstream registry {address} did not answer"));
}

#[tokio::test]
async fn a_slow_answer_is_given_up() {
    let fake = fake().await;
    let mut settings = settings(&fake);
    settings.request_timeout = Duration::from_millis(300);
    settings.retries = 5;
    let upstream = connect(settings);
    for slow in [FakeAnswer::usual().delay(Duration::from_mins(1)), FakeAnswer::usual().stall_after(20)] {
        fake.answer("/left-pad", slow);
        let begun = Instant::now();
        assert_eq!(no_packument(&upstream).await, "no whole answer came within 300 ms");
        assert!(begun.elapsed() >= Duration::from_millis(300));
    }
    assert_eq!(fake.requests_of("/left-pad"), 2, "there was no time to ask again");

    fake.answer(TARBALL, FakeAnswer::usual().delay(Duration::from_mins(1)));
    let error = bounded(upstream.tarball(&format!("{}{TARBALL}", fake.base_url()))).await.unwrap_err();
    assert_eq!(source(&error), "no whole answer came within 300 ms");
}

#[tokio::test]
async fn retries_and_their_pauses_end_in_time() {
    let fake = fake().await;
    let mut settings = settings(&fake);
    settings.request_timeout = Duration::from_secs(1);
    settings.retries = u32::MAX;
    let upstream = connect(settings);
    fake.answer("/left-pad", FakeAnswer::status(500));
    let begun = Instant::now();
    assert_eq!(no_packument(&upstream).await, "it answered with status 500");
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert!((2..=4).contains(&fake.requests_of("/left-pad")), "{}", fake.requests_of("/left-pad"));
}

#[tokio::test]
async fn a_cut_document_is_no_document() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    fake.answer("/left-pad", FakeAnswer::hang_up());
    no_packument(&upstream).await;
    let usual = FakeAnswer::usual().header("content-type", "application/json");
    for length in [0, 1, 100] {
        fake.answer("/left-pad", usual.clone().cut_after(length));
        no_packument(&upstream).await;
    }
    let document = r#"{"name":"left-pad","versions":{}}"#;
    let whole = FakeAnswer::usual().body(document);
    for length in [1, document.len() / 2, document.len() - 1] {
        for cut in [whole.clone().cut_after(length), whole.clone().without_length().cut_after(length)] {
            fake.answer("/left-pad", cut);
            no_packument(&upstream).await;
        }
    }
    fake.answer("/left-pad", whole);
    full(&upstream).await.unwrap();
}

#[tokio::test]
async fn a_cut_tarball_ends_with_an_error() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    let url = format!("{}{TARBALL}", fake.base_url());
    let served = ServedPackages::sample();
    let whole = served.tarball(TARBALL).unwrap();
    for length in [0, 1, whole.len() / 2, whole.len() - 1] {
        for cut in [FakeAnswer::usual(), FakeAnswer::usual().without_length()] {
            fake.answer(TARBALL, cut.cut_after(length));
            let (bytes, error) = download(&upstream, &url).await;
            source(&error.expect("an error"));
            assert!(bytes == whole[..length], "what came is what was sent");
        }
    }
    fake.answer_as_usual();
    let (bytes, error) = download(&upstream, &url).await;
    assert!(error.is_none() && bytes == *whole);
}

#[tokio::test]
async fn a_tarball_that_stalls_ends_with_an_error() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    fake.answer(TARBALL, FakeAnswer::usual().stall_after(1_000));
    let (bytes, error) = download(&upstream, &format!("{}{TARBALL}", fake.base_url())).await;
    assert_eq!(bytes.len(), 1_000);
    assert_eq!(source(&error.unwrap()), "the tarball stopped: nothing came for 200 ms");
}

/// It never stops for long, and would hold its reader for a day.
#[tokio::test]
async fn a_tarball_that_trickles_ends_with_an_error() {
    let fake = fake().await;
    let mut settings = settings(&fake);
    settings.least_tarball_rate = 10_000;
    let upstream = connect(settings);
    fake.answer(TARBALL, FakeAnswer::usual().trickle_after(1_000, Duration::from_millis(20)));
    let (bytes, error) = download(&upstream, &format!("{}{TARBALL}", fake.base_url())).await;
    assert!((1_000..1_050).contains(&bytes.len()), "{}", bytes.len());
    let told = source(&error.unwrap());
    assert!(told.starts_with("the tarball was too slow: 10"), "{told}");
    assert!(told.ends_with(" ms, and the least is 10000 bytes a second"), "{told}");

    // One that is fast enough takes as long as it takes, whatever its reader does meanwhile.
    fake.answer_as_usual();
    let url = format!("{}{TARBALL}", fake.base_url());
    let mut tarball = bounded(upstream.tarball(&url)).await.unwrap().unwrap();
    let mut length = 0;
    while let Some(chunk) = bounded(tarball.stream.try_next()).await.unwrap() {
        if length == 0 {
            // Longer than the upstream may pause.
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        length += chunk.len();
    }
    assert_eq!(length, 1 << 20);
}

#[tokio::test]
async fn a_tarball_is_not_held_in_memory() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    fake.answer(TARBALL, FakeAnswer::usual().stall_after(500_000));
    let tarball = bounded(upstream.tarball(&format!("{}{TARBALL}", fake.base_url()))).await;
    assert_eq!(tarball.unwrap().unwrap().length, Some(1 << 20), "it comes before its last byte was sent");
}

#[tokio::test]
async fn a_caller_may_go_away() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    fake.answer_next("/left-pad", FakeAnswer::usual().delay(Duration::from_mins(1)));
    let gone = tokio::time::timeout(Duration::from_millis(50), full(&upstream)).await;
    assert!(gone.is_err());
    full(&upstream).await.unwrap();

    let url = format!("{}{TARBALL}", fake.base_url());
    drop(bounded(upstream.tarball(&url)).await.unwrap());
    assert!(download(&upstream, &url).await.1.is_none());
}

#[tokio::test]
async fn every_method_says_when_no_server_answers() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    fake.answer_everything(FakeAnswer::hang_up());
    let version = Version::parse("1.0.0").unwrap();
    let pear = name("pear");
    for error in [
        bounded(upstream.search("text=pear")).await.unwrap_err(),
        bounded(upstream.advisories("{}".into())).await.unwrap_err(),
        bounded(upstream.keys()).await.unwrap_err(),
        bounded(upstream.attestations(&pear, &version)).await.unwrap_err(),
        bounded(upstream.tarball(&format!("{}/a.tgz", fake.base_url()))).await.unwrap_err(),
    ] {
        source(&error);
    }
}
