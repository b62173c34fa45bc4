use registry_core::auth::Credential;
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};

use super::in_front::InFront;

const TARBALL: &str = "/left-pad/-/left-pad-1.1.0.tgz";

async fn with_token() -> (InFront, FakeUpstream) {
    let other = FakeUpstream::start(ServedPackages::sample()).await;
    let front = InFront::with(|settings| {
        settings.credential = Some(Credential::Bearer("npm_secret".into()));
        settings.tarball_hosts = vec![other.base_url().trim_start_matches("http://").to_owned()];
    });
    (front.await, other)
}

fn shown(fake: &FakeUpstream) -> Vec<bool> {
    fake.requests().iter().map(|request| request.headers.contains_key("authorization")).collect()
}

#[tokio::test]
async fn a_tarball_of_another_host_is_served_and_kept() {
    let (front, other) = with_token().await;
    front.fake.answer(TARBALL, FakeAnswer::redirect(302, &format!("{}{TARBALL}?sig=a", other.base_url())));
    let tarball = front.get(TARBALL).await.assert_status(200);
    assert!(tarball.body == *ServedPackages::sample().tarball(TARBALL).unwrap());
    assert_eq!((shown(&front.fake), shown(&other)), (vec![true, true], vec![false]));
    assert_eq!(front.kept().await.len(), 2);
    other.go_away();
    assert_eq!(front.get(TARBALL).await.assert_status(200).body, tarball.body);
}

#[tokio::test]
async fn a_packument_of_another_host_is_served_without_telling_it_who_asks() {
    let (front, other) = with_token().await;
    front.fake.answer("/left-pad", FakeAnswer::redirect(307, &format!("{}/left-pad", other.base_url())));
    let packument = front.get("/left-pad").await.assert_status(200).json();
    let here = format!("http://{}{TARBALL}", front.address());
    assert_eq!(packument["versions"]["1.1.0"]["dist"]["tarball"], here);
    let _ = front.get(TARBALL).await.assert_status(200);
    assert_eq!((shown(&front.fake), shown(&other)), (vec![true], vec![false, false]));
}

#[tokio::test]
async fn wrong_bytes_of_another_host_are_broken_off() {
    let (front, other) = with_token().await;
    front.fake.answer(TARBALL, FakeAnswer::redirect(302, &format!("{}/else", other.base_url())));
    other.answer("/else", FakeAnswer::usual().body(vec![b'x'; 1 << 20]));
    assert!(front.try_get(TARBALL).await.is_err());
    front.kept().await;
    front.fake.answer_as_usual();
    let _ = front.get(TARBALL).await.assert_status(200);
}
