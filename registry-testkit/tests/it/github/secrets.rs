//! Tokens and secrets are in nothing that is stored, shown or logged.

use std::error::Error;
use std::fmt::Write as _;

use futures::TryStreamExt as _;
use registry_core::auth::{AuthProvider as _, PasswordLogin};
use registry_core::storage::{BlobPrefix, BlobStore as _};
use registry_testkit::fake_github::{CLIENT_SECRET, bad_credentials};
use registry_testkit::fake_upstream::FakeAnswer;
use secrecy::ExposeSecret as _;

use super::{Ground, bearer, principal};

fn with_sources(error: &dyn Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut next = error.source();
    while let Some(source) = next {
        write!(text, " {source} {source:?}").unwrap();
        next = source.source();
    }
    text
}

#[tokio::test]
async fn no_token_is_shown_or_stored() {
    let ground = Ground::new().await;
    let github = ground.provider();
    let (personal, of_app) = (ground.fake.personal_token("ana"), ground.fake.app_token("ana"));
    let mut shown = String::new();
    for token in [&personal, &of_app] {
        principal(&github, token).await;
        let login = PasswordLogin { name: "ana".into(), password: token.as_str().into(), email: None };
        write!(shown, "{:?} {login:?}", github.log_in(&login).await).unwrap();
    }
    let callback = "https://registry.example/callback".parse().unwrap();
    let web = github.start_web_login(&callback).await.unwrap().unwrap();
    shown.push_str(web.url.as_str());
    let query = ground.fake.agree(&web.url, "ana");
    write!(shown, "{:?}", github.finish_web_login(&web.state, &query).await).unwrap();
    let device = github.start_device_login().await.unwrap().unwrap();
    write!(shown, "{device:?}").unwrap();

    // GitHub says the token back in what cannot be read, and in errors.
    for token in [&personal, &of_app] {
        for answer in [
            FakeAnswer::status(200)
                .body(format!(r#"{{"id":"{token}","login":"{token}","access_token":"{token}"}}"#)),
            FakeAnswer::status(200).body(format!("{token}{token}")),
            FakeAnswer::status(500).body(format!(r#"{{"message":"{token}"}}"#)),
            FakeAnswer::status(418).body(format!(r#"{{"message":"{token}"}}"#)),
            FakeAnswer::redirect(302, &format!("https://elsewhere.example/{token}")),
            FakeAnswer::hang_up(),
        ] {
            ground.fake.answer_everything(answer);
            let error = ground.provider().identify(&bearer(token)).await.unwrap_err();
            shown.push_str(&with_sources(&error));
            if let Err(error) = ground.provider().poll_device_login(&device.state).await {
                shown.push_str(&with_sources(&error));
            }
        }
    }
    ground.fake.answer_everything(bad_credentials());
    write!(shown, "{:?}", ground.provider().identify(&bearer(&personal)).await).unwrap();
    write!(shown, "{github:?} {github} {:?}", ground.settings).unwrap();

    let listed: Vec<_> = ground.store.list(&BlobPrefix::ROOT).try_collect().await.unwrap();
    assert!(!listed.is_empty());
    for blob in listed {
        let bytes = ground.store.get(&blob.path).await.unwrap().unwrap().bytes;
        write!(shown, "{} {}", blob.path, String::from_utf8_lossy(&bytes)).unwrap();
    }
    for secret in [&personal, &of_app, CLIENT_SECRET, device.state.expose_secret()] {
        assert!(!shown.contains(secret), "a secret is shown: {shown}");
    }
}
