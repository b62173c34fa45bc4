use registry_testkit::Browser;
use registry_testkit::clients::Npm;
use url::Url;

use super::{Ground, Provider};

async fn both() -> [Ground; 2] {
    [Ground::new(Provider::github().await).await, Ground::new(Provider::issuer().await).await]
}

fn state_of(page: &Url) -> String {
    page.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned()
}

#[tokio::test]
async fn a_user_in_no_organization_is_told_so_and_another_user_may_continue() {
    let ground = Ground::new(Provider::github().await).await;
    let npm = ground
        .npm_logs_in(async |url| {
            let browser = Browser::over_http();
            let at_github = Ground::leave(&browser, url).await;
            let query = ground.provider.agree(&at_github, "eve");
            let told = Ground::come_back(&browser, &at_github, &query).await.assert_status(400);
            assert!(told.text().contains("member of an organization that may use this registry"));
            assert_eq!(ground.provider.github_itself().app_tokens(), 0, "her token was ended");
            ground.sign_in(&browser, url, "ben").await;
        })
        .await;
    assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ben\n");
    // In the terminal there is nothing but the client to tell her.
    let eve = Npm::new(ground.main.base_url()).await;
    let told = eve.login("eve", &ground.provider.github_itself().personal_token("eve")).await;
    let _ = told.assert_failure().assert_printed("member of an organization that may use this registry");
}

#[tokio::test]
async fn another_browser_ends_no_login() {
    for ground in both().await {
        let npm = ground
            .npm_logs_in(async |url| {
                let (mine, other) = (Browser::over_http(), Browser::over_http());
                let at_provider = Ground::leave(&mine, url).await;
                let query = ground.provider.agree(&at_provider, "ana");
                // With all that came back, and not the cookie.
                let told = Ground::come_back(&other, &at_provider, &query).await.assert_status(403);
                assert!(told.text().contains("another browser"), "{}", told.text());
                // The page, too, is the first one's now.
                let _ = other.open(url).await.assert_status(403);
                // Nor does what came back to another login of the right browser end this one.
                let forged = query.replace(&state_of(&at_provider), "forged");
                let _ = Ground::come_back(&mine, &at_provider, &forged).await.assert_status(403);
                let back = Ground::come_back(&mine, &at_provider, &query).await.assert_status(303);
                let _ = mine.follow(&back).await.assert_status(200);
                // A second time there is nothing to end.
                let _ = Ground::come_back(&mine, &at_provider, &query).await.assert_status(403);
            })
            .await;
        assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ana\n");
    }
}

#[tokio::test]
async fn the_code_of_another_login_is_good_for_nothing() {
    for ground in both().await {
        let npm = ground
            .npm_logs_in(async |url| {
                // Eve signs in for a login of her own, and has ana's browser bring her code back.
                let mine = Browser::over_http();
                let at_provider = Ground::leave(&mine, url).await;
                let mut of_eve = at_provider.clone();
                let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
                let pairs: Vec<_> = at_provider.query_pairs().into_owned().collect();
                of_eve.query_pairs_mut().clear().extend_pairs(pairs.iter().map(|(name, value)| {
                    (name, if name == "code_challenge" { challenge } else { value.as_str() })
                }));
                let stolen = ground.provider.agree(&of_eve, "ben");
                let told = Ground::come_back(&mine, &at_provider, &stolen).await.assert_status(401);
                assert!(told.text().contains("did not identify you"), "{}", told.text());
                ground.sign_in(&mine, url, "ana").await;
            })
            .await;
        assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ana\n");
    }
}

#[tokio::test]
async fn who_says_no_is_told_so_and_may_say_yes_later() {
    for ground in both().await {
        let npm = ground
            .npm_logs_in(async |url| {
                let browser = Browser::over_http();
                let at_provider = Ground::leave(&browser, url).await;
                let state = state_of(&at_provider);
                let no = format!("error=access_denied&error_description=No%3Cb%3E&state={state}");
                let told = Ground::come_back(&browser, &at_provider, &no).await.assert_status(401);
                assert!(told.text().contains("did not identify you: try again"), "{}", told.text());
                assert!(!told.text().contains("<b>"), "{}", told.text());
                ground.sign_in(&browser, url, "ana").await;
            })
            .await;
        assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ana\n");
    }
}

#[tokio::test]
async fn a_provider_that_is_down_in_the_middle_is_no_end() {
    for ground in both().await {
        let npm = ground
            .npm_logs_in(async |url| {
                let browser = Browser::over_http();
                let at_provider = Ground::leave(&browser, url).await;
                let query = ground.provider.agree(&at_provider, "ana");
                ground.provider.set_down(true);
                let told = Ground::come_back(&browser, &at_provider, &query).await.assert_status(503);
                assert!(told.text().contains("did not answer"), "{}", told.text());
                assert!(told.response.header("retry-after").is_some());
                ground.provider.set_down(false);
                ground.sign_in(&browser, url, "ana").await;
            })
            .await;
        assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ana\n");
    }
}
