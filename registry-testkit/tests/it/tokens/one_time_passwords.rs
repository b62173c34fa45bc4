use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use insta::assert_snapshot;
use registry_core::accounts::LoginAnswer;
use registry_core::auth::{Caller, Challenge, PasswordLogin};
use registry_core::domain::{DistTag, PackageName, Version};
use registry_core::error::LoginError;
use registry_core::{Body, Error};
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::PASSWORD;
use serde_json::json;

use super::{PROFILE, TOKENS, digits, enable, forget_events, request, with_token};

const ANA: &str = "/-/user/org.couchdb.user:ana";

#[tokio::test]
async fn a_login_asks_for_digits_and_takes_them_once() {
    let registry = TestRegistry::new().await;
    let (app, _) = enable(&registry, &registry.ana(), "auth-only").await;
    forget_events(&registry).await;
    let login = json!({ "name": "ana", "password": PASSWORD });
    let asked = registry.anonymous().put(ANA, &login).await;
    assert_snapshot!(registry.snapshot_of(&asked).await, @r#"
    401 Unauthorized
    cache-control: no-cache
    content-type: application/json
    npm-notice: Enter the digits that your authenticator app shows, or a recovery code.
    www-authenticate: otp

    {
      "error": "You must provide a one-time password: try again with the digits that your authenticator app shows, or with a recovery code. If your client does not ask for it, pass it with --otp",
      "message": "You must provide a one-time password: try again with the digits that your authenticator app shows, or with a recovery code. If your client does not ask for it, pass it with --otp"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _two_factor/ana.json

    events:
      {"principal":"ana","kind":"two-factor-missing"}
    "#);
    // A caller who does not know the password is not told that there is a second factor.
    let stranger = registry.anonymous().put(ANA, &json!({ "name": "ana", "password": "a guess" })).await;
    assert_eq!(stranger.assert_status(401).header("www-authenticate"), Some("Bearer"));
    let wrong = registry.anonymous().with_one_time_password("000000").put(ANA, &login).await;
    assert_eq!(wrong.assert_status(401).header("www-authenticate"), Some("otp"));

    let shown = registry.anonymous().with_one_time_password(&digits(&registry, &app));
    let _ = shown.put(ANA, &login).await.assert_status(201);
    let _ = shown.put(ANA, &login).await.assert_status(401);
    let replayed = registry.ana().with_one_time_password(&digits(&registry, &app));
    let _ = replayed.post(TOKENS, &request(&json!({}))).await.assert_status(401);
}

#[tokio::test]
async fn a_missing_one_time_password_is_a_challenge_and_a_wrong_one_an_error() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let _ = ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let (app, _) = enable(&registry, &ana, "auth-and-writes").await;
    let library = registry.registry();
    let showing = async |digits: &str| {
        library.identify_with_one_time_password(None, None, Some(digits.into())).await.unwrap()
    };
    let login = PasswordLogin { name: "ana".into(), password: PASSWORD.into(), email: None };

    let missing = library.log_in(&Caller::anonymous(), &login).await.unwrap();
    assert!(matches!(missing, LoginAnswer::Challenge(Challenge::OneTimePassword)), "{missing:?}");
    let missing = missing.into_session().unwrap_err();
    assert!(matches!(missing, Error::Challenge(Challenge::OneTimePassword)), "{missing:?}");
    let wrong = library.log_in(&showing("000000").await, &login).await.unwrap_err();
    assert!(matches!(wrong, Error::Login(LoginError::WrongOneTimePassword)), "{wrong:?}");
    let right = library.log_in(&showing(&digits(&registry, &app)).await, &login).await.unwrap();
    assert!(matches!(&right, LoginAnswer::SignedIn(session) if session.principal.name == "ana"), "{right:?}");

    let tag = async |digits: Option<&str>| {
        let caller = library.on_behalf_of("ana", digits.map(Into::into)).await.unwrap();
        let (name, version) = (PackageName::parse("pear").unwrap(), Version::parse("1.0.0").unwrap());
        library.set_dist_tag(&caller, &name, DistTag::parse("next").unwrap(), version).await
    };
    let missing = tag(None).await.unwrap_err();
    assert!(matches!(missing, Error::Challenge(Challenge::OneTimePassword)), "{missing:?}");
    assert!(!missing.is_internal());
    let wrong = tag(Some("000000")).await.unwrap_err();
    assert!(matches!(wrong, Error::Login(LoginError::WrongOneTimePassword)), "{wrong:?}");
}

#[tokio::test]
async fn of_logins_at_once_with_the_same_digits_one_succeeds() {
    let registry = TestRegistry::new().await;
    let (app, _) = enable(&registry, &registry.ana(), "auth-only").await;
    let shown = registry.anonymous().with_one_time_password(&digits(&registry, &app));
    let login = json!({ "name": "ana", "password": PASSWORD });
    let answers = futures::future::join_all((0..6).map(|_| shown.put(ANA, &login))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
}

#[tokio::test]
async fn writes_ask_for_digits_where_the_mode_says_so() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let (app, _) = enable(&registry, &ana, "auth-and-writes").await;
    let before = registry.keys().await;
    let asked = ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(401);
    assert_eq!(asked.header("www-authenticate"), Some("otp"));
    assert_eq!(registry.keys().await, before);
    let _ = ana.get("/-/whoami").await.assert_status(200);

    let shown = ana.with_one_time_password(&digits(&registry, &app));
    let _ = shown.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    // The next request of the same command, and another package of the same workspace.
    let _ = shown.publish(&PublishDocument::new("apple", "1.0.0")).await.assert_status(201);
    // A star requires no second factor.
    let _ = ana.put("/-/user/package/pear/star", &json!({})).await.assert_status(200);
    // Another session cannot show them again.
    let stolen = with_token(&shown, json!({})).await.with_one_time_password(&digits(&registry, &app));
    let _ = stolen.publish(&PublishDocument::new("plum", "1.0.0")).await.assert_status(401);
    registry.clock().advance(super::A_WHILE);
    let _ = shown.publish(&PublishDocument::new("plum", "1.0.0")).await.assert_status(401);
}

#[tokio::test]
async fn refusals_for_want_of_digits_are_recorded_with_account_and_package() {
    let registry = TestRegistry::new().await;
    let (ana, ben) = (registry.ana(), registry.user("ben").await);
    let _ = ana.publish(&PublishDocument::new("plum", "1.0.0")).await.assert_status(201);
    let _ = ana.put("/-/package/plum/owners", &json!({ "user": "ben" })).await.assert_status(200);
    let (app, _) = enable(&registry, &ana, "auth-and-writes").await;
    let shown = ana.with_one_time_password(&digits(&registry, &app));
    let mfa = json!({ "publish_requires_tfa": true, "automation_token_overrides_tfa": false });
    let _ = shown.post("/-/package/plum/access", &mfa).await.assert_status(200);
    forget_events(&registry).await;

    let pear = PublishDocument::new("pear", "1.0.0");
    let _ = ana.publish(&pear).await.assert_status(401);
    let _ = ana.with_one_time_password("000000").publish(&pear).await.assert_status(401);
    let _ = ana.with_one_time_password("web_1-2-3").publish(&pear).await.assert_status(401);
    let _ = ana.post(TOKENS, &request(&json!({}))).await.assert_status(401);
    // An account without a second factor cannot show one.
    let _ = ben.publish(&PublishDocument::new("plum", "1.0.1")).await.assert_status(403);
    registry.registry().flush_events().await;
    let told = registry.events().take().into_iter().map(|event| {
        let kind = serde_json::to_value(&event.kind).unwrap()["kind"].as_str().unwrap().to_owned();
        format!(
            "{} {} {kind}",
            event.principal.unwrap(),
            event.package.map_or("-".into(), |name| name.to_string())
        )
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "ana pear two-factor-missing",
            "ana pear two-factor-failed",
            "ana pear two-factor-failed",
            "ana - two-factor-missing",
            "ben plum two-factor-missing",
        ]
    );
}

#[tokio::test]
async fn writes_ask_for_nothing_where_the_mode_does_not_say_so_or_the_token_stands_for_it() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let robot = with_token(&ana, json!({ "bypass_2fa": true })).await;
    let (app, _) = enable(&registry, &ana, "auth-only").await;
    let _ = ana.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    // But to change the account or its tokens.
    let _ = ana.post(TOKENS, &request(&json!({}))).await.assert_status(401);
    let _ = ana.post(PROFILE, &json!({ "fullname": "Ana" })).await.assert_status(401);
    let shown = ana.with_one_time_password(&digits(&registry, &app));
    let mode = json!({ "tfa": { "password": PASSWORD, "mode": "auth-and-writes" } });
    let _ = shown.post(PROFILE, &mode).await.assert_status(200);
    let _ = robot.publish(&PublishDocument::new("pear", "1.0.1")).await.assert_status(201);
}

#[tokio::test]
async fn a_recovery_code_works_once() {
    let registry = TestRegistry::new().await;
    let (_, codes) = enable(&registry, &registry.ana(), "auth-only").await;
    assert_eq!(codes.len(), 5);
    forget_events(&registry).await;
    let login = json!({ "name": "ana", "password": PASSWORD });
    for (code, status) in [(&codes[0], 201), (&codes[0], 401), (&codes[4], 201)] {
        let shown = registry.anonymous().with_one_time_password(code);
        assert_eq!(shown.put(ANA, &login).await.status, status);
    }
    registry.registry().flush_events().await;
    assert_snapshot!(registry.events().kinds(), @r#"
    {"kind":"recovery-code-used","left":4}
    {"kind":"logged-in"}
    {"kind":"two-factor-failed"}
    {"kind":"recovery-code-used","left":3}
    {"kind":"logged-in"}
    "#);
}

#[tokio::test]
async fn a_client_that_sends_the_password_each_time_shows_digits_each_time() {
    let registry = TestRegistry::new().await;
    let (app, _) = enable(&registry, &registry.ana(), "auth-only").await;
    let whoami = |digits: Option<&str>| {
        let basic = format!("Basic {}", STANDARD.encode(format!("ana:{PASSWORD}")));
        let mut request = Request::get("/-/whoami").header("authorization", basic);
        if let Some(digits) = digits {
            request = request.header("npm-otp", digits);
        }
        request.body(Body::empty()).unwrap()
    };
    let anonymous = registry.anonymous();
    let asked = anonymous.send(whoami(None)).await.assert_status(401);
    assert_eq!(asked.header("www-authenticate"), Some("otp"));
    let shown = digits(&registry, &app);
    for _ in 0..2 {
        let _ = anonymous.send(whoami(Some(&shown))).await.assert_status(200);
    }
    let _ = anonymous.send(whoami(Some("000000"))).await.assert_status(401);
}
