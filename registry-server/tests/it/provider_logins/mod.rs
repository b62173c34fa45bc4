//! Logins at the pages of GitHub and of an issuer of OpenID Connect, from the client's first request to what its token
//! may do.

mod clients;
mod device;
mod refusals;

use std::fs;
use std::path::Path;

use registry_core::clock::{Clock as _, SystemClock};
use registry_testkit::clients::{Client, NPM};
use registry_testkit::fake_github::{self, FakeGithub};
use registry_testkit::fake_issuer::{self, FakeIssuer};
use registry_testkit::fake_upstream::FakeAnswer;
use registry_testkit::server_process::ServerProcess;
use registry_testkit::{Browser, Page};
use serde_json::json;
use tempfile::TempDir;
use url::Url;

use crate::support::run_with_person;

/// Who knows the users: `ana`, who is in the team `acme/platform`, `ben`, who is in `acme` alone, and `eve`, who is in
/// neither.
enum Provider {
    Github(FakeGithub),
    Issuer(FakeIssuer),
}

impl Provider {
    async fn github() -> Self {
        let fake = FakeGithub::start().await;
        for login in ["ana", "ben"] {
            fake.add_user(login);
            fake.join(login, "Acme");
        }
        fake.join_team("ana", "Acme", "platform");
        fake.add_user("eve");
        Self::Github(fake)
    }

    async fn issuer() -> Self {
        Self::Issuer(FakeIssuer::start().await)
    }

    /// The tables of the settings. The secret is in a file.
    fn settings(&self, secret: &Path) -> String {
        let (table, groups) = match self {
            Self::Github(fake) => {
                let (url, id) = (fake.url(), fake_github::CLIENT_ID);
                let table =
                    format!("[github]\nurl = \"{url}\"\nclient_id = \"{id}\"\norganizations = [\"acme\"]");
                (table, "github")
            }
            Self::Issuer(fake) => {
                let (url, id) = (fake.url(), fake_issuer::CLIENT_ID);
                (format!("[openid]\nissuer = \"{url}\"\nclient_id = \"{id}\""), "openid")
            }
        };
        format!(
            "accounts.sign_up = false\n{table}\nclient_secret_file = \"{}\"\n\
             [[packages]]\nmatch = \"**\"\nread = [\"group:{groups}:acme\"]\n\
             publish = [\"group:{groups}:acme/platform\"]\n",
            secret.display()
        )
    }

    fn secret(&self) -> &'static str {
        match self {
            Self::Github(_) => fake_github::CLIENT_SECRET,
            Self::Issuer(_) => fake_issuer::CLIENT_SECRET,
        }
    }

    /// The user agrees at its page. Returns the query that their browser brings back.
    fn agree(&self, page: &Url, name: &str) -> String {
        match self {
            Self::Github(fake) => fake.agree(page, name),
            Self::Issuer(fake) => {
                let now = SystemClock.now().timestamp();
                let groups = match name {
                    "ana" => json!(["acme", "acme/platform"]),
                    "ben" => json!(["acme"]),
                    _ => json!([]),
                };
                let claims = json!({
                    "iss": fake.url(), "aud": fake_issuer::CLIENT_ID, "sub": format!("subject-of-{name}"),
                    "iat": now, "exp": now + 300, "preferred_username": name, "groups": groups,
                });
                fake.sign_in(page, claims)
            }
        }
    }

    /// From now on it does not end logins, or does again.
    fn set_down(&self, down: bool) {
        match (self, down) {
            (Self::Github(fake), true) => fake.answer_everything(FakeAnswer::status(503)),
            (Self::Github(fake), false) => fake.answer_as_usual(),
            (Self::Issuer(fake), true) => fake.answer("POST /token", FakeAnswer::status(503)),
            (Self::Issuer(fake), false) => fake.answer_as_usual(),
        }
    }

    fn github_itself(&self) -> &FakeGithub {
        match self {
            Self::Github(fake) => fake,
            Self::Issuer(_) => panic!("the provider is no GitHub"),
        }
    }
}

/// Two servers on one folder, which ask the same provider.
struct Ground {
    provider: Provider,
    main: ServerProcess,
    replica: ServerProcess,
    _folder: TempDir,
}

impl Ground {
    async fn new(provider: Provider) -> Self {
        let folder = TempDir::with_prefix("provider-").unwrap();
        let secret = folder.path().join("client-secret");
        fs::write(&secret, provider.secret()).unwrap();
        let settings = provider.settings(&secret);
        let storage = folder.path().join("storage");
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let main = ServerProcess::start(binary, &["--config", &settings], &storage).await;
        let replica = ServerProcess::start(binary, &["--config", &settings], &storage).await;
        Self { provider, main, replica, _folder: folder }
    }

    /// npm, which logs in while a person does this.
    async fn npm_logs_in(&self, person: impl AsyncFnOnce(&str)) -> Client {
        let npm = Client::new(&NPM, self.main.base_url()).await;
        let login = ["login", "--browser=false"];
        let folder = npm.home().work_folder();
        let output = run_with_person(self.main.base_url(), &npm, &folder, &login, &[], person).await;
        let _ = output.assert_success().assert_printed("Logged in on");
        npm
    }

    /// Opens the page of a login and goes on to the provider. Answers the page there.
    async fn leave(browser: &Browser, url: &str) -> Url {
        let page = browser.open(url).await.assert_status(200);
        let left = browser.press(&page, "provider", &[]).await.assert_status(303);
        Url::parse(left.location()).unwrap()
    }

    /// Brings back what the provider says.
    async fn come_back(browser: &Browser, at_provider: &Url, query: &str) -> Page {
        let (_, callback) = at_provider.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap();
        assert!(callback.ends_with("/-/v1/login/callback"), "{callback}");
        browser.open(&format!("{callback}?{query}")).await
    }

    /// All that a user does in their browser to log in.
    async fn sign_in(&self, browser: &Browser, url: &str, name: &str) {
        let at_provider = Self::leave(browser, url).await;
        let query = self.provider.agree(&at_provider, name);
        let back = Self::come_back(browser, &at_provider, &query).await.assert_status(303);
        let done = browser.follow(&back).await.assert_status(200);
        assert!(done.text().contains("go back to your terminal"), "{}", done.text());
    }
}
