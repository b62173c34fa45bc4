use http::Method;
use insta::assert_snapshot;
use registry_testkit::TestRegistry;
use serde_json::json;

use super::{ANA, Begun, WRONG, browser, events, forget_events, path_of};

#[tokio::test]
async fn a_login_from_the_first_request_to_the_token() {
    let registry = TestRegistry::new().await;
    let client = registry.anonymous();
    let started = client.post("/-/v1/login", &json!({})).await;
    assert_snapshot!(registry.snapshot_of(&started).await, @r##"
    200 OK
    cache-control: no-store
    content-type: application/json

    {
      "loginUrl": "http://registry.example/-/v1/login/1767323645-4687e96568c4e2109c442a5c3c97d714-cd8f54d10efdf17eac06f33e6310841f9fb9aad1",
      "doneUrl": "http://registry.example/-/v1/done/1767323645-4687e96568c4e2109c442a5c3c97d714-f7b677c17d40430c35714a86a71cf983abf72d0d"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _sessions/1767323645-240b6ef3f653e2f3ffdc2e7687a21a1863884e63839071de37c75230a0e3983f.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
      {"kind":"web-login-started"}
    "##);
    let begun = Begun::of(&started, "loginUrl");
    let waiting = begun.poll(&client).await;
    assert_snapshot!(registry.snapshot_of(&waiting).await, @r##"
    202 Accepted
    cache-control: no-store
    content-type: application/json
    retry-after: 1

    {
      "status": "waiting"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _sessions/1767323645-240b6ef3f653e2f3ffdc2e7687a21a1863884e63839071de37c75230a0e3983f.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
    "##);

    let browser = browser(&registry);
    let page = browser.open(&begun.page).await.assert_status(200);
    assert_snapshot!(registry.snapshot_of(&page.response).await, @r#"
    200 OK
    cache-control: no-store
    content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'
    content-type: text/html; charset=utf-8
    referrer-policy: same-origin
    set-cookie: login-4687e96568c4e2109c442a5c3c97d714=1767323645-4687e96568c4e2109c442a5c3c97d714-cd8f54d10efdf17eac06f33e6310841f9fb9aad1.27cd5b444516330b8a770919e8676cff84d0c512; Path=/-/v1/login; Max-Age=600; HttpOnly; SameSite=Lax
    x-frame-options: DENY

    <!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/-/web/assets/style-[digest].css"><link rel="icon" href="/-/web/assets/icon-[digest].svg" type="image/svg+xml"><title>Sign in to registry.example</title></head><body><header class="top"><div class="wrap"><a class="brand" href="/"><img src="/-/web/assets/icon-[digest].svg" alt="" height="24">npm registry</a></div></header><main id="main"><div class="wrap"><div class="narrow"><h1>Sign in to registry.example</h1><p>A command in a terminal asks to be signed in to the npm registry <strong>registry.example</strong>.</p><dl><dt>It calls itself</dt><dd>nothing</dd><dt>It runs at this address</dt><dd>unknown</dd><dt>It was started</dt><dd>2026-01-02 03:04:05 UTC</dd></dl><p><strong>Go on only if you have just started it yourself.</strong> The person who started it acts in your name from then on. If another person sent you the address of this page, close it.</p><form method="post" autocomplete="on"><input type="hidden" name="form" value="4088d99e51c21f58ffcc9cea096bd6dbe23867dd083cd68f71037567605c73bc"><label for="name">Name</label><input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required><label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required><button name="step" value="log-in">I started it: sign in</button><details><summary>No account yet?</summary><label for="email">Email address, which other users see</label><input id="email" name="email" type="email" autocomplete="email"><button name="step" value="sign-up">I started it: create this account and sign in</button></details></form></div></div></main></body></html>

    store:
      _accounts/ana.json
      _names/ana.json
      _sessions/1767323645-240b6ef3f653e2f3ffdc2e7687a21a1863884e63839071de37c75230a0e3983f.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
    "#);
    let sent = browser.press(&page, "log-in", &ANA).await.assert_status(303);
    assert_eq!(sent.location(), begun.page);
    assert_snapshot!(registry.snapshot_of(&sent.response).await, @r##"
    303 See Other
    cache-control: no-store
    location: http://registry.example/-/v1/login/1767323645-4687e96568c4e2109c442a5c3c97d714-cd8f54d10efdf17eac06f33e6310841f9fb9aad1
    referrer-policy: same-origin
    x-frame-options: DENY



    store:
      _accounts/ana.json
      _names/ana.json
      _sessions/1767323645-240b6ef3f653e2f3ffdc2e7687a21a1863884e63839071de37c75230a0e3983f.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
      {"principal":"ana","kind":"web-login-approved"}
    "##);
    let done = browser.follow(&sent).await.assert_status(200);
    assert!(done.text().contains("go back to your terminal"), "{}", done.text());

    let given = begun.poll(&client).await;
    assert_snapshot!(registry.snapshot_of(&given).await, @r##"
    200 OK
    cache-control: no-store
    content-type: application/json

    {
      "token": "npm_0D7FfPhQli7SgemdScYAlnZoNvkG6S2COxcD"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _tokens/3c19161538bcfb2d12a2749c9fea66dffa9e76bf15b9afdb085c7985d641a5d6.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
      {"principal":"ana","kind":"logged-in"}
    "##);
    let token = given.json()["token"].as_str().unwrap().to_owned();
    let whoami = client.with_token(&token).get("/-/whoami").await.assert_status(200);
    assert_eq!(whoami.json()["username"], "ana");
}

#[tokio::test]
async fn any_replica_goes_on() {
    let (one, two) = {
        let one = TestRegistry::new().await;
        let two = one.replica().await;
        (one, two)
    };
    let begun = Begun::at(&one.anonymous()).await;
    let browser = browser(&two);
    let page = browser.open(&begun.page).await;
    let _ = browser.press(&page, "log-in", &ANA).await.assert_status(303);
    let token = begun.poll(&one.anonymous()).await.assert_status(200).json();
    let _ = begun.poll(&two.anonymous()).await.assert_status(404);
    let ana = two.anonymous().with_token(token["token"].as_str().unwrap());
    let _ = ana.get("/-/whoami").await.assert_status(200);
}

#[tokio::test]
async fn a_wrong_password_and_then_the_right_one() {
    let registry = TestRegistry::new().await;
    let begun = Begun::at(&registry.anonymous()).await;
    let browser = browser(&registry);
    let page = browser.open(&begun.page).await;
    forget_events(&registry).await;
    let again = browser.press(&page, "log-in", &WRONG).await.assert_status(401);
    assert!(again.text().contains("incorrect username or password"), "{}", again.text());
    assert!(!again.text().contains("not the password"));
    assert_eq!(events(&registry).await, r#"{"kind":"login-failed","name":"ana"}"#);
    let _ = begun.poll(&registry.anonymous()).await.assert_status(202);
    let _ = browser.press(&again, "log-in", &ANA).await.assert_status(303);
    let _ = begun.poll(&registry.anonymous()).await.assert_status(200);
    assert_eq!(events(&registry).await, "{\"kind\":\"web-login-approved\"}\n{\"kind\":\"logged-in\"}");
}

#[tokio::test]
async fn an_account_is_made_only_when_that_is_asked_for() {
    let registry = TestRegistry::new().await;
    let begun = Begun::at(&registry.anonymous()).await;
    let browser = browser(&registry);
    let page = browser.open(&begun.page).await;
    let ben = [("name", "ben"), ("password", "a good password"), ("email", "ben@registry.example")];
    let refused = browser.press(&page, "log-in", &ben).await.assert_status(401);
    assert!(!registry.keys().await.contains(&"_accounts/ben.json".to_owned()));
    let taken = browser.press(&refused, "sign-up", &ANA).await.assert_status(400);
    assert!(taken.text().contains("no account can be created with this name"), "{}", taken.text());
    forget_events(&registry).await;
    let _ = browser.press(&taken, "sign-up", &ben).await.assert_status(303);
    let _ = begun.poll(&registry.anonymous()).await.assert_status(200);
    assert!(registry.keys().await.contains(&"_accounts/ben.json".to_owned()));
    assert!(events(&registry).await.starts_with(r#"{"kind":"signed-up"}"#));
}

#[tokio::test]
async fn what_clients_send_to_begin_and_to_ask() {
    let registry = TestRegistry::new().await;
    let client = registry.anonymous().with_token("npm_expired");
    for body in ["", "{}", r#"{"create":true}"#, r#"{"create":false,"hostname":"x"}"#] {
        let _ = client.ask(Method::POST, "/-/v1/login", body).await.assert_status(200);
    }
    for body in ["{", r#"{"create":1}"#, "\0"] {
        let _ = client.ask(Method::POST, "/-/v1/login", body).await.assert_status(400);
    }
    let begun = Begun::at(&client).await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
        let waiting = client.ask(method, path_of(&begun.done), "\"1.0.0\"").await.assert_status(202);
        assert_eq!(waiting.header("retry-after"), Some("1"));
    }
    let browser = browser(&registry);
    let page = browser.open(&begun.page).await;
    let _ = browser.press(&page, "log-in", &ANA).await.assert_status(303);
    // To look takes nothing.
    let _ = client.ask(Method::HEAD, path_of(&begun.done), "").await.assert_status(202);
    let _ = client.ask(Method::PUT, path_of(&begun.done), "\"1.0.0\"").await.assert_status(200);
}

#[tokio::test]
async fn where_it_is_switched_off_clients_fall_back() {
    let registry = TestRegistry::builder().web_login(false).start().await;
    let off = registry.anonymous().post("/-/v1/login", &json!({})).await.assert_status(404);
    assert!(off.error().contains("--auth-type=legacy"), "{}", off.error());
    assert!(registry.keys().await.iter().all(|key| !key.starts_with("_sessions")));
}

#[tokio::test]
async fn addresses_are_those_that_clients_use() {
    let registry = TestRegistry::builder().path_prefix("/npm").start().await;
    let below = registry.anonymous().post("/npm/-/v1/login", &json!({})).await.assert_status(200);
    let begun = Begun::of(&below, "loginUrl");
    assert!(begun.page.starts_with("http://registry.example/npm/-/v1/login/"), "{}", begun.page);
    let browser = browser(&registry);
    let page = browser.open(&begun.page).await.assert_status(200);
    let cookie = page.response.header("set-cookie").unwrap();
    assert!(cookie.contains("; Path=/npm/-/v1/login; Max-Age=600; HttpOnly; SameSite=Lax"), "{cookie}");
    assert!(!cookie.contains("Secure"), "{cookie}");
    let _ = browser.press(&page, "log-in", &ANA).await.assert_status(303);

    let public = TestRegistry::builder().public_url("https://npm.registry.example/team").start().await;
    let started = public.anonymous().post("/-/v1/login", &json!({})).await;
    let begun = Begun::of(&started, "loginUrl");
    let page = begun.page.strip_prefix("https://npm.registry.example/team").unwrap();
    let page = public.anonymous().get(page).await.assert_status(200);
    let cookie = page.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Path=/team/-/v1/login; Max-Age=600; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
    assert_eq!(page.header("strict-transport-security"), Some("max-age=31536000"));
    assert_eq!(started.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn secrets_are_in_no_stored_thing_and_no_event() {
    let registry = TestRegistry::new().await;
    let begun = Begun::at(&registry.anonymous()).await;
    let browser = browser(&registry);
    let page = browser.open(&begun.page).await;
    let cookie = page.response.header("set-cookie").unwrap().to_owned();
    let _ = browser.press(&page, "log-in", &ANA).await.assert_status(303);
    let stored = registry.stored().await;
    let token = begun.poll(&registry.anonymous()).await.json()["token"].as_str().unwrap().to_owned();
    let everything = [stored, registry.stored().await].into_iter().flatten();
    let mut texts: Vec<_> =
        everything.map(|(key, bytes)| format!("{key}\n{}", String::from_utf8_lossy(&bytes))).collect();
    texts.push(events(&registry).await);
    let secret = |url: &str| url.rsplit('-').next().unwrap().to_owned();
    let of_browser = cookie.split(['.', ';']).nth(1).unwrap().to_owned();
    assert_eq!(of_browser.len(), 40);
    for hidden in [secret(&begun.page), secret(&begun.done), of_browser, token] {
        assert!(texts.iter().all(|text| !text.contains(&hidden)), "{hidden} in {texts:#?}");
    }
}

#[tokio::test]
async fn logins_that_are_over_are_swept() {
    let registry = TestRegistry::new().await;
    for _ in 0..3 {
        let _ = Begun::at(&registry.anonymous()).await;
    }
    let sessions = async || registry.keys().await.iter().filter(|key| key.starts_with("_sessions/")).count();
    assert_eq!(sessions().await, 3);
    registry.clock().advance(super::TOO_LATE);
    let _ = Begun::at(&registry.anonymous()).await;
    assert_eq!(sessions().await, 4, "what they ended with may still be shown");
    registry.clock().advance(super::TOO_LATE);
    let _ = Begun::at(&registry.anonymous()).await;
    assert_eq!(sessions().await, 2);
}

/// `npm adduser` opens the page that `npm login` does, for another purpose.
#[tokio::test]
async fn the_page_is_titled_by_its_purpose() {
    let registry = TestRegistry::new().await;
    for (body, title) in [
        (json!({}), "Sign in to registry.example"),
        (json!({ "create": true }), "Create an account at registry.example"),
    ] {
        let begun = registry.anonymous().post("/-/v1/login", &body).await.assert_status(200);
        let page =
            browser(&registry).open(&Begun::of(&begun, "loginUrl").page).await.assert_status(200).text();
        assert!(page.contains(&format!("<title>{title}</title>")), "no {title} in {page}");
    }
}
