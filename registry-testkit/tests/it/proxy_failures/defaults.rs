use std::time::Duration;

use registry_testkit::fake_upstream::FakeAnswer;
use tokio::time::Instant;

use super::in_front::InFront;

const TARBALL: &str = "/left-pad/-/left-pad-1.1.0.tgz";

/// The time goes by itself while everybody waits, so that the settings that users have can be tried.
#[tokio::test(start_paused = true)]
async fn four_seconds_are_waited_for() {
    let front = InFront::with(|_| {}).await;
    front.fake.answer_everything(FakeAnswer::usual().delay(Duration::from_secs(4)));
    let begun = Instant::now();
    let _ = front.get("/left-pad").await.assert_status(200);
    let _ = front.get(TARBALL).await.assert_status(200);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_hangs_is_left_alone_soon_and_costs_nothing_that_is_kept() {
    let front = InFront::with(|_| {}).await;
    let _ = front.get("/left-pad").await.assert_status(200);
    front.fake.answer_everything(FakeAnswer::usual().delay(Duration::from_hours(1)));
    front.clock.advance(Duration::from_hours(1));
    // Eight seconds at once for all, and then it has failed eight times. The last one also waits for the probe.
    let names = ["/a", "/b", "/c", "/g", "/h", "/i", "/j", "/k"].map(|name| front.get(name));
    let begun = Instant::now();
    for answer in futures::future::join_all(names).await {
        let _ = answer.assert_status(503);
    }
    assert!(begun.elapsed() <= Duration::from_secs(17), "{:?}", begun.elapsed());
    let (asked, begun) = (front.fake.requests().len(), Instant::now());
    for name in ["/d", "/e", "/f"] {
        let _ = front.get(name).await.assert_status(503);
    }
    assert_eq!((front.fake.requests().len(), begun.elapsed()), (asked, Duration::ZERO));
    let _ = front.get("/left-pad").await.assert_status(200);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_hour_is_not() {
    let front = InFront::with(|_| {}).await;
    let _ = front.get("/left-pad").await.assert_status(200);
    front.fake.answer_everything(FakeAnswer::usual().delay(Duration::from_hours(1)));
    front.clock.advance(Duration::from_hours(1));
    for (path, status, seconds) in [("/@acme%2fweb", 503, 31), ("/left-pad", 200, 4), (TARBALL, 503, 31)] {
        let begun = Instant::now();
        let answer = front.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(begun.elapsed() <= Duration::from_secs(seconds), "{path}: {:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_tarball_that_stands_still_is_broken_off() {
    let front = InFront::with(|_| {}).await;
    let _ = front.get("/left-pad").await.assert_status(200);
    front.fake.answer(TARBALL, FakeAnswer::usual().stall_after(1000));
    let begun = Instant::now();
    assert!(front.try_get(TARBALL).await.is_err());
    assert!(begun.elapsed() <= Duration::from_secs(21), "{:?}", begun.elapsed());
    assert!(front.kept().await.keys().all(|key| !key.contains(".tgz")));
}

/// A little old, it does not wait for the upstream at all.
#[tokio::test(start_paused = true)]
async fn what_is_a_little_old_does_not_wait() {
    let front = InFront::with(|_| {}).await;
    let _ = front.get("/left-pad").await.assert_status(200);
    front.fake.answer_everything(FakeAnswer::usual().delay(Duration::from_hours(1)));
    front.clock.advance(Duration::from_secs(400));
    let begun = Instant::now();
    let _ = front.get("/left-pad").await.assert_status(200);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

/// After enough failures no caller waits for it any more.
#[tokio::test(start_paused = true)]
async fn an_upstream_that_is_down_is_left_alone() {
    let front = InFront::with(|_| {}).await;
    front.fake.answer_everything(FakeAnswer::hang_up());
    for name in ["/a", "/b", "/c"] {
        let _ = front.get(name).await.assert_status(503);
    }
    let asked = front.fake.requests().len();
    let begun = Instant::now();
    for name in ["/d", "/e", "/f"] {
        let _ = front.get(name).await.assert_status(503);
    }
    assert_eq!((front.fake.requests().len(), begun.elapsed()), (asked, Duration::ZERO));
    tokio::time::advance(Duration::from_secs(11)).await;
    front.fake.answer_as_usual();
    let _ = front.get("/left-pad").await.assert_status(200);
}

/// Asking again would take as long.
#[tokio::test(start_paused = true)]
async fn an_upstream_that_begins_no_answer_in_time_is_asked_once() {
    let front = InFront::with(|_| {}).await;
    front.fake.answer_everything(FakeAnswer::usual().delay(Duration::from_hours(1)));
    let begun = Instant::now();
    let _ = front.get("/new").await.assert_status(503);
    assert!(begun.elapsed() <= Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(front.fake.requests_of("/new"), 1);
}
