use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use registry_core::auth::{
    AuthError, AuthProvider, Credential, Identified, Principal, Profile, ProfileDetails, WebLogin,
};
use registry_testkit::{Browser, Page, TestRegistry};
use url::{Url, form_urlencoded};

use super::{Begun, browser, events, forget_events};

/// A provider with a page of its own, at which the user is called what the `code` says.
#[derive(Debug, Default)]
pub(super) struct Scripted {
    logins: AtomicU32,
    /// How often it was asked who came back.
    asked: AtomicU32,
}

const KNOWN: [&str; 2] = ["ana", "eve"];

#[async_trait]
impl AuthProvider for Scripted {
    fn id(&self) -> &'static str {
        "scripted"
    }

    async fn identify(&self, _: &Credential) -> Result<Identified, AuthError> {
        Ok(Identified::NotMine)
    }

    async fn look_up(&self, name: &str) -> Result<Option<Profile>, AuthError> {
        let principal = KNOWN.contains(&name).then(|| Principal::user(name).in_group("scripted:all"));
        Ok(principal.map(|principal| Profile { principal, email: None, details: ProfileDetails::default() }))
    }

    async fn start_web_login(&self, callback: &Url) -> Result<Option<WebLogin>, AuthError> {
        let state = format!("state-{}", self.logins.fetch_add(1, Ordering::Relaxed));
        let mut url = Url::parse("https://provider.example/authorize").unwrap();
        url.query_pairs_mut().append_pair("redirect_uri", callback.as_str()).append_pair("state", &state);
        Ok(Some(WebLogin { url, state }))
    }

    async fn finish_web_login(&self, state: &str, query: &str) -> Result<Identified, AuthError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let value = |name: &str| {
            form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
        };
        if value("state").as_deref() != Some(state) {
            return Ok(Identified::Rejected);
        }
        match value("code").as_deref() {
            Some("down") => {
                Err(AuthError::Unavailable { provider: "Scripted".into(), source: "down".into() })
            }
            Some(name) => Ok(Identified::Principal(Principal::user(name))),
            None => Ok(Identified::Rejected),
        }
    }
}

impl fmt::Display for Scripted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Scripted")
    }
}

async fn registry() -> (TestRegistry, Arc<Scripted>) {
    let provider = Arc::new(Scripted::default());
    let known = Arc::clone(&provider) as Arc<dyn AuthProvider>;
    (TestRegistry::builder().provider(known).accounts(false).start().await, provider)
}

/// Goes to the provider's page. Answers where it sends the browser back to.
pub(super) async fn leave(browser: &Browser, page: &Page) -> String {
    let left = browser.press(page, "provider", &[]).await.assert_status(303);
    let url = Url::parse(left.location()).unwrap();
    assert_eq!(url.host_str(), Some("provider.example"));
    let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    format!("{}?state={}", value("redirect_uri"), value("state"))
}

#[tokio::test]
async fn a_provider_says_who_it_is() {
    let (registry, _) = registry().await;
    let begun = Begun::at(&registry.anonymous()).await;
    let browser = browser(&registry);
    let page = browser.open(&begun.page).await;
    let text = page.text();
    assert!(text.contains("go on with Scripted") && !text.contains("password"), "{text}");
    forget_events(&registry).await;
    let back = leave(&browser, &page).await;
    let returned = browser.open(&format!("{back}&code=ana")).await.assert_status(303);
    assert_eq!(returned.location(), begun.page);
    assert!(browser.follow(&returned).await.text().contains("go back to your terminal"));
    let token = begun.poll(&registry.anonymous()).await.assert_status(200).json();
    let ana = registry.anonymous().with_token(token["token"].as_str().unwrap());
    assert_eq!(ana.get("/-/whoami").await.json()["username"], "ana");
    assert_eq!(events(&registry).await, "{\"kind\":\"web-login-approved\"}\n{\"kind\":\"logged-in\"}");
}

#[tokio::test]
async fn a_browser_that_did_not_leave_does_not_come_back() {
    let (registry, provider) = registry().await;
    let begun = Begun::at(&registry.anonymous()).await;
    let victim = browser(&registry);
    let back = leave(&victim, &victim.open(&begun.page).await).await;
    // An attacker sends their own answer of the provider to another user, or takes the answer of another user.
    let eve = browser(&registry);
    let _ = eve.open(&format!("{back}&code=eve")).await.assert_status(403);
    let of_eve = Begun::at(&registry.anonymous()).await;
    let back_of_eve = leave(&eve, &eve.open(&of_eve.page).await).await;
    let _ = eve.open(&format!("{back}&code=eve")).await.assert_status(403);
    let _ = victim.open(&format!("{back_of_eve}&code=eve")).await.assert_status(403);
    let _ = victim.open(&format!("{back}x&code=ana")).await.assert_status(403);
    assert_eq!(provider.asked.load(Ordering::Relaxed), 0, "the provider is not even asked");
    let _ = begun.poll(&registry.anonymous()).await.assert_status(202);
    let _ = victim.open(&format!("{back}&code=ana")).await.assert_status(303);
    let _ = victim.open(&format!("{back}&code=ana")).await.assert_status(403);
    assert_eq!(provider.asked.load(Ordering::Relaxed), 1, "once is enough");
}

#[tokio::test]
async fn who_is_refused_may_try_again() {
    let (registry, _) = registry().await;
    let begun = Begun::at(&registry.anonymous()).await;
    let browser = browser(&registry);
    let page = browser.open(&begun.page).await;
    let back = leave(&browser, &page).await;
    let refused = browser.open(&format!("{back}&error=access_denied")).await.assert_status(401);
    assert!(refused.text().contains("Scripted did not identify you"), "{}", refused.text());
    let back = leave(&browser, &page).await;
    let down = browser.open(&format!("{back}&code=down")).await.assert_status(503);
    assert_eq!(down.response.header("retry-after"), Some("1"));
    let _ = begun.poll(&registry.anonymous()).await.assert_status(202);
    let back = leave(&browser, &page).await;
    let _ = browser.open(&format!("{back}&code=ana")).await.assert_status(303);
    let _ = begun.poll(&registry.anonymous()).await.assert_status(200);
}

#[tokio::test]
async fn logins_in_one_browser_do_not_mix() {
    let (registry, _) = registry().await;
    let browser = browser(&registry);
    let mut left = Vec::new();
    for _ in 0..4 {
        let begun = Begun::at(&registry.anonymous()).await;
        let back = leave(&browser, &browser.open(&begun.page).await).await;
        left.push((begun, back));
    }
    while let Some((begun, back)) = left.pop() {
        let returned = browser.open(&format!("{back}&code=ana")).await.assert_status(303);
        assert_eq!(returned.location(), begun.page);
        let _ = begun.poll(&registry.anonymous()).await.assert_status(200);
        for (other, _) in &left {
            let _ = other.poll(&registry.anonymous()).await.assert_status(202);
        }
    }
}

#[tokio::test]
async fn any_replica_takes_who_comes_back() {
    let (one, _) = registry().await;
    let two = one.replica().await;
    let begun = Begun::at(&one.anonymous()).await;
    let browser_at_two = browser(&two);
    let back = leave(&browser_at_two, &browser_at_two.open(&begun.page).await).await;
    let _ = browser_at_two.open(&format!("{back}&code=ana")).await.assert_status(303);
    let _ = begun.poll(&one.anonymous()).await.assert_status(200);
}

#[tokio::test]
async fn beside_accounts_with_a_password_one_has_the_choice() {
    let provider = Arc::new(Scripted::default());
    let registry = TestRegistry::builder().provider(provider).start().await;
    let begun = Begun::at(&registry.anonymous()).await;
    let browser = browser(&registry);
    let page = browser.open(&begun.page).await;
    assert!(page.text().contains("go on with Scripted") && page.text().contains("Password"));
    let back = leave(&browser, &page).await;
    // Back to the page, and the other way.
    let page = browser.open(&begun.page).await;
    let _ = browser.press(&page, "log-in", &super::ANA).await.assert_status(303);
    let _ = browser.open(&format!("{back}&code=eve")).await.assert_status(403);
    let token = begun.poll(&registry.anonymous()).await.assert_status(200).json();
    let ana = registry.anonymous().with_token(token["token"].as_str().unwrap());
    assert_eq!(ana.get("/-/whoami").await.json()["username"], "ana");
}
