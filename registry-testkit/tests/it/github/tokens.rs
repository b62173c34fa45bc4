//! Which tokens are taken, and what is asked about each.

use std::time::Duration;

use registry_core::auth::{AuthProvider as _, Credential, Identified};
use registry_testkit::fake_upstream::FakeAnswer;

use super::{ASKED_OF_PERSONAL, Ground, bearer, identify, principal};

#[tokio::test]
async fn a_personal_token_is_shown_to_github_by_itself() {
    let ground = Ground::new().await;
    let github = ground.provider();
    for token in [ground.fake.personal_token("ana"), ground.fake.fine_grained_token("ana")] {
        let ana = principal(&github, &token).await;
        assert_eq!((ana.name.as_str(), ana.email.as_deref()), ("ana", Some("ana@mail.example")));
        assert_eq!(ground.fake.take_asked(), ASKED_OF_PERSONAL);
    }
}

#[tokio::test]
async fn a_token_of_an_app_is_checked_by_that_app() {
    let ground = Ground::new().await;
    let github = ground.provider();
    assert_eq!(principal(&github, &ground.fake.app_token("ana")).await.name, "ana");
    let check = format!("POST /applications/{}/token", registry_testkit::fake_github::CLIENT_ID);
    assert_eq!(ground.fake.take_asked(), [check.as_str(), "GET /user/memberships/orgs", "GET /user/teams"]);

    // The operator of another app has tokens of its users. They must not let it in here under their names.
    for prefix in ["gho_", "ghu_"] {
        let foreign = ground.fake.token_of_another_app("ana", prefix);
        assert_eq!(identify(&github, &foreign).await, Identified::Rejected);
        assert_eq!(ground.fake.take_asked(), [check.as_str()]);
    }
}

#[tokio::test]
async fn what_is_not_githubs_is_left_to_others_unasked() {
    let ground = Ground::new().await;
    let github = ground.provider();
    for token in
        ["npm_0123456789abcdefghijklmnopqrstuvwxyz", "", "ghp_", "a.b.c", "ghp_0123456789\r\nhost: x"]
    {
        assert_eq!(identify(&github, token).await, Identified::NotMine, "{token:?}");
    }
    let basic = Credential::Basic { name: "ana".into(), password: "orange tree".into() };
    assert_eq!(github.identify(&basic).await.unwrap(), Identified::NotMine);
    // An installation is no user, and GitHub need not be asked to know that.
    let installation = "ghs_0123456789abcdefghijklmnopqrstuvwxyz";
    assert_eq!(identify(&github, installation).await, Identified::Rejected);
    assert!(ground.fake.take_asked().is_empty());
}

#[tokio::test]
async fn name_and_token_must_be_of_the_same_user() {
    let ground = Ground::new().await;
    let github = ground.provider();
    let token = ground.fake.personal_token("ana");
    for (name, is_in) in [("ana", true), ("ANA", true), ("ben", false), ("", false)] {
        let basic = Credential::Basic { name: name.into(), password: token.as_str().into() };
        let identified = github.identify(&basic).await.unwrap();
        assert_eq!(matches!(identified, Identified::Principal(_)), is_in, "{name:?}");
        assert_eq!(identified == Identified::Rejected, !is_in, "{name:?}");
    }
}

#[tokio::test]
async fn an_answer_is_believed_for_the_configured_time() {
    let ground = Ground::new().await;
    let github = ground.provider();
    let token = ground.fake.personal_token("ana");
    principal(&github, &token).await;
    ground.clock.advance(Duration::from_millis(59_999));
    principal(&github, &token).await;
    assert_eq!(ground.fake.take_asked().len(), 3);

    ground.fake.end_token(&token);
    principal(&github, &token).await;
    ground.clock.advance(Duration::from_millis(1));
    assert_eq!(identify(&github, &token).await, Identified::Rejected);
}

#[tokio::test]
async fn a_token_that_is_not_good_is_asked_about_again_soon() {
    let ground = Ground::new().await;
    let github = ground.provider();
    let token = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
    for _ in 0..3 {
        assert_eq!(identify(&github, token).await, Identified::Rejected);
    }
    assert_eq!(ground.fake.take_asked(), ["GET /user"]);
    ground.clock.advance(Duration::from_secs(10));
    assert_eq!(identify(&github, token).await, Identified::Rejected);
    assert_eq!(ground.fake.take_asked(), ["GET /user"]);
}

#[tokio::test]
async fn many_who_ask_at_once_cost_one_question() {
    let ground = Ground::new().await;
    let github = ground.provider();
    let token = ground.fake.personal_token("ana");
    let answers = futures::future::join_all((0..20).map(|_| principal(&github, &token))).await;
    assert!(answers.iter().all(|answer| answer.name == "ana"));
    assert_eq!(ground.fake.take_asked(), ASKED_OF_PERSONAL);

    // Also where it fails.
    let other = ground.fake.personal_token("ana");
    ground.fake.answer_everything(FakeAnswer::status(502));
    let other = bearer(&other);
    let answers = futures::future::join_all((0..20).map(|_| github.identify(&other))).await;
    assert!(answers.iter().all(Result::is_err));
    assert_eq!(ground.fake.take_asked(), ["GET /user"]);
}

#[tokio::test]
async fn a_token_of_the_app_is_revoked_at_github() {
    let ground = Ground::new().await;
    let github = ground.provider();
    let token = ground.fake.app_token("ana");
    principal(&github, &token).await;
    github.revoke(&bearer(&token)).await.unwrap();
    assert!(!ground.fake.knows_token(&token));
    assert_eq!(identify(&github, &token).await, Identified::Rejected, "what was remembered is forgotten");
    github.revoke(&bearer(&token)).await.unwrap();

    // Others are their users' own to end.
    let personal = ground.fake.personal_token("ana");
    ground.fake.take_asked();
    github.revoke(&bearer(&personal)).await.unwrap();
    assert!(ground.fake.knows_token(&personal) && ground.fake.take_asked().is_empty());
}
