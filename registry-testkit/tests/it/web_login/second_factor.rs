use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use insta::assert_snapshot;
use registry_core::Body;
use registry_core::clock::Clock as _;
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::{PASSWORD, TestClient, TestRegistryBuilder};
use registry_testkit::{Authenticator, TestRegistry};
use serde_json::json;

use super::provider::{Scripted, leave};
use super::{ANA, Begun, browser, events, forget_events, path_of};

const TAG: &str = "/-/package/pear/dist-tags/stable";

/// A registry in which ana has the package pear, and a second factor for writes.
async fn careful(builder: TestRegistryBuilder) -> (TestRegistry, Authenticator) {
    let registry = builder.start().await;
    let app = be_careful(&registry, &registry.ana()).await;
    (registry, app)
}

async fn be_careful(registry: &TestRegistry, ana: &TestClient) -> Authenticator {
    let pear = PublishDocument::new("pear", "1.0.0");
    let _ = ana.publish(&pear).await.assert_status(201);
    let mode = json!({ "tfa": { "password": PASSWORD, "mode": "auth-and-writes" } });
    let answer = ana.post("/-/npm/v1/user", &mode).await.assert_status(200).json();
    let app = Authenticator::scan(answer["tfa"].as_str().unwrap());
    let confirm = json!({ "tfa": [app.digits_at(registry.clock().now())] });
    let _ = ana.post("/-/npm/v1/user", &confirm).await.assert_status(200);
    registry.clock().advance(Duration::from_mins(2));
    forget_events(registry).await;
    app
}

async fn write(client: &TestClient, headers: &[(&str, &str)]) -> TestResponse {
    let mut request = Request::builder().method(Method::PUT).uri(TAG);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request.body(Body::from("\"1.0.0\"")).unwrap()).await
}

const WEB: [(&str, &str); 2] = [("npm-auth-type", "web"), ("user-agent", "npm/11.21.2")];

#[tokio::test]
async fn a_write_is_confirmed_in_the_browser() {
    let (registry, app) = careful(TestRegistry::builder()).await;
    let ana = registry.ana();
    let asked = write(&ana, &WEB).await.assert_status(401);
    assert_snapshot!(registry.snapshot_of(&asked).await, @r##"
    401 Unauthorized
    cache-control: no-store
    content-type: application/json
    www-authenticate: otp

    {
      "error": "You must provide a one-time password: try again with the digits that your authenticator app shows, or with a recovery code. If your client does not ask for it, pass it with --otp",
      "message": "You must provide a one-time password: try again with the digits that your authenticator app shows, or with a recovery code. If your client does not ask for it, pass it with --otp",
      "authUrl": "http://registry.example/-/v1/login/1767323765-387ec812cd6aded65e68e918610e0e53-969f4d30eaf9bf28733037213230d9e47ad5ed61",
      "doneUrl": "http://registry.example/-/v1/done/1767323765-387ec812cd6aded65e68e918610e0e53-7405ba77ef73464de5be4c4cfd8caf21f8e86abd"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _search/07.json
      _sessions/1767323765-ce54800074e66fed90936036d4a621983aaf85e96aba4f50583efa8612cb1e1d.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _two_factor/ana.json
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
      {"principal":"ana","client":"npm/11.21.2","package":"pear","kind":"two-factor-missing"}
      {"principal":"ana","client":"npm/11.21.2","kind":"web-login-started"}
    "##);
    let begun = Begun::of(&asked, "authUrl");
    let page_browser = browser(&registry);
    let page = page_browser.open(&begun.page).await.assert_status(200);
    for shown in ["as <strong>ana</strong>", "set the dist-tag stable of pear", "npm/11.21.2"] {
        assert!(page.text().contains(shown), "{}", page.text());
    }
    let wrong = page_browser.press(&page, "code", &[("code", "000000")]).await.assert_status(401);
    // npm asks with the method and the body of the write.
    let done = path_of(&begun.done);
    let _ = registry.anonymous().ask(Method::PUT, done, "\"1.0.0\"").await.assert_status(202);
    let digits = app.digits_at(registry.clock().now());
    let confirmed = page_browser.press(&wrong, "code", &[("code", &digits)]).await.assert_status(303);
    let confirmed = page_browser.follow(&confirmed).await.assert_status(200).text();
    for shown in
        ["<h1>You confirmed the command</h1>", "as <strong>ana</strong>", "set the dist-tag stable of pear"]
    {
        assert!(confirmed.contains(shown), "{confirmed}");
    }
    assert!(!confirmed.contains("signed in"), "{confirmed}");
    forget_events(&registry).await;
    let granted = registry.anonymous().ask(Method::PUT, done, "\"1.0.0\"").await;
    assert_snapshot!(registry.snapshot_of(&granted).await, @r##"
    200 OK
    cache-control: no-store
    content-type: application/json

    {
      "token": "web_1767323765-387ec812cd6aded65e68e918610e0e53-af7acd9a859c679bcc94c6c89e5fcd275262f0bf"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _search/07.json
      _sessions/1767323765-ce54800074e66fed90936036d4a621983aaf85e96aba4f50583efa8612cb1e1d.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _two_factor/ana.json
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
    "##);
    let _ = registry.anonymous().ask(Method::PUT, done, "").await.assert_status(404);

    let proof = granted.json()["token"].as_str().unwrap().to_owned();
    let proven = ana.with_one_time_password(&proof);
    // Of another account, of another session of the same account, and for a login it is worth nothing.
    let eve = registry.user("eve").await;
    enable(&registry, &eve).await;
    let login = json!({ "name": "ana", "password": PASSWORD });
    let path = "/-/user/org.couchdb.user:ana";
    let stranger = registry.anonymous();
    let _ = stranger.with_one_time_password(&proof).put(path, &login).await.assert_status(401);
    let digits = app.digits_at(registry.clock().now() + Duration::from_secs(30));
    let session = stranger.with_one_time_password(&digits).put(path, &login).await.assert_status(201).json();
    let other = ana.with_token(session["token"].as_str().unwrap());
    let _ = write(&other.with_one_time_password(&proof), &WEB).await.assert_status(401);
    let _ = write(&eve.with_one_time_password(&proof), &WEB).await.assert_status(401);
    let _ = write(&proven, &WEB).await.assert_status(200);
    forget_events(&registry).await;
    let _ = proven.delete(TAG).await.assert_status(401);
    registry.registry().flush_events().await;
    assert_snapshot!(registry.events().kinds(), @r#"{"kind":"two-factor-missing"}"#);
    let _ = write(&proven, &WEB).await.assert_status(200);
    registry.clock().advance(Duration::from_secs(61));
    let _ = write(&proven, &WEB).await.assert_status(401);
}

async fn enable(registry: &TestRegistry, client: &TestClient) {
    let mode = json!({ "tfa": { "password": PASSWORD, "mode": "auth-and-writes" } });
    let answer = client.post("/-/npm/v1/user", &mode).await.assert_status(200).json();
    let app = Authenticator::scan(answer["tfa"].as_str().unwrap());
    let confirm = json!({ "tfa": [app.digits_at(registry.clock().now())] });
    let _ = client.post("/-/npm/v1/user", &confirm).await.assert_status(200);
}

/// The page would take any code for an account that has no second factor yet.
#[tokio::test]
async fn digits_that_set_a_second_factor_up_are_asked_for_at_the_terminal() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let mode = json!({ "tfa": { "password": PASSWORD, "mode": "auth-only" } });
    let _ = ana.post("/-/npm/v1/user", &mode).await.assert_status(200);
    let mut request = Request::builder().method(Method::POST).uri("/-/npm/v1/user");
    for (name, value) in WEB {
        request = request.header(name, value);
    }
    let wrong = request.body(Body::from(json!({ "tfa": ["000000"] }).to_string())).unwrap();
    let answer = ana.send(wrong).await.assert_status(401).json();
    assert_eq!((answer.get("authUrl"), answer.get("doneUrl")), (None, None), "{answer}");
}

#[tokio::test]
async fn an_unused_proof_expires_soon() {
    let (registry, app) = careful(TestRegistry::builder()).await;
    let ana = registry.ana();
    let begun = Begun::of(&write(&ana, &WEB).await.assert_status(401), "authUrl");
    let page_browser = browser(&registry);
    let page = page_browser.open(&begun.page).await;
    let digits = app.digits_at(registry.clock().now());
    let _ = page_browser.press(&page, "code", &[("code", &digits)]).await.assert_status(303);
    let proof = begun.poll(&registry.anonymous()).await.json()["token"].as_str().unwrap().to_owned();
    let cut = &proof[..proof.len() - 1];
    let _ = write(&ana.with_one_time_password(cut), &WEB).await.assert_status(401);
    registry.clock().advance(Duration::from_mins(2));
    let _ = write(&ana.with_one_time_password(&proof), &WEB).await.assert_status(401);
}

#[tokio::test]
async fn a_login_asks_for_the_second_factor_too() {
    let (registry, app) = careful(TestRegistry::builder()).await;
    let begun = Begun::at(&registry.anonymous()).await;
    let page_browser = browser(&registry);
    let page = page_browser.open(&begun.page).await;
    let sent = page_browser.press(&page, "log-in", &ANA).await.assert_status(303);
    let asked = page_browser.follow(&sent).await.assert_status(200);
    assert!(asked.text().contains("Confirm that you are ana"), "{}", asked.text());
    assert!(!asked.text().contains(PASSWORD), "the password is not sent back");
    let _ = begun.poll(&registry.anonymous()).await.assert_status(202);
    let other = browser(&registry);
    let _ = other.open(&begun.page).await.assert_status(403);
    let _ = page_browser.press(&asked, "code", &[("code", "")]).await.assert_status(401);
    let _ = page_browser.press(&asked, "code", &[("code", "123")]).await.assert_status(401);
    let digits = app.digits_at(registry.clock().now());
    let _ = page_browser.press(&asked, "code", &[("code", &digits)]).await.assert_status(303);
    forget_events(&registry).await;
    let _ = begun.poll(&registry.anonymous()).await.assert_status(200);
    assert_eq!(events(&registry).await, r#"{"kind":"logged-in"}"#);
}

#[tokio::test]
async fn clients_that_cannot_poll_ask_in_the_terminal() {
    let (registry, _) = careful(TestRegistry::builder()).await;
    for headers in [&[][..], &[("npm-auth-type", "legacy")]] {
        let asked = write(&registry.ana(), headers).await.assert_status(401);
        assert_eq!(asked.header("www-authenticate"), Some("otp"));
        assert!(asked.header("npm-notice").unwrap().starts_with("Enter the digits"));
        assert_eq!(asked.json().get("authUrl"), None);
    }
    let (registry, _) = careful(TestRegistry::builder().web_login(false)).await;
    let asked = write(&registry.ana(), &WEB).await.assert_status(401);
    assert_eq!(asked.json().get("authUrl"), None);
    assert!(registry.keys().await.iter().all(|key| !key.starts_with("_sessions")));
}

#[tokio::test]
async fn a_provider_with_a_page_of_its_own_does_as_well() {
    let builder = TestRegistry::builder().provider(Arc::new(Scripted::default()));
    let registry = builder.accounts(false).start().await;
    let begun = Begun::at(&registry.anonymous()).await;
    let page_browser = browser(&registry);
    let back = leave(&page_browser, &page_browser.open(&begun.page).await).await;
    let _ = page_browser.open(&format!("{back}&code=ana")).await.assert_status(303);
    let token = begun.poll(&registry.anonymous()).await.json()["token"].as_str().unwrap().to_owned();
    let ana = registry.anonymous().with_token(&token);
    be_careful(&registry, &ana).await;

    let begun = Begun::of(&write(&ana, &WEB).await.assert_status(401), "authUrl");
    let page_browser = browser(&registry);
    let page = page_browser.open(&begun.page).await;
    let back = leave(&page_browser, &page).await;
    let refused = page_browser.open(&format!("{back}&code=eve")).await.assert_status(401);
    assert!(refused.text().contains("did not identify you"), "{}", refused.text());
    let back = leave(&page_browser, &page).await;
    let _ = page_browser.open(&format!("{back}&code=ana")).await.assert_status(303);
    let proof = begun.poll(&registry.anonymous()).await.json()["token"].as_str().unwrap().to_owned();
    let _ = write(&ana.with_one_time_password(&proof), &WEB).await.assert_status(200);

    // Without polling, the page shows what is to be typed.
    let asked = write(&ana, &[("user-agent", "yarn/4")]).await.assert_status(401);
    let notice = asked.header("npm-notice").unwrap();
    let url =
        notice.strip_prefix("Open ").unwrap().strip_suffix(" to use your security key for authentication");
    let page = page_browser.open(url.unwrap()).await.assert_status(200);
    let back = leave(&page_browser, &page).await;
    let returned = page_browser.open(&format!("{back}&code=ana")).await.assert_status(303);
    let typed = page_browser.follow(&returned).await.text();
    let proof = typed.split("<code>").nth(1).unwrap().split('<').next().unwrap();
    let _ = write(&ana.with_one_time_password(proof), &[]).await.assert_status(200);
    let again = page_browser.follow(&returned).await.text();
    assert!(!again.contains(proof), "it is shown once");
}

#[tokio::test]
async fn the_page_of_a_provider_that_does_not_own_the_name_is_no_second_factor() {
    let builder = TestRegistry::builder().provider(Arc::new(Scripted::default()));
    let (registry, _) = careful(builder).await;
    let begun = Begun::of(&write(&registry.ana(), &WEB).await.assert_status(401), "authUrl");
    let browser = browser(&registry);
    let page = browser.open(&begun.page).await;
    assert!(!page.text().contains("Scripted"), "{}", page.text());
    // A caller who sends the form all the same, as eve who has stolen the token would.
    let form = page.hidden_fields("code").into_iter().find(|(name, _)| name == "form").unwrap().1;
    let form = format!("form={form}&step=provider&provider=scripted");
    let left = browser.ask(Method::POST, &begun.page, form).await.assert_status(303);
    let url = url::Url::parse(left.location()).unwrap();
    let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let back = format!("{}?state={}&code=ana", value("redirect_uri"), value("state"));
    let refused = browser.open(&back).await.assert_status(403);
    assert!(refused.text().contains("the provider local"), "{}", refused.text());
    let _ = begun.poll(&registry.anonymous()).await.assert_status(202);
}

/// A change that the user confirms: what sends it, and what the page says of it.
struct Change {
    method: Method,
    path: String,
    body: String,
    says: &'static str,
}

#[expect(clippy::needless_pass_by_value, reason = "a list of changes is read more easily without references")]
fn change(method: Method, path: impl Into<String>, body: impl ToString, says: &'static str) -> Change {
    Change { method, path: path.into(), body: body.to_string(), says }
}

impl Change {
    async fn send(&self, client: &TestClient) -> TestResponse {
        let request = Request::builder().method(&self.method).uri(&self.path);
        let request = request.header("npm-auth-type", "web").body(Body::from(self.body.clone()));
        client.send(request.unwrap()).await
    }
}

/// A change of each kind, and changes that differ from it in what a user decides about.
async fn every_change(registry: &TestRegistry) -> Vec<Change> {
    let owned = registry.ana().get("/pear").await.json();
    let revision = owned["_rev"].as_str().unwrap();
    let publish = |version| PublishDocument::new("@acme/plum", version).build();
    let owners = |names: &[&str]| {
        let owners: Vec<_> = names.iter().map(|name| json!({ "name": name, "email": "" })).collect();
        json!({ "_rev": revision, "maintainers": owners })
    };
    let mut fewer = owned.clone();
    fewer["versions"].as_object_mut().unwrap().remove("1.0.1");
    fewer["dist-tags"] = json!({ "latest": "1.0.0" });
    let mut deprecated = owned.clone();
    deprecated["versions"]["1.0.0"]["deprecated"] = "old".into();
    let revised = format!("/pear/-rev/{revision}");
    let token = |more: serde_json::Value| {
        let mut body = json!({ "password": PASSWORD });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let mode = |mode: &str| json!({ "tfa": { "password": PASSWORD, "mode": mode } });
    let (put, post, delete) = (Method::PUT, Method::POST, Method::DELETE);
    vec![
        change(put.clone(), "/@acme%2fplum", publish("1.0.0"), "publish @acme/plum@1.0.0"),
        change(put.clone(), "/@acme%2fplum", publish("1.0.1"), "publish @acme/plum@1.0.1"),
        change(put.clone(), &*revised, owners(&["ben"]), "let only ben own pear"),
        change(put.clone(), &*revised, owners(&["ana", "eve"]), "let only ana, eve own pear"),
        change(put.clone(), &*revised, fewer, "unpublish versions of pear"),
        change(put.clone(), "/pear", deprecated, "change pear"),
        change(delete.clone(), &*revised, "", "unpublish pear"),
        change(put.clone(), TAG, "\"1.0.0\"", "set the dist-tag stable of pear to 1.0.0"),
        change(delete.clone(), "/-/package/pear/dist-tags/beta", "", "remove the dist-tag beta of pear"),
        change(
            post.clone(),
            "/-/npm/v1/tokens",
            token(json!({})),
            "create a token that reads and writes packages",
        ),
        change(
            post.clone(),
            "/-/npm/v1/tokens",
            token(json!({ "readonly": true, "cidr_whitelist": ["10.0.0.0/8"] })),
            "create a token that only reads packages",
        ),
        change(
            post.clone(),
            "/-/npm/v1/tokens",
            token(
                json!({ "packages": ["pear"], "packages_and_scopes_permission": "read-write", "bypass_2fa": true, "orgs": ["acme"] }),
            ),
            "create a token that needs no second factor, reads and writes packages (pear), sees the organizations acme",
        ),
        change(post.clone(), "/-/npm/v1/user", mode("disable"), "remove the second factor of the account"),
        change(
            post.clone(),
            "/-/npm/v1/user",
            mode("auth-only"),
            "require the second factor for the account alone",
        ),
        change(
            post.clone(),
            "/-/npm/v1/user",
            json!({ "password": { "old": PASSWORD, "new": "another long password" } }),
            "change the password",
        ),
        change(post.clone(), "/-/npm/v1/user", json!({ "fullname": "Ana" }), "change the account"),
        change(put.clone(), "/-/org/acme/team", json!({ "name": "crew" }), "create the team acme:crew"),
        change(
            put.clone(),
            "/-/org/acme/user",
            json!({ "user": "ben" }),
            "put ben into the organization acme",
        ),
        change(
            put.clone(),
            "/-/org/acme/user",
            json!({ "user": "eve", "role": "owner" }),
            "put eve into the organization acme as owner",
        ),
        change(
            post.clone(),
            "/-/package/pear/access",
            json!({ "access": "public" }),
            "show pear to the public",
        ),
        change(
            post,
            "/-/package/pear/access",
            json!({ "publish_requires_tfa": false }),
            "require no second factor to change pear",
        ),
        change(put, "/-/package/pear/owners", json!({ "user": "ben" }), "add the owner ben to pear"),
    ]
}

/// The page says what the command does in words.
#[tokio::test]
async fn the_page_says_what_is_confirmed() {
    let registry = TestRegistry::new().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.1")).await.assert_status(201);
    be_careful(&registry, &registry.ana()).await;
    registry.user("ben").await;
    registry.user("eve").await;
    for change in every_change(&registry).await {
        let says = change.says;
        let asked = change.send(&registry.ana()).await.assert_status(401);
        let page =
            browser(&registry).open(&Begun::of(&asked, "authUrl").page).await.assert_status(200).text();
        assert!(page.contains(&format!("<code>{says}</code>")), "no {says} in {page}");
        assert!(page.contains("<h1>Confirm a command as ana</h1>"), "{page}");
    }
}

/// A program that has a stolen session must not have its user confirm one thing, and do another.
#[tokio::test]
async fn what_was_confirmed_counts_for_nothing_else() {
    let registry = TestRegistry::new().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.1")).await.assert_status(201);
    let app = be_careful(&registry, &registry.ana()).await;
    registry.user("ben").await;
    registry.user("eve").await;
    let changes = every_change(&registry).await;
    let asked = changes[0].send(&registry.ana()).await.assert_status(401);
    let begun = Begun::of(&asked, "authUrl");
    let page_browser = browser(&registry);
    let page = page_browser.open(&begun.page).await;
    let digits = app.digits_at(registry.clock().now());
    let _ = page_browser.press(&page, "code", &[("code", &digits)]).await.assert_status(303);
    let proof = begun.poll(&registry.anonymous()).await.json()["token"].as_str().unwrap().to_owned();
    let proven = registry.ana().with_one_time_password(&proof);
    let before = without_sessions(&registry).await;
    for other in &changes[1..] {
        let refused = other.send(&proven).await.assert_status(401);
        let page = browser(&registry).open(&Begun::of(&refused, "authUrl").page).await.text();
        assert!(page.contains(&format!("<code>{}</code>", other.says)), "{page}");
    }
    assert_eq!(without_sessions(&registry).await, before);
    let _ = changes[0].send(&proven).await.assert_status(201);
}

/// What is stored, but for the logins that each challenge begins.
async fn without_sessions(registry: &TestRegistry) -> Vec<(String, Bytes)> {
    registry.stored().await.into_iter().filter(|(key, _)| !key.starts_with("_sessions/")).collect()
}
