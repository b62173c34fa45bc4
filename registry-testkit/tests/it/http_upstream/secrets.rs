use std::error::Error;
use std::fmt::Write as _;

use registry_core::auth::Credential;
use registry_core::upstream::{
    HttpUpstream, HttpUpstreamError, HttpUpstreamSettings, Upstream as _, UpstreamError,
};
use registry_testkit::fake_upstream::FakeAnswer;

use super::{bounded, connect, download, fake, full, install_tls_provider, settings};

const SECRET: &str = "npm_hidden";

/// Everything that can be printed of an error.
fn printed(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("{error:?}");
    let mut next = Some(error);
    while let Some(error) = next {
        write!(text, "\n{error}").unwrap();
        next = error.source();
    }
    text
}

#[tokio::test]
async fn no_error_shows_a_secret() {
    let fake = fake().await;
    let mut settings = settings(&fake);
    settings.credential = Some(Credential::Bearer(SECRET.into()));
    settings.redirects = 1;
    let upstream = connect(settings);
    let mut errors = Vec::new();
    let closed = format!("http://127.0.0.1:1/a.tgz?signature={SECRET}");
    for answer in [
        FakeAnswer::hang_up(),
        FakeAnswer::status(401),
        FakeAnswer::status(500),
        FakeAnswer::redirect(302, &closed),
        FakeAnswer::redirect(302, &format!("gopher://127.0.0.1/?signature={SECRET}")),
        FakeAnswer::redirect(302, &format!("/again?signature={SECRET}")),
        FakeAnswer::usual().cut_after(0),
    ] {
        fake.answer_everything(answer);
        errors.push(full(&upstream).await.unwrap_err());
    }
    errors.push(bounded(upstream.tarball(&closed)).await.unwrap_err());
    errors.push(bounded(upstream.tarball(&format!("nonsense:{SECRET}"))).await.unwrap_err());
    for error in &errors {
        let printed = printed(error);
        assert!(!printed.contains(SECRET), "{printed}");
    }
    fake.answer_everything(FakeAnswer::usual().body("a tarball").cut_after(3));
    let (_, error) = download(&upstream, &format!("{}/a.tgz?signature={SECRET}", fake.base_url())).await;
    let error: UpstreamError = error.unwrap();
    assert!(!printed(&error).contains(SECRET), "{}", printed(&error));

    assert!(!format!("{upstream:?} {upstream:#?} {upstream}").contains(SECRET));
    let shown = fake.requests().iter().any(|request| {
        request.headers.get("authorization").is_some_and(|value| value == &format!("Bearer {SECRET}"))
    });
    assert!(shown, "and yet it was sent");
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    install_tls_provider();
    let refusal = |settings: HttpUpstreamSettings| {
        let error: HttpUpstreamError = HttpUpstream::new(settings).unwrap_err();
        assert!(!printed(&error).contains(SECRET), "{}", printed(&error));
        error.to_string()
    };
    for (url, expected) in [
        ("ftp://registry.example/", "must begin with http:// or https://"),
        (
            "https://ana:npm_hidden@registry.example/",
            "holds a user name or password: configure them as its credential instead",
        ),
        (
            "https://npm_hidden@registry.example/",
            "holds a user name or password: configure them as its credential instead",
        ),
        (
            "https://registry.example/?token=npm_hidden",
            "has a ? or a #: remove it and what follows, because paths are appended",
        ),
    ] {
        let settings = HttpUpstreamSettings::new(url.parse().unwrap());
        assert!(!format!("{settings:?}").contains(SECRET));
        assert_eq!(
            refusal(settings),
            format!("the URL of the upstream registry registry.example {expected}")
        );
    }

    let good = || HttpUpstreamSettings::new("https://registry.example/".parse().unwrap());
    let mut settings = good();
    settings.credential = Some(Credential::Bearer(format!("{SECRET}\n").into()));
    assert_eq!(
        refusal(settings),
        "the credential for the upstream registry registry.example holds characters that HTTP cannot carry: \
         look for a line break at its end"
    );
    for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let mut settings = good();
        settings.extra_root_certificates = vec![pem.into()];
        refusal(settings);
    }
    HttpUpstream::new(good()).unwrap();
}
