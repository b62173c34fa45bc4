//! Hosts that a packument or a redirect names: which are asked, and what is told of those that are not.

use std::error::Error as _;

use registry_core::upstream::{Upstream as _, UpstreamError};
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};

use super::{bounded, connect, download, fake, full, host, settings};

const TARBALL: &str = "/left-pad/-/left-pad-1.0.0.tgz";

/// Every way to write the address of a server on this machine.
fn spellings(fake: &FakeUpstream) -> Vec<String> {
    let port = host(fake).split_once(':').unwrap().1.to_owned();
    let hosts = [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.1.",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
    ];
    hosts.iter().map(|host| format!("http://{host}:{port}")).collect()
}

fn assert_elsewhere(error: &UpstreamError) {
    assert!(matches!(error, UpstreamError::Elsewhere { .. }), "{error:?}");
}

#[tokio::test]
async fn no_address_of_this_machine_is_asked_for_a_tarball() {
    let (fake, internal) = (fake().await, fake().await);
    let upstream = connect(settings(&fake));
    for base in spellings(&internal) {
        assert_elsewhere(&bounded(upstream.tarball(&format!("{base}{TARBALL}"))).await.unwrap_err());
        fake.answer(TARBALL, FakeAnswer::redirect(302, &format!("{base}{TARBALL}")));
        let error = bounded(upstream.tarball(&format!("{}{TARBALL}", fake.base_url()))).await.unwrap_err();
        assert_elsewhere(&error);
    }
    assert_eq!((internal.requests().len(), internal.connections()), (0, 0));
}

#[tokio::test]
async fn no_document_leads_there_either() {
    let (fake, internal) = (fake().await, fake().await);
    let upstream = connect(settings(&fake));
    for base in spellings(&internal) {
        fake.answer_everything(FakeAnswer::redirect(307, &format!("{base}/left-pad")));
        assert_elsewhere(&full(&upstream).await.unwrap_err());
        assert_elsewhere(&bounded(upstream.keys()).await.unwrap_err());
        assert_elsewhere(&bounded(upstream.search("text=a")).await.unwrap_err());
        assert_elsewhere(&bounded(upstream.advisories("{}".into())).await.unwrap_err());
    }
    assert_eq!((internal.requests().len(), internal.connections()), (0, 0));
}

/// The name of the upstream's host at another port is another host.
#[tokio::test]
async fn what_is_not_allowed_looks_like_what_does_not_exist() {
    let (fake, internal) = (fake().await, fake().await);
    let upstream = connect(settings(&fake));
    let mut told = Vec::new();
    for base in [internal.base_url(), "http://127.0.0.1:1", "http://127.0.0.1:9"] {
        let error = bounded(upstream.tarball(&format!("{base}{TARBALL}"))).await.unwrap_err();
        told.push((error.to_string(), error.source().unwrap().to_string()));
    }
    assert!(told.windows(2).all(|two| two[0] == two[1]), "{told:?}");
    let absent = bounded(upstream.tarball("http://no-such-host.invalid/a.tgz")).await.unwrap_err();
    assert_eq!(absent.to_string(), told[0].0.replace(", 127.0.0.1,", ", no-such-host.invalid,"));
}

#[tokio::test]
async fn a_host_that_is_allowed_is_asked_and_told_apart() {
    let (fake, other) = (fake().await, fake().await);
    let mut allowing = settings(&fake);
    allowing.tarball_hosts = vec![host(&other)];
    let upstream = connect(allowing);
    let (bytes, error) = download(&upstream, &format!("{}{TARBALL}", other.base_url())).await;
    assert!(error.is_none() && bytes.len() == 400);
    let gone = bounded(upstream.tarball(&format!("{}/gone.tgz", other.base_url()))).await.unwrap();
    assert!(gone.is_none());
    let internal = fake_with_redirect(&other).await;
    let error = bounded(upstream.tarball(&format!("{}/away.tgz", other.base_url()))).await.unwrap_err();
    assert_elsewhere(&error);
    assert_eq!(internal.requests().len(), 0, "nor may an allowed host lead to one that is not");
}

async fn fake_with_redirect(other: &FakeUpstream) -> FakeUpstream {
    let internal = fake().await;
    other.answer("/away.tgz", FakeAnswer::redirect(302, &format!("{}{TARBALL}", internal.base_url())));
    internal
}

#[tokio::test]
async fn another_host_that_fails_is_not_held_against_the_upstream() {
    let fake = fake().await;
    let mut settings = settings(&fake);
    settings.failures_until_pause = 1;
    settings.pause = std::time::Duration::from_hours(1);
    let upstream = connect(settings);
    fake.answer(TARBALL, FakeAnswer::redirect(302, "http://no-such-host.invalid/a.tgz"));
    for _ in 0..3 {
        let tarball = bounded(upstream.tarball(&format!("{}{TARBALL}", fake.base_url()))).await;
        assert_elsewhere(&tarball.unwrap_err());
    }
    full(&upstream).await.unwrap();
}

#[tokio::test]
async fn a_tarball_s_url_may_be_a_path_of_the_upstream() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    for url in [TARBALL, &TARBALL[1..], &format!("./{}", &TARBALL[1..])] {
        let (bytes, error) = download(&upstream, url).await;
        assert!(error.is_none() && bytes.len() == 400, "{url}");
    }
    let error = bounded(upstream.tarball("//127.0.0.1:9/a.tgz")).await.unwrap_err();
    assert_elsewhere(&error);
}
