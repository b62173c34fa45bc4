use registry_core::auth::Credential;
use registry_core::upstream::{HttpUpstream, Upstream as _, UpstreamPackument};
use registry_testkit::fake_upstream::{FakeAnswer, FakeRequest, FakeUpstream};

use super::{bounded, connect, download, fake, full, host, reason, settings};

const TARBALL: &str = "/left-pad/-/left-pad-1.0.0.tgz";

fn with_token(fake: &FakeUpstream, allowed: &[&FakeUpstream]) -> HttpUpstream {
    let mut settings = settings(fake);
    settings.tarball_hosts = allowed.iter().map(|fake| host(fake)).collect();
    settings.credential = Some(Credential::Bearer("npm_secret".into()));
    connect(settings)
}

/// Whether each request came with the credential.
fn shown(requests: &[FakeRequest]) -> Vec<bool> {
    requests.iter().map(|request| request.headers.contains_key("authorization")).collect()
}

#[tokio::test]
async fn a_redirect_to_the_same_host_keeps_the_credential() {
    let fake = fake().await;
    let upstream = with_token(&fake, &[]);
    for status in [301, 302, 303, 307, 308] {
        fake.answer("/left-pad", FakeAnswer::redirect(status, "/moved"));
        fake.answer("/moved", FakeAnswer::usual().body(r#"{"name":"left-pad"}"#));
        assert!(matches!(full(&upstream).await, Ok(UpstreamPackument::Found { .. })), "{status}");
    }
    assert_eq!(shown(&fake.requests()), [true; 10]);
}

#[tokio::test]
async fn a_redirect_to_another_host_loses_the_credential_for_good() {
    let (fake, other) = (fake().await, fake().await);
    let upstream = with_token(&fake, &[&other]);
    fake.answer(TARBALL, FakeAnswer::redirect(302, &format!("{}/signed?key=a", other.base_url())));
    other.answer("/signed", FakeAnswer::redirect(302, &format!("{}/back", fake.base_url())));
    fake.answer("/back", FakeAnswer::usual().body("a tarball"));
    let (bytes, error) = download(&upstream, &format!("{}{TARBALL}", fake.base_url())).await;
    assert!(error.is_none() && bytes == b"a tarball");
    assert_eq!(shown(&fake.requests()), [true, false], "nor does another host get us to show it again");
    assert_eq!(shown(&other.requests()), [false]);
    assert_eq!(other.requests()[0].query.as_deref(), Some("key=a"));
}

#[tokio::test]
async fn a_tarball_elsewhere_is_asked_for_without_the_credential() {
    let (fake, other) = (fake().await, fake().await);
    let mut settings = settings(&fake);
    settings.credential = Some(Credential::Bearer("npm_secret".into()));
    settings.tarball_hosts = vec![host(&other), host(&fake).replace("127.0.0.1", "localhost")];
    let upstream = connect(settings);
    for base_url in [other.base_url(), &other.base_url().replace("http://", "http://ana:pass@")] {
        let (bytes, error) = download(&upstream, &format!("{base_url}{TARBALL}")).await;
        assert!(error.is_none() && bytes.len() == 400);
    }
    let here = fake.base_url().replace("127.0.0.1", "localhost");
    assert!(bounded(upstream.tarball(&format!("{here}{TARBALL}"))).await.unwrap().is_some());
    assert_eq!(shown(&other.requests()), [false, false]);
    assert_eq!(shown(&fake.requests()), [false], "another name is another host");
}

#[tokio::test]
async fn redirects_have_an_end() {
    let fake = fake().await;
    let mut settings = settings(&fake);
    settings.redirects = 3;
    let upstream = connect(settings);
    for (from, to) in [("/left-pad", "/a"), ("/a", "/b"), ("/b", "/c"), ("/c", "/d")] {
        fake.answer(from, FakeAnswer::redirect(302, to));
    }
    assert_eq!(reason(&full(&upstream).await.unwrap_err()), "redirects more than 3 times");
    assert_eq!(fake.requests().len(), 4);
}

#[tokio::test]
async fn a_circle_is_left_at_once() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    for (first, second, requests) in [("/left-pad", "/left-pad", 1), ("/a", "/left-pad", 3)] {
        fake.answer("/left-pad", FakeAnswer::redirect(302, first));
        fake.answer("/a", FakeAnswer::redirect(302, second));
        assert_eq!(reason(&full(&upstream).await.unwrap_err()), "redirects in a circle");
        assert_eq!(fake.requests().len(), requests);
    }
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_unusable() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    for location in ["file:///etc/passwd", "http://", "gopher://registry.example/"] {
        fake.answer("/left-pad", FakeAnswer::redirect(302, location));
        let error = full(&upstream).await.unwrap_err();
        assert_eq!(reason(&error), "redirects to something that is no http or https URL", "{location}");
    }
    fake.answer("/left-pad", FakeAnswer::status(302));
    let error = full(&upstream).await.unwrap_err();
    assert_eq!(reason(&error), "redirects without a Location header");
}

#[tokio::test]
async fn what_is_posted_is_posted_again_or_not_at_all() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    let path = "/-/npm/v1/security/advisories/bulk";
    fake.answer("/moved", FakeAnswer::usual().body("{}"));
    for status in [307, 308] {
        fake.answer(path, FakeAnswer::redirect(status, "/moved"));
        assert_eq!(
            bounded(upstream.advisories(r#"{"pear":["1.0.0"]}"#.into())).await.unwrap().unwrap(),
            "{}"
        );
        let moved = fake.requests().pop().unwrap();
        assert_eq!((moved.method.as_str(), &*moved.body), ("POST", &br#"{"pear":["1.0.0"]}"#[..]));
    }
    for status in [301, 302, 303] {
        fake.answer(path, FakeAnswer::redirect(status, "/moved"));
        let error = bounded(upstream.advisories("{}".into())).await.unwrap_err();
        assert_eq!(reason(&error), "redirects a POST in a way that loses its body");
    }
    assert_eq!(fake.requests_of("/moved"), 2);
}
