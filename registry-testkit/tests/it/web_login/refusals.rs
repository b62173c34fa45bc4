use http::{Method, Request};
use registry_core::Body;
use registry_testkit::{Browser, TestRegistry};

use super::{ANA, Begun, TOO_LATE, browser, events, forget_events, path_of};

#[tokio::test]
async fn another_browser_does_not_finish_what_one_began() {
    let registry = TestRegistry::new().await;
    let begun = Begun::at(&registry.anonymous()).await;
    let (one, other) = (browser(&registry), browser(&registry));
    let (page_of_one, page_of_other) = (one.open(&begun.page).await, other.open(&begun.page).await);
    let mistyped = [("name", "ana"), ("password", "mistyped")];
    let _ = one.press(&page_of_one, "log-in", &mistyped).await.assert_status(401);
    forget_events(&registry).await;
    let refused = other.press(&page_of_other, "log-in", &ANA).await.assert_status(403);
    assert!(refused.text().contains("began in another browser"), "{}", refused.text());
    let _ = other.open(&begun.page).await.assert_status(403);
    let refusal = r#"{"kind":"web-login-refused","reason":"other-browser"}"#;
    assert_eq!(events(&registry).await, format!("{refusal}\n{refusal}"));
    let _ = begun.poll(&registry.anonymous()).await.assert_status(202);
    let _ = one.press(&page_of_one, "log-in", &ANA).await.assert_status(303);
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let registry = TestRegistry::new().await;
    let begun = Begun::at(&registry.anonymous()).await;
    // No cookie: another site sends none along.
    let form = "step=log-in&name=ana&password=correct+horse+battery";
    let stranger = browser(&registry);
    let _ = stranger.ask(Method::POST, &begun.page, form.to_owned()).await.assert_status(403);
    let browser = browser(&registry);
    let page = browser.open(&begun.page).await;
    let token = page.hidden_fields("log-in")[0].1.clone();
    for made_up in ["", "0", &token[1..], &token.replace(|c: char| c.is_ascii_digit(), "0")] {
        let form = format!("{form}&form={made_up}");
        let refused = browser.ask(Method::POST, &begun.page, form).await.assert_status(403);
        assert!(
            refused.text().contains("this form has expired or is not from this page"),
            "{}",
            refused.text()
        );
    }
    let _ = begun.poll(&registry.anonymous()).await.assert_status(202);
}

#[tokio::test]
async fn what_has_expired_is_gone() {
    let registry = TestRegistry::new().await;
    let begun = Begun::at(&registry.anonymous()).await;
    let finished = Begun::at(&registry.anonymous()).await;
    let browser = browser(&registry);
    let (page, other) = (browser.open(&begun.page).await, browser.open(&finished.page).await);
    let _ = browser.press(&other, "log-in", &ANA).await.assert_status(303);
    registry.clock().advance(TOO_LATE);
    for begun in [&begun, &finished] {
        let gone = browser.open(&begun.page).await.assert_status(404);
        assert_eq!(gone.response.header("content-type"), Some("text/html; charset=utf-8"));
        let gone = begun.poll(&registry.anonymous()).await.assert_status(404);
        assert_eq!(
            gone.error(),
            "this login has ended or does not exist: run the command in your terminal again"
        );
    }
    let _ = browser.press(&page, "log-in", &ANA).await.assert_status(404);
}

#[tokio::test]
async fn each_secret_opens_its_own_door_alone() {
    let registry = TestRegistry::new().await;
    let begun = Begun::at(&registry.anonymous()).await;
    let other = Begun::at(&registry.anonymous()).await;
    let token = |url: &str| url.rsplit('/').next().unwrap().to_owned();
    let secret = |url: &str| url.rsplit('-').next().unwrap().to_owned();
    let (page, done) = (token(&begun.page), token(&begun.done));
    let id = done.rsplit_once('-').unwrap().0.to_owned();
    let later = format!("{}{}", 1_999_999_999, &done[10..]);
    let client = registry.anonymous();
    let browser = browser(&registry);
    let shown = browser.open(&begun.page).await;
    let _ = browser.press(&shown, "log-in", &ANA).await.assert_status(303);
    for wrong in [
        page.clone(),
        later,
        format!("{id}-{}", secret(&other.done)),
        format!("{id}-{}", "0".repeat(40)),
        format!("{id}-"),
        done.to_uppercase(),
        format!("{done}%00"),
        format!("..%2f{done}"),
        "x".repeat(5000),
    ] {
        let gone = client.get(&format!("/-/v1/done/{wrong}")).await;
        assert!(gone.status.is_client_error() && !gone.error().is_empty(), "{wrong}: {}", gone.status);
    }
    let url = format!("http://registry.example/-/v1/login/{done}");
    let _ = Browser::in_process(client.clone()).open(&url).await.assert_status(404);
    let _ = begun.poll(&client).await.assert_status(200);
    let _ = begun.poll(&client).await.assert_status(404);
}

#[tokio::test]
async fn a_page_shows_what_is_not_markup_as_text() {
    let registry = TestRegistry::new().await;
    let evil = "<script>alert(1)</script>\"'&";
    let request = Request::post("/-/v1/login").header("user-agent", evil).body(Body::empty()).unwrap();
    let begun = Begun::of(&registry.anonymous().send(request).await, "loginUrl");
    let browser = browser(&registry);
    let page = browser.open(&begun.page).await;
    let named = [("name", evil), ("password", evil)];
    let again = browser.press(&page, "log-in", &named).await.assert_status(401);
    for page in [&page, &again] {
        assert!(
            !page.text().contains("<script") && page.text().contains("&lt;script&gt;"),
            "{}",
            page.text()
        );
        let policy = page.response.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; img-src 'self';"), "{policy}");
        assert!(policy.ends_with("form-action 'self'; base-uri 'none'; frame-ancestors 'none'"), "{policy}");
        for (name, value) in [
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(page.response.header(name), Some(value), "{name}");
        }
    }
}

#[tokio::test]
async fn nothing_that_is_sent_decides_where_a_browser_goes() {
    let registry = TestRegistry::new().await;
    let begun = Begun::at(&registry.anonymous()).await;
    let browser = browser(&registry);
    let page = browser.open(&format!("{}?next=https://evil.example/", begun.page)).await;
    let fields = [
        ("name", "ana\r\nLocation: https://evil.example/"),
        ("password", "x\r\nSet-Cookie: a=b"),
        ("next", "//evil.example"),
        ("provider", "https://evil.example"),
    ];
    let refused = browser.press(&page, "log-in", &fields).await.assert_status(401);
    assert!(!refused.text().contains("evil.example"), "{}", refused.text());
    let form = page.hidden_fields("log-in")[0].1.clone();
    for step in ["provider", "code", "", "log-in%0d%0a", "https://evil.example"] {
        let form = format!("form={form}&step={step}&provider=https%3A%2F%2Fevil.example");
        let refused = browser.ask(Method::POST, &begun.page, form).await;
        assert!(refused.response.status.is_client_error(), "{step}: {}", refused.response.status);
        assert_eq!(refused.response.header("location"), None);
    }
    let sent = browser.press(&page, "log-in", &[ANA[0], ANA[1], fields[2]]).await.assert_status(303);
    assert_eq!(sent.location(), begun.page);
    for path in ["/-/v1/login/callback", "/-/v1/login/callback?code=x&state=y&next=//evil.example"] {
        let refused = browser.open(&format!("http://registry.example{path}")).await.assert_status(403);
        assert_eq!(refused.response.header("location"), None);
    }
    let large = "x=".to_owned() + &"y".repeat(20_000);
    let _ = browser.ask(Method::POST, &begun.page, large).await.assert_status(413);
    assert!(path_of(&begun.page).starts_with("/-/v1/login/"));
}
