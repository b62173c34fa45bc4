use std::time::{Duration, Instant};

use registry_core::upstream::{HttpUpstream, Upstream as _, UpstreamError};
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};

use super::{bounded, connect, fake, full, settings};

const BULK: &str = "/-/npm/v1/security/advisories/bulk";

fn trying_twice_more(fake: &FakeUpstream) -> HttpUpstream {
    let mut settings = settings(fake);
    settings.retries = 2;
    connect(settings)
}

#[tokio::test]
async fn a_read_is_tried_again() {
    let fake = fake().await;
    let upstream = trying_twice_more(&fake);
    for failure in [
        FakeAnswer::status(408),
        FakeAnswer::status(429),
        FakeAnswer::status(500),
        FakeAnswer::status(503).header("retry-after", "0"),
        FakeAnswer::hang_up(),
        FakeAnswer::usual().cut_after(10),
    ] {
        fake.answer_next("/left-pad", failure.clone());
        fake.answer_next("/left-pad", failure);
        let before = fake.requests_of("/left-pad");
        full(&upstream).await.unwrap();
        assert_eq!(fake.requests_of("/left-pad") - before, 3);
    }
    fake.answer("/left-pad", FakeAnswer::status(500));
    let before = fake.requests_of("/left-pad");
    full(&upstream).await.unwrap_err();
    assert_eq!(fake.requests_of("/left-pad") - before, 3, "and then no more");
}

#[tokio::test]
async fn an_answer_is_not_asked_for_again() {
    let fake = fake().await;
    let upstream = trying_twice_more(&fake);
    for status in [200, 302, 400, 401, 403, 404, 410] {
        fake.answer("/left-pad", FakeAnswer::status(status));
        let before = fake.requests_of("/left-pad");
        let _ = full(&upstream).await;
        assert_eq!(fake.requests_of("/left-pad") - before, 1, "{status}");
    }
}

#[tokio::test]
async fn what_may_have_been_read_is_not_posted_again() {
    let fake = fake().await;
    let upstream = trying_twice_more(&fake);
    for failure in [FakeAnswer::status(500), FakeAnswer::hang_up(), FakeAnswer::usual().cut_after(1)] {
        fake.answer(BULK, failure);
        let before = fake.requests_of(BULK);
        bounded(upstream.advisories("{}".into())).await.unwrap_err();
        assert_eq!(fake.requests_of(BULK) - before, 1);
    }
}

#[tokio::test]
async fn retry_after_is_waited_for_unless_it_is_long() {
    let fake = fake().await;
    let upstream = trying_twice_more(&fake);
    fake.answer_next("/left-pad", FakeAnswer::status(429).header("retry-after", "1"));
    let begun = Instant::now();
    full(&upstream).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));

    for seconds in [6, 3_600, u64::MAX] {
        let failure = FakeAnswer::status(429).header("retry-after", &seconds.to_string());
        fake.answer_next("/left-pad", failure);
        let before = fake.requests_of("/left-pad");
        let error = full(&upstream).await.unwrap_err();
        let UpstreamError::Unavailable { retry_after, .. } = error else { panic!("{error:?}") };
        assert_eq!(retry_after, Some(Duration::from_secs(seconds)));
        assert_eq!(
            fake.requests_of("/left-pad") - before,
            1,
            "an upstream that asks for a long pause gets it"
        );
    }
}
