use std::time::Duration;

use futures::future::join_all;
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::FakeAnswer;

use super::in_front::{INSTALL, InFront};

const CLIENTS: usize = 20;
const TARBALL: &str = "/left-pad/-/left-pad-1.1.0.tgz";

async fn start() -> InFront {
    let front = InFront::with(|_| {}).await;
    // So long that all clients have come before there is an answer.
    front.fake.answer_everything(FakeAnswer::usual().delay(Duration::from_millis(300)));
    front
}

#[tokio::test]
async fn cold_clients_cost_one_request_for_a_packument() {
    let front = start().await;
    let answers = join_all((0..CLIENTS).map(|_| front.install("/left-pad"))).await;
    for answer in &answers {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, answers[0].body);
    }
    assert_eq!(front.fake.requests_of("/left-pad"), 1);
    let answers = join_all((0..CLIENTS).map(|_| front.install("/no-such-package"))).await;
    assert!(answers.iter().all(|answer| answer.status == 404));
    assert_eq!(front.fake.requests_of("/no-such-package"), 1);
}

#[tokio::test]
async fn cold_clients_cost_one_request_for_a_tarball() {
    let front = start().await;
    let served = ServedPackages::sample();
    let answers = join_all((0..CLIENTS).map(|_| front.get(TARBALL))).await;
    assert!(answers.iter().all(|answer| answer.body == *served.tarball(TARBALL).unwrap()));
    assert_eq!(front.fake.requests_of(TARBALL), 1);
    assert_eq!(front.fake.requests_of("/left-pad"), 1);
}

#[tokio::test]
async fn cold_clients_cost_one_request_also_if_it_fails() {
    let front = start().await;
    let broken = FakeAnswer::usual().body("<h1>Sign in</h1>").delay(Duration::from_millis(300));
    front.fake.answer("/left-pad", broken);
    let answers = join_all((0..CLIENTS).map(|_| front.install("/left-pad"))).await;
    assert!(answers.iter().all(|answer| answer.status == 502));
    assert_eq!(front.fake.requests_of("/left-pad"), 1);
}

#[tokio::test]
async fn two_replicas_cost_two_requests_at_most() {
    let front = start().await;
    let other = front.replica().await;
    let served = ServedPackages::sample();
    for path in ["/left-pad", TARBALL] {
        let clients =
            [front.client(), &other.client].map(|client| (0..CLIENTS / 2).map(|_| client.get(path)));
        let requests = clients.into_iter().flatten().map(|request| request.header("accept", INSTALL).send());
        for answer in join_all(requests).await {
            let answer = answer.assert_status(200);
            assert!(served.tarball(path).is_none_or(|tarball| answer.body == *tarball));
        }
        let requests = front.fake.requests_of(path);
        assert!((1..=2).contains(&requests), "{path}: {requests}");
    }
}
