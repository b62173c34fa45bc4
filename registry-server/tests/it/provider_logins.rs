//! Every client with people whom somebody else knows: a scripted GitHub, and an issuer of OpenID Connect.

use registry_core::clock::{Clock as _, SystemClock};
use registry_testkit::Browser;
use registry_testkit::clients::{
    Answer, BUN, Client, NPM, NPM_12, PNPM, PinnedClient, YARN_1, YARN_4, package,
};
use registry_testkit::fake_issuer::{CLIENT_ID, CLIENT_SECRET, FakeIssuer};
use serde_json::json;
use url::Url;

use crate::npm_github::GithubRegistry;
use crate::support::Registry;
use crate::web_login::run_with;

/// A client that logs in with the browser, and how it tells who one is.
struct Way {
    pinned: &'static PinnedClient,
    login: &'static [&'static str],
    answers: &'static [Answer<'static>],
    whoami: &'static [&'static str],
}

const WAYS: [Way; 4] = [
    Way { pinned: &NPM, login: &["login", "--browser=false"], answers: &[], whoami: &["whoami"] },
    Way { pinned: &NPM_12, login: &["login", "--browser=false"], answers: &[], whoami: &["whoami"] },
    Way { pinned: &PNPM, login: &["login"], answers: &[], whoami: &["whoami"] },
    Way {
        pinned: &YARN_4,
        login: &["npm", "login", "--web-login"],
        answers: &[Answer::new("open your browser now?", "n")],
        whoami: &["npm", "whoami"],
    },
];

impl Way {
    /// Logs in by the page of a provider, at which `agree` is what one does: it answers the query that the browser
    /// comes back with. Then this is who one is.
    async fn log_in(&self, base_url: &str, agree: impl Fn(&Url) -> String, name: &str) {
        let client = Client::new(self.pinned, base_url).await;
        let folder = client.home().project(&package("project", "0.0.0"));
        let login = run_with(base_url, &client, &folder, self.login, self.answers, async |browser, url| {
            go_by_the_provider(base_url, browser, url, agree).await;
        });
        let _ = login.await.assert_success();
        let whoami = client.run_in(&folder, self.whoami).await.assert_success();
        assert!(whoami.stdout.contains(name), "{whoami}");
    }
}

async fn go_by_the_provider(base_url: &str, browser: &Browser, url: &str, agree: impl Fn(&Url) -> String) {
    let page = browser.open(url).await.assert_status(200);
    let left = browser.press(&page, "provider", &[]).await.assert_status(303);
    let query = agree(&Url::parse(left.location()).unwrap());
    let back = browser.open(&format!("{base_url}/-/v1/login/callback?{query}")).await.assert_status(303);
    let done = browser.follow(&back).await.assert_status(200);
    assert!(done.text().contains("go back to your terminal"), "{}", done.text());
}

#[tokio::test]
async fn people_of_github_log_in_with_the_browser() {
    let registry = GithubRegistry::start().await;
    for way in WAYS {
        way.log_in(registry.server.base_url(), |page| registry.fake.agree(page, "Ana"), "Ana").await;
    }
    // Who is in no organization that may come in is not let in, however they agree.
    let browser = Browser::over_http();
    let begun = registry.http().request(http::Method::POST, "/-/v1/login").send().await.json();
    let page = browser.open(begun["loginUrl"].as_str().unwrap()).await;
    let left = browser.press(&page, "provider", &[]).await.assert_status(303);
    let query = registry.fake.agree(&Url::parse(left.location()).unwrap(), "eve");
    let back = format!("{}/-/v1/login/callback?{query}", registry.server.base_url());
    let refused = browser.open(&back).await.assert_status(400).text();
    assert!(refused.contains("does not show you as an active member"), "{refused}");
}

#[tokio::test]
async fn people_of_an_issuer_log_in_with_the_browser() {
    let issuer = FakeIssuer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("client-secret");
    std::fs::write(&secret, CLIENT_SECRET).unwrap();
    let config = format!(
        "accounts.sign_up = false\n[openid]\nissuer = \"{}\"\nclient_id = \"{CLIENT_ID}\"\nclient_secret_file = \"{}\"\n",
        issuer.url(),
        secret.display()
    );
    let registry = Registry::configured(&config).await;
    let agree = |page: &Url| {
        let now = SystemClock.now().timestamp();
        let claims = json!({
            "iss": issuer.url(), "aud": CLIENT_ID, "sub": "7", "iat": now, "exp": now + 300,
            "preferred_username": "ana", "email": "ana@registry.example", "groups": ["acme"],
        });
        issuer.sign_in(page, claims)
    };
    for way in WAYS {
        way.log_in(registry.server.base_url(), agree, "ana").await;
    }
}

/// npm is in `npm_github`.
#[tokio::test]
async fn tokens_of_github_are_good_with_every_client() {
    let registry = GithubRegistry::start().await;
    let token = registry.fake.personal_token("Ana");
    for (pinned, whoami) in
        [(&PNPM, &["whoami"][..]), (&YARN_4, &["npm", "whoami"]), (&BUN, &["pm", "whoami"])]
    {
        let client = Client::with_token(pinned, registry.server.base_url(), &token).await;
        let folder = client.home().project(&package("project", "0.0.0"));
        let shown = client.run_in(&folder, whoami).await.assert_success();
        assert!(shown.stdout.contains("Ana"), "{shown}");
    }
    let publishes: [(&PinnedClient, &[&[&str]]); 4] = [
        (&PNPM, &[&["publish"]]),
        (&YARN_1, &[&["publish", "--non-interactive"]]),
        (&YARN_4, &[&["install"], &["npm", "publish"]]),
        (&BUN, &[&["publish"]]),
    ];
    for (number, (pinned, commands)) in publishes.into_iter().enumerate() {
        let client = Client::with_token(pinned, registry.server.base_url(), &token).await;
        let folder = client.home().project(&package("@acme/pear", &format!("1.{number}.0")));
        for command in commands {
            let _ = client.run_in(&folder, command).await.assert_success();
        }
    }
    let packument =
        registry.http().get("/@acme%2fpear").bearer(&token).send().await.assert_status(200).json();
    for number in 0..publishes.len() {
        assert_eq!(packument["versions"][format!("1.{number}.0")]["_npmUser"]["name"], "Ana", "{packument}");
    }
}

/// Where the browser is not offered, a token of GitHub takes the place of the password.
#[tokio::test]
async fn a_pasted_token_of_github_logs_in_with_every_client() {
    let registry = GithubRegistry::configured("[login]\nweb = false\n").await;
    let token = registry.fake.personal_token("Ana");
    let base_url = registry.server.base_url();

    let pnpm = Client::new(&PNPM, base_url).await;
    let answers = [
        Answer::new("Username:", "Ana"),
        Answer::secret("Password:", &token),
        Answer::new("Email (this IS public):", "ana@registry.example"),
    ];
    let _ = pnpm.run_on_terminal(&pnpm.home().work_folder(), &["login"], &answers).await.assert_success();
    assert_eq!(pnpm.run(&["whoami"]).await.assert_success().stdout, "Ana\n");

    let yarn = Client::new(&YARN_4, base_url).await;
    let folder = yarn.home().project(&package("project", "0.0.0"));
    let answers = [Answer::new("Username:", "Ana"), Answer::secret("Password:", &token)];
    let _ = yarn.run_on_terminal(&folder, &["npm", "login"], &answers).await.assert_success();
    let _ = yarn.run_in(&folder, &["npm", "whoami"]).await.assert_success().assert_printed("YN0000: Ana");

    let yarn = Client::new(&YARN_1, base_url).await;
    let folder = yarn.home().project(&package("@acme/one", "1.0.0"));
    let answers = [
        Answer::new("npm username: ", "Ana"),
        Answer::new("npm email: ", "ana@registry.example"),
        Answer::secret("npm password: ", &token),
    ];
    let publish = ["publish", "--new-version", "1.0.0"];
    let published = yarn.run_on_terminal(&folder, &publish, &answers).await.assert_success();
    let _ = published.assert_printed("Published.").assert_printed("Revoked login token.");
}
