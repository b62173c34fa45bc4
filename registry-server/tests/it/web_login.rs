//! Logins and one-time passwords in the browser with every client that has them. A person's browser is played by the
//! test: it opens what the client prints.

use std::path::Path;
use std::time::Duration;

use http::Method;
use registry_core::clock::{Clock as _, SystemClock};
use registry_testkit::clients::{
    Answer, BUN, Client, CommandOutput, NPM, PNPM, PinnedClient, YARN_4, package,
};
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use registry_testkit::{Authenticator, Browser};
use serde_json::json;

use crate::support::{PASSWORD, Registry, account, run_with_person, sign_up, user_path, with_each_npm};

/// Runs a client while a person does what it asks for.
async fn run_with(
    base_url: &str,
    client: &Client,
    folder: &Path,
    arguments: &[&str],
    answers: &[Answer<'_>],
    person: impl AsyncFnOnce(&Browser, &str),
) -> CommandOutput {
    let person = async |url: &str| person(&Browser::over_http(), url).await;
    run_with_person(base_url, client, folder, arguments, answers, person).await
}

async fn log_in_as_ana(browser: &Browser, url: &str) {
    let page = browser.open(url).await.assert_status(200);
    let wrong = [("name", "ana"), ("password", "not the password")];
    let page = browser.press(&page, "log-in", &wrong).await.assert_status(401);
    let right = [("name", "ana"), ("password", PASSWORD)];
    let sent = browser.press(&page, "log-in", &right).await.assert_status(303);
    let done = browser.follow(&sent).await.assert_status(200);
    assert!(done.text().contains("go back to your terminal"), "{}", done.text());
}

async fn stranger(registry: &Registry, pinned: &PinnedClient) -> Client {
    Client::new(pinned, registry.server.base_url()).await
}

#[tokio::test]
async fn npm_logs_in_with_the_browser() {
    let registry = Registry::start().await;
    sign_up(&registry.http(), "ana").await;
    let npm = stranger(&registry, &NPM).await;
    // A token that has expired must not be in the way.
    npm.home().set_token("npm_expired");
    let login = ["login", "--browser=false"];
    let output =
        run_with(registry.server.base_url(), &npm, &npm.home().work_folder(), &login, &[], log_in_as_ana)
            .await;
    let _ = output.assert_success().assert_printed("Logged in on");
    assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ana\n");
    let log = registry.server.stderr();
    assert!(log.contains("/-/v1/login/[redacted]") && log.contains("/-/v1/done/[redacted]"), "{log}");
}

#[tokio::test]
async fn npm_makes_an_account_with_the_browser_of_another_machine() {
    let registry = Registry::start().await;
    let npm = stranger(&registry, &NPM).await;
    let adduser = ["adduser", "--browser=false"];
    let output = run_with(
        registry.server.base_url(),
        &npm,
        &npm.home().work_folder(),
        &adduser,
        &[],
        async |browser, url| {
            let page = browser.open(url).await.assert_status(200);
            assert!(page.text().contains("<details open>"), "{}", page.text());
            let fields = [("name", "ben"), ("password", PASSWORD), ("email", "ben@registry.example")];
            let _ = browser.press(&page, "sign-up", &fields).await.assert_status(303);
        },
    )
    .await;
    let _ = output.assert_success();
    assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ben\n");
}

#[tokio::test]
async fn npm_falls_back_to_the_terminal() {
    let registry = Registry::configured("[login]\nweb = false\n").await;
    sign_up(&registry.http(), "ana").await;
    let npm = stranger(&registry, &NPM).await;
    let answers = [Answer::new("Username:", "ana"), Answer::secret("Password:", PASSWORD)];
    let folder = npm.home().work_folder();
    let output = npm.run_on_terminal(&folder, &["login", "--browser=false"], &answers).await;
    let _ = output.assert_success();
    assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ana\n");
}

#[tokio::test]
async fn pnpm_logs_in_with_the_browser() {
    let registry = Registry::start().await;
    sign_up(&registry.http(), "ana").await;
    let pnpm = stranger(&registry, &PNPM).await;
    let output = run_with(
        registry.server.base_url(),
        &pnpm,
        &pnpm.home().work_folder(),
        &["login"],
        &[],
        log_in_as_ana,
    )
    .await;
    let _ = output.assert_success();
    assert_eq!(pnpm.run(&["whoami"]).await.assert_success().stdout, "ana\n");
}

#[tokio::test]
async fn yarn_4_logs_in_with_the_browser() {
    let registry = Registry::start().await;
    sign_up(&registry.http(), "ana").await;
    let yarn = stranger(&registry, &YARN_4).await;
    let folder = yarn.home().project(&package("project", "0.0.0"));
    let answers = [Answer::new("open your browser now?", "n")];
    let login = ["npm", "login", "--web-login"];
    let output = run_with(registry.server.base_url(), &yarn, &folder, &login, &answers, log_in_as_ana).await;
    let _ = output.assert_success();
    let whoami = yarn.run_in(&folder, &["npm", "whoami"]).await.assert_success();
    let _ = whoami.assert_printed("YN0000: ana");
}

/// A user whose account has a second factor for writes.
struct Careful {
    registry: Registry,
    token: String,
    app: Authenticator,
    recovery: String,
}

impl Careful {
    async fn ana() -> Self {
        let registry = Registry::start().await;
        let token = sign_up(&registry.http(), "ana").await;
        let set = async |document: serde_json::Value| {
            let request = registry.http().request(Method::POST, "/-/npm/v1/user").bearer(&token);
            request.json(&document).send().await.assert_status(200).json()["tfa"].clone()
        };
        let url = set(json!({ "tfa": { "password": PASSWORD, "mode": "auth-and-writes" } })).await;
        let app = Authenticator::scan(url.as_str().unwrap());
        let codes = set(json!({ "tfa": [app.digits_at(SystemClock.now())] })).await;
        let recovery = codes[0].as_str().unwrap().to_owned();
        Self { registry, token, app, recovery }
    }

    async fn client(&self, pinned: &PinnedClient) -> Client {
        Client::with_token(pinned, self.registry.server.base_url(), &self.token).await
    }

    /// Enters what the app shows next: what it shows now was used to set it up.
    async fn confirm(&self, browser: &Browser, url: &str) {
        let page = browser.open(url).await.assert_status(200);
        assert!(page.text().contains("as <strong>ana</strong>"), "{}", page.text());
        let digits = self.app.digits_at(SystemClock.now() + Duration::from_secs(30));
        let _ = browser.press(&page, "code", &[("code", &digits)]).await.assert_status(303);
    }

    /// Runs a client that asks for a one-time password in the browser.
    async fn run(&self, client: &Client, folder: &Path, arguments: &[&str]) -> CommandOutput {
        run_with(self.registry.server.base_url(), client, folder, arguments, &[], async |browser, url| {
            self.confirm(browser, url).await;
        })
        .await
    }
}

with_each_npm!(npm_publishes_with_a_one_time_password_of_the_browser, npm_asks_with_the_method_of_the_write,);

async fn npm_publishes_with_a_one_time_password_of_the_browser(npm: &PinnedClient) {
    let careful = Careful::ana().await;
    let npm = careful.client(npm).await;
    let folder = npm.home().project(&package("one", "1.0.0"));
    let published = careful.run(&npm, &folder, &["publish", "--browser=false"]).await.assert_success();
    let _ = published.assert_printed("+ one@1.0.0");
    let _ = careful.registry.http().get("/one").send().await.assert_status(200);
}

async fn npm_asks_with_the_method_of_the_write(npm: &PinnedClient) {
    let careful = Careful::ana().await;
    let npm = careful.client(npm).await;
    let folder = npm.home().project(&package("one", "1.0.0"));
    let digits = careful.app.digits_at(SystemClock.now() + Duration::from_secs(30));
    let _ = npm.run_in(&folder, &["publish", &format!("--otp={digits}")]).await.assert_success();
    let add = ["dist-tag", "add", "one@1.0.0", "stable", "--browser=false"];
    let tagged =
        run_with(careful.registry.server.base_url(), &npm, &folder, &add, &[], async |browser, url| {
            let page = browser.open(url).await.assert_status(200);
            let refused = browser.press(&page, "code", &[("code", &digits)]).await.assert_status(401);
            assert!(refused.text().contains("was used already"), "{}", refused.text());
            let code = [("code", careful.recovery.as_str())];
            let _ = browser.press(&refused, "code", &code).await.assert_status(303);
        })
        .await;
    let _ = tagged.assert_success().assert_printed("+stable: one@1.0.0");
}

#[tokio::test]
async fn pnpm_publishes_with_a_one_time_password_of_the_browser() {
    let careful = Careful::ana().await;
    let pnpm = careful.client(&PNPM).await;
    let folder = pnpm.home().project(&package("one", "1.0.0"));
    let _ = careful.run(&pnpm, &folder, &["publish", "--no-git-checks"]).await.assert_success();
    let _ = careful.registry.http().get("/one").send().await.assert_status(200);
}

#[tokio::test]
async fn bun_publishes_with_a_one_time_password_of_the_browser() {
    let careful = Careful::ana().await;
    let bun = careful.client(&BUN).await;
    let folder = bun.home().project(&package("one", "1.0.0"));
    let _ = careful.run(&bun, &folder, &["publish"]).await.assert_success();
    let _ = careful.registry.http().get("/one").send().await.assert_status(200);
}

#[tokio::test]
async fn two_servers_share_a_login_and_tell_browsers_what_they_are() {
    let registry = Registry::start().await;
    sign_up(&registry.http(), "ana").await;
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let config = "public_url = \"https://npm.registry.example\"\n[limits]\nrequests_per_minute = 4\n";
    let other = ServerProcess::start(binary, &["--config", config], registry.storage()).await;
    let begun = registry.http().request(Method::POST, "/-/v1/login").send().await.assert_status(200).json();
    let url = begun["loginUrl"].as_str().unwrap();
    let at_other = url.replace(registry.server.base_url(), other.base_url());
    let browser = Browser::over_http();
    let page = browser.open(&at_other).await.assert_status(200);
    assert_eq!(page.response.header("strict-transport-security"), Some("max-age=31536000"));
    let fields = [("name", "ana"), ("password", PASSWORD)];
    let _ = browser.press(&page, "log-in", &fields).await.assert_status(303);
    let done = begun["doneUrl"].as_str().unwrap().strip_prefix(registry.server.base_url()).unwrap();
    let polled = registry.http().get(done).send().await.assert_status(200);
    assert!(polled.json()["token"].as_str().unwrap().starts_with("npm_"));
    assert_eq!(polled.header("x-content-type-options"), Some("nosniff"));
    let http = HttpClient::new(other.base_url());
    for _ in 0..2 {
        let _ = http.get("/-/ping").send().await.assert_status(200);
    }
    let refused = http.get("/-/ping").send().await.assert_status(429);
    assert!(refused.header("retry-after").is_some(), "{}", refused.text());
}

#[tokio::test]
async fn a_guesser_of_passwords_is_told_to_wait() {
    let registry = Registry::start().await;
    sign_up(&registry.http(), "ana").await;
    let guess = async || {
        let request = registry.http().put(&user_path("ana"));
        request.json(&account("ana", "not the password")).send().await
    };
    for _ in 0..5 {
        let _ = guess().await.assert_status(401);
    }
    let refused = guess().await.assert_status(429);
    assert_eq!(refused.header("retry-after"), Some("1"));
}
