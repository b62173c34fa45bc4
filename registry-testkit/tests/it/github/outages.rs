//! GitHub is down, slow, or asks to be left alone.

use std::time::Duration;

use chrono::TimeDelta;
use registry_core::auth::{AuthError, AuthProvider as _, Identified};
use registry_core::clock::Clock as _;
use registry_testkit::fake_github::{bad_credentials, secondary_limit, used_up_limit};
use registry_testkit::fake_upstream::FakeAnswer;

use super::{Ground, bearer, identify, principal};

fn is_unavailable<Answer: std::fmt::Debug>(answer: &Result<Answer, AuthError>) {
    assert!(matches!(answer, Err(AuthError::Unavailable { .. })), "{answer:?}");
}

#[tokio::test]
async fn what_is_no_answer_is_neither_yes_nor_no() {
    let mut ground = Ground::new().await;
    ground.settings.request_timeout = Duration::from_millis(300);
    let token = bearer(&ground.fake.personal_token("ana"));
    for (name, answer) in [
        ("500", FakeAnswer::status(500)),
        ("503", FakeAnswer::status(503)),
        ("a redirect", FakeAnswer::redirect(302, "https://login.example/")),
        ("a broken connection", FakeAnswer::hang_up()),
        ("half an answer", FakeAnswer::usual().cut_after(10)),
        ("silence", FakeAnswer::usual().stall_after(0)),
        ("no JSON", FakeAnswer::status(200).body("<html>")),
    ] {
        for path in ["GET /user", "GET /user/memberships/orgs", "GET /user/teams"] {
            ground.fake.answer_as_usual();
            ground.fake.answer(path, answer.clone());
            let error = ground.provider().identify(&token).await;
            assert!(matches!(error, Err(AuthError::Unavailable { .. })), "{name} at {path}: {error:?}");
        }
    }
    ground.fake.go_away();
    is_unavailable(&ground.provider().identify(&token).await);
}

#[tokio::test]
async fn a_wrong_secret_of_the_app_rejects_no_user() {
    let mut ground = Ground::new().await;
    ground.settings.app.as_mut().unwrap().client_secret = "wrong".into();
    let error = ground.provider().identify(&bearer(&ground.fake.app_token("ana"))).await.unwrap_err();
    let AuthError::Unavailable { source, .. } = error else { panic!("{error:?}") };
    assert!(source.to_string().contains("client secret"), "{source}");
}

#[tokio::test]
async fn while_github_is_down_old_answers_hold_for_a_bounded_time() {
    let ground = Ground::new().await;
    let (github, token) = (ground.provider(), ground.fake.personal_token("ana"));
    let ana = principal(&github, &token).await;
    ground.fake.answer_everything(FakeAnswer::status(503));
    ground.fake.take_asked();

    ground.clock.advance(ground.settings.cache);
    assert_eq!(principal(&github, &token).await, ana);
    assert_eq!(principal(&github, &token).await, ana);
    assert_eq!(ground.fake.take_asked(), ["GET /user"], "it is not asked with each request");
    // Who was never let in, is not let in now.
    is_unavailable(&github.identify(&bearer(&ground.fake.personal_token("ana"))).await);

    ground.clock.advance(Duration::from_secs(60 * 60 - 1));
    assert_eq!(principal(&github, &token).await, ana);
    ground.clock.advance(Duration::from_secs(1));
    is_unavailable(&github.identify(&bearer(&token)).await);

    ground.fake.answer_as_usual();
    assert_eq!(principal(&github, &token).await, ana, "and then it is up again");
}

#[tokio::test]
async fn a_definite_no_ends_what_was_believed() {
    let ground = Ground::new().await;
    let (github, token) = (ground.provider(), ground.fake.personal_token("ana"));
    principal(&github, &token).await;
    ground.clock.advance(ground.settings.cache);
    ground.fake.answer_next("GET /user", bad_credentials());
    assert_eq!(identify(&github, &token).await, Identified::Rejected);
    // Whatever happens then, the old yes does not come back.
    ground.fake.answer_everything(FakeAnswer::status(503));
    ground.clock.advance(ground.settings.cache);
    is_unavailable(&github.identify(&bearer(&token)).await);
}

#[tokio::test]
async fn a_used_up_limit_is_waited_for() {
    let ground = Ground::new().await;
    let (github, token) = (ground.provider(), ground.fake.personal_token("ana"));
    let ana = principal(&github, &token).await;
    ground.fake.take_asked();
    ground.clock.advance(ground.settings.cache);
    let reset = ground.clock.now() + TimeDelta::minutes(20);
    ground.fake.answer_next("GET /user", used_up_limit(reset));

    assert_eq!(principal(&github, &token).await, ana);
    ground.clock.advance(Duration::from_secs(20 * 60 - 1));
    assert_eq!(principal(&github, &token).await, ana);
    assert_eq!(ground.fake.take_asked(), ["GET /user"], "nothing more is asked before the reset");
    ground.clock.advance(Duration::from_secs(1));
    assert_eq!(principal(&github, &token).await, ana);
    assert_eq!(ground.fake.take_asked().len(), 3);
}

#[tokio::test]
async fn a_limit_is_not_taken_for_a_refusal() {
    let ground = Ground::new().await;
    let github = ground.provider();
    let token = bearer(&ground.fake.personal_token("ana"));
    ground.fake.answer_next("GET /user/memberships/orgs", secondary_limit(30));
    is_unavailable(&github.identify(&token).await);
    ground.fake.take_asked();
    ground.clock.advance(Duration::from_secs(29));
    is_unavailable(&github.identify(&token).await);
    assert!(ground.fake.take_asked().is_empty());
    ground.clock.advance(Duration::from_secs(1));
    assert!(matches!(github.identify(&token).await, Ok(Identified::Principal(_))));
}

#[tokio::test]
async fn the_limit_of_the_app_holds_for_all_its_tokens_and_no_others() {
    let ground = Ground::new().await;
    let github = ground.provider();
    let (one, other) = (ground.fake.app_token("ana"), ground.fake.app_token("ana"));
    let check = format!("POST /applications/{}/token", registry_testkit::fake_github::CLIENT_ID);
    ground.fake.answer_next(&check, used_up_limit(ground.clock.now() + TimeDelta::minutes(20)));
    is_unavailable(&github.identify(&bearer(&one)).await);
    is_unavailable(&github.identify(&bearer(&other)).await);
    assert_eq!(ground.fake.take_asked(), [check.as_str()]);
    principal(&github, &ground.fake.personal_token("ana")).await;
    ground.clock.advance(Duration::from_mins(20));
    principal(&github, &other).await;
}
