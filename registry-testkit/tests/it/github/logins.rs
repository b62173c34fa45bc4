//! `npm login`, in its three ways.

use std::time::Duration;

use registry_core::auth::{
    AuthError, AuthProvider as _, DevicePoll, Identified, LoggedIn, PasswordLogin, SignedUp,
};
use registry_testkit::fake_github::CLIENT_ID;
use registry_testkit::fake_upstream::FakeAnswer;
use url::Url;

use super::Ground;

fn login(name: &str, password: &str) -> PasswordLogin {
    PasswordLogin { name: name.into(), password: password.into(), email: None }
}

fn callback() -> Url {
    "https://registry.example/-/v1/login/callback".parse().unwrap()
}

fn reason<Answer: std::fmt::Debug>(answer: Result<Answer, AuthError>) -> String {
    match answer {
        Err(AuthError::Unacceptable { reason }) => reason,
        answer => panic!("no reason is told: {answer:?}"),
    }
}

#[tokio::test]
async fn a_pasted_token_logs_its_own_user_in() {
    let ground = Ground::new().await;
    let github = ground.provider();
    let token = ground.fake.personal_token("ana");
    for name in ["ana", "Ana"] {
        let LoggedIn::Principal(ana) = github.log_in(&login(name, &token)).await.unwrap() else {
            panic!("a good token")
        };
        assert_eq!(ana.name, "ana", "as GitHub spells it");
    }
    assert_eq!(github.log_in(&login("ben", &token)).await.unwrap(), LoggedIn::WrongPassword);
    let unknown = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
    assert_eq!(github.log_in(&login("ana", unknown)).await.unwrap(), LoggedIn::WrongPassword);
    assert_eq!(github.sign_up(&login("ana", &token)).await.unwrap(), SignedUp::NotOffered);
}

#[tokio::test]
async fn a_password_is_told_what_to_do_instead() {
    let ground = Ground::new().await;
    for (name, password) in [("ana", "orange tree"), ("ana.123456", "orange tree"), ("ana", "")] {
        let reason = reason(ground.provider().log_in(&login(name, password)).await);
        for part in ["2020", "personal access token", "read:org", "--auth-type=web"] {
            assert!(reason.contains(part), "{reason}");
        }
        assert!(!reason.contains("one-time pass"), "npm would ask for a code: {reason}");
    }
    assert!(ground.fake.take_asked().is_empty());
}

#[tokio::test]
async fn who_is_outside_is_told_so() {
    let ground = Ground::new().await.restricted_to(&["other"]);
    let github = ground.provider();
    let token = ground.fake.personal_token("ana");
    let told = reason(github.log_in(&login("ana", &token)).await);
    assert!(told.contains("organization") && told.contains("read:org"), "{told}");
    assert!(!told.contains("other"), "the settings are not disclosed: {told}");

    let started = github.start_web_login(&callback()).await.unwrap().unwrap();
    let query = ground.fake.agree(&started.url, "ana");
    assert_eq!(reason(github.finish_web_login(&started.state, &query).await), told);
    assert_eq!(ground.fake.app_tokens(), 0);
}

#[tokio::test]
async fn a_login_in_the_browser_can_be_ended_by_another_process() {
    let ground = Ground::new().await.restricted_to(&["acme"]);
    let started = ground.provider().start_web_login(&callback()).await.unwrap().unwrap();
    let query = ground.fake.agree(&started.url, "ana");
    let github = ground.provider();
    let ended = github.finish_web_login(&started.state, &query).await.unwrap();
    let Identified::Principal(ana) = ended else { panic!("{ended:?}") };
    assert_eq!(ana.name, "ana");
    assert_eq!(ana.groups, ["github:acme", "github:acme/platform"]);
    assert!(github.look_up("ana").await.unwrap().is_some());
    let (check, end) =
        (format!("POST /applications/{CLIENT_ID}/token"), format!("DELETE /applications/{CLIENT_ID}/token"));
    let expected =
        ["POST /login/oauth/access_token", &check, "GET /user/memberships/orgs", "GET /user/teams", &end];
    assert_eq!(ground.fake.take_asked(), expected);
    assert_eq!(ground.fake.app_tokens(), 0, "the token was needed once");

    // A second time, no user is let in.
    assert_eq!(github.finish_web_login(&started.state, &query).await.unwrap(), Identified::Rejected);
}

#[tokio::test]
async fn a_login_that_another_user_began_is_not_ended() {
    let ground = Ground::new().await;
    let github = ground.provider();
    let ours = github.start_web_login(&callback()).await.unwrap().unwrap();
    let theirs = github.start_web_login(&callback()).await.unwrap().unwrap();
    let query = ground.fake.agree(&theirs.url, "ana");
    for query in [
        query.clone(),
        query.split('&').next().unwrap().to_owned(),
        format!("{query}x"),
        format!("state=&{query}"),
        ground.fake.refuse(&ours.url),
        String::new(),
    ] {
        let ended = github.finish_web_login(&ours.state, &query).await.unwrap();
        assert_eq!(ended, Identified::Rejected, "{query}");
    }
    assert!(ground.fake.take_asked().is_empty(), "no code of another login is spent");
    let state =
        |login: &registry_core::auth::WebLogin| login.url.query_pairs().any(|(key, _)| key == "state");
    assert!(state(&ours) && ours.url != theirs.url);

    // The right state does not help who has a code of another login: it lacks what proves it.
    let stolen = query.split('&').next().unwrap();
    let (_, state) = ours.url.query_pairs().find(|(key, _)| key == "state").unwrap();
    let ended = github.finish_web_login(&ours.state, &format!("{stolen}&state={state}")).await.unwrap();
    assert_eq!(ended, Identified::Rejected);
}

#[tokio::test]
async fn an_error_that_comes_with_status_200_lets_no_user_in() {
    let ground = Ground::new().await;
    let github = ground.provider();
    for (body, is_refusal) in [
        (r#"{"error":"bad_verification_code"}"#, true),
        (r#"{"error":"access_denied"}"#, true),
        (r#"{"error":"incorrect_client_credentials"}"#, false),
        (r#"{"error":"redirect_uri_mismatch"}"#, false),
        (r#"{"error":"brand_new_error"}"#, false),
        (r#"{"access_token":"gho_x","error":"odd"}"#, false),
        ("{}", false),
        ("access_token=gho_x&token_type=bearer", false),
    ] {
        let started = github.start_web_login(&callback()).await.unwrap().unwrap();
        let query = ground.fake.agree(&started.url, "ana");
        ground.fake.answer_next("POST /login/oauth/access_token", FakeAnswer::status(200).body(body));
        let ended = github.finish_web_login(&started.state, &query).await;
        match ended {
            Ok(Identified::Rejected) => assert!(is_refusal, "{body}"),
            Err(AuthError::Unavailable { .. }) => assert!(!is_refusal, "{body}"),
            ended => panic!("{body}: {ended:?}"),
        }
    }
}

#[tokio::test]
async fn a_login_at_a_terminal_waits_for_its_user() {
    let ground = Ground::new().await;
    let github = ground.provider();
    let started = github.start_device_login().await.unwrap().unwrap();
    assert_eq!(started.url.as_str(), "https://github.example/login/device");
    assert_eq!((started.interval, started.expires_in), (Duration::from_secs(5), Duration::from_mins(15)));
    let poll = async || github.poll_device_login(&started.state).await.unwrap();
    assert_eq!(poll().await, DevicePoll::Waiting { slower_by: Duration::ZERO });
    ground.fake.slow_down();
    assert_eq!(poll().await, DevicePoll::Waiting { slower_by: Duration::from_secs(5) });
    ground.fake.type_code(&started.user_code, Some("ana"));
    let DevicePoll::Finished(Identified::Principal(ana)) = poll().await else { panic!("the code was typed") };
    assert_eq!(ana.name, "ana");
    assert_eq!(ground.fake.app_tokens(), 0);
    assert_eq!(poll().await, DevicePoll::Finished(Identified::Rejected), "a code is good once");
}

#[tokio::test]
async fn a_login_at_a_terminal_can_be_refused() {
    let ground = Ground::new().await;
    let github = ground.provider();
    let started = github.start_device_login().await.unwrap().unwrap();
    ground.fake.type_code(&started.user_code, None);
    let polled = github.poll_device_login(&started.state).await.unwrap();
    assert_eq!(polled, DevicePoll::Finished(Identified::Rejected));

    let disabled = FakeAnswer::status(200).body(r#"{"error":"device_flow_disabled"}"#);
    ground.fake.answer_next("POST /login/device/code", disabled);
    let Err(AuthError::Unavailable { source, .. }) = github.start_device_login().await else {
        panic!("the operator must allow it")
    };
    assert!(source.to_string().contains("device_flow_disabled"), "{source}");
}

#[tokio::test]
async fn without_an_app_no_login_is_offered() {
    let mut ground = Ground::new().await;
    ground.settings.app = None;
    let github = ground.provider();
    assert_eq!(github.start_web_login(&callback()).await.unwrap(), None);
    assert!(github.start_device_login().await.unwrap().is_none());
    assert_eq!(github.finish_web_login("{}", "code=a&state=b").await.unwrap(), Identified::NotMine);
}
