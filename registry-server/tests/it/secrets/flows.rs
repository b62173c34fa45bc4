use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use registry_core::clock::{Clock as _, SystemClock};
use registry_testkit::clients::{Answer, Client, NPM, Npm, package};
use registry_testkit::conformance::ServedPackages;
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{Authenticator, Browser, Page};
use serde_json::{Value, json};

use super::search::Secrets;
use super::{Ground, HTPASSWD_PASSWORD, PLANTED};
use crate::running::run;
use crate::support::{account, publish, run_with_person, user_path};

const PASSWORD: &str = "first-Quince-password";
const NEW_PASSWORD: &str = "second-Quince-password";
const PROFILE: &str = "/-/npm/v1/user";

/// What is looked for, in the order in which it comes up.
pub(super) const KINDS: [&str; 44] = [
    "token for the upstream",
    "client secret at GitHub",
    "client secret at the issuer",
    "password",
    "token of adduser",
    "token of login",
    "password of htpasswd",
    "token of htpasswd",
    "_auth",
    "address of a page",
    "cookie",
    "hidden field form",
    "wrong password in the browser",
    "token of the browser",
    "address of a poll",
    "token of a poll",
    "granular token",
    "token of an operator",
    "wrong digits at set-up",
    "digits at set-up",
    "recovery code",
    "wrong digits of a publish",
    "digits of a publish",
    "wrong code in the browser",
    "proof of the browser",
    "new password",
    "token of a login with a code",
    "personal token",
    "token for a pasted one",
    "code of GitHub",
    "token after the page of GitHub",
    "token of GitHub",
    "unknown personal token",
    "digits of a terminal",
    "wrong digits of a terminal",
    "token of a terminal",
    "code of the issuer",
    "token after the page of the issuer",
    "id token of the issuer",
    "identity of a build",
    "token of a build",
    "bad identity of a build",
    "wrong password",
    "forged token",
];

/// What the app of ana knows.
pub(super) fn secret_of_app(storage: &Path) -> String {
    let factor = fs::read(storage.join("objects/_two_factor/ana.json")).unwrap();
    serde_json::from_slice::<Value>(&factor).unwrap()["secret"].as_str().unwrap().to_owned()
}

/// The part of a login's address that cannot be guessed.
pub(super) fn secret_of(url: &str) -> &str {
    url.rsplit('-').next().unwrap()
}

fn token_of(npm: &Npm) -> String {
    npm.home().token().unwrap()
}

/// The cookie and what else a page gives to a browser to say back.
fn add_page(secrets: &mut Secrets, page: &Page, step: &str) {
    let cookie = page.response.header("set-cookie").unwrap();
    secrets.add("cookie", cookie.split(['.', ';']).nth(1).unwrap());
    for (name, value) in page.hidden_fields(step) {
        if value.len() >= 20 {
            secrets.add(&format!("hidden field {name}"), value);
        }
    }
}

impl Ground {
    pub(super) fn last_of(&self, what: &str) -> String {
        self.secrets.last(what)
    }

    /// `npm adduser`, `npm login` and `npm logout` in the terminal, from accounts and an htpasswd file, and `_auth`.
    pub(super) async fn accounts_and_logins(&mut self) {
        let base_url = self.main.base_url().to_owned();
        self.secrets.add("password", PASSWORD);
        let npm = Npm::new(&base_url).await;
        let _ = npm.adduser("ana", PASSWORD).await.assert_success();
        self.secrets.add("token of adduser", token_of(&npm));
        publish(&npm, &package("pear", "1.0.0")).await;
        let known = ServedPackages::sample().0[0].name.to_string();
        let _ = npm.run(&["view", &known]).await.assert_success();
        let asked = self.upstream.requests();
        assert!(asked.iter().any(|request| request.headers.contains_key("authorization")), "{asked:?}");

        let npm = Npm::new(&base_url).await;
        let _ = npm.login("ana", PASSWORD).await.assert_success();
        let token = self.secrets.add("token of login", token_of(&npm));
        let _ = npm.run(&["logout"]).await.assert_success();
        let whoami = self.http().get("/-/whoami").bearer(&token);
        let _ = self.refused("a token after logout", whoami).await;

        let base_url = self.second.base_url().to_owned();
        self.secrets.add("password of htpasswd", HTPASSWD_PASSWORD);
        let npm = Npm::new(&base_url).await;
        let _ = npm.login("hugo", HTPASSWD_PASSWORD).await.assert_success();
        self.secrets.add("token of htpasswd", token_of(&npm));
        let basic = STANDARD.encode(format!("hugo:{HTPASSWD_PASSWORD}"));
        self.secrets.add("_auth", basic.as_str());
        let npm = Npm::new(&base_url).await;
        let flag = format!("--{}/:_auth={basic}", base_url.trim_start_matches("http:"));
        let folder = npm.home().project(&package("plum", "1.0.0"));
        let _ = npm.run_in(&folder, &["publish", &flag]).await.assert_success();
    }

    /// `npm login` in the browser, and all that goes over the wire for it.
    pub(super) async fn logins_in_the_browser(&mut self) {
        let npm = Client::new(&NPM, self.main.base_url()).await;
        let folder = npm.home().work_folder();
        let login = ["login", "--browser=false"];
        let person = async |url: &str| log_in_with_browser(&mut self.secrets, url).await;
        let login = run_with_person(self.main.base_url(), &npm, &folder, &login, &[], person).await;
        let _ = login.assert_success();
        self.secrets.add("token of the browser", npm.home().token().unwrap());

        let begun = self.http().request(Method::POST, "/-/v1/login").send().await.assert_status(200).json();
        let address = |field: &str| begun[field].as_str().unwrap().to_owned();
        log_in_with_browser(&mut self.secrets, &address("loginUrl")).await;
        self.look_into_the_storage();
        let done = address("doneUrl");
        self.secrets.add("address of a poll", secret_of(&done));
        let poll = self.http().get(done.strip_prefix(self.main.base_url()).unwrap());
        let token = poll.send().await.assert_status(200).json()["token"].as_str().unwrap().to_owned();
        self.secrets.add("token of a poll", token);
    }

    /// Tokens that people and operators make, list, use for what they are not for, and revoke.
    pub(super) async fn tokens(&mut self) {
        let npm = Npm::with_token(self.main.base_url(), &self.last_of("token of adduser")).await;
        let create = [
            "token",
            "create",
            "--name=reader",
            "--packages=pear",
            "--packages-and-scopes-permission=read-only",
        ];
        let made =
            npm.run_answering(&create, &[Answer::secret("npm password:", PASSWORD)]).await.assert_success();
        let token = made.stdout.split_once("Created token ").unwrap().1.split_whitespace().next().unwrap();
        let token = self.secrets.add("granular token", token);
        let document = PublishDocument::new("pear", "1.0.1").build();
        let write = self.http().put("/pear").bearer(&token).json(&document);
        let _ = self.refused("a token that reads", write).await.assert_status(403);
        let listed = npm.run(&["token", "list", "--json"]).await.assert_success();
        self.places.add("list of tokens", listed.stdout);

        let storage = format!("file:{}", self.folder.path().join("storage").display());
        let made = run(&["token", "create", "ana", "--storage", &storage, "--name=ci", "--package=pear"]);
        assert!(made.status.success(), "{made:?}");
        let token = String::from_utf8(made.stdout).unwrap();
        let token = self.secrets.add("token of an operator", token.trim_end());
        self.places.add("what an operator is told beside it", made.stderr);
        let robot = Npm::with_token(self.main.base_url(), &token).await;
        publish(&robot, &package("pear", "1.1.0")).await;
        let _ = npm.run(&["token", "revoke", &self.last_of("granular token")]).await.assert_success();
        let again = format!("/-/npm/v1/tokens/token/{}", self.last_of("granular token"));
        let owner = self.last_of("token of adduser");
        let again = self.http().delete(&again).bearer(&owner);
        let _ = self.refused("a token that is revoked already", again).await;
    }

    /// A second factor: set up, wrong digits, right ones, recovery codes, in the browser; and a new password.
    pub(super) async fn second_factor(&mut self) {
        let token = self.last_of("token of adduser");
        let profile =
            |http: HttpClient, body: Value| http.request(Method::POST, PROFILE).bearer(&token).json(&body);
        let mode = json!({ "tfa": { "password": PASSWORD, "mode": "auth-and-writes" } });
        let begun = profile(self.http(), mode).send().await.assert_status(200).json();
        let app = Authenticator::scan(begun["tfa"].as_str().unwrap());
        let wrong = self.secrets.add("wrong digits at set-up", "918273");
        let _ = self.refused("set-up", profile(self.http(), json!({ "tfa": [wrong] }))).await;
        let digits = self.secrets.add("digits at set-up", app.digits_at(SystemClock.now()));
        let set_up = profile(self.http(), json!({ "tfa": [digits] })).send().await.assert_status(200).json();
        let codes: Vec<String> = serde_json::from_value(set_up["tfa"].clone()).unwrap();
        for code in &codes {
            self.secrets.add("recovery code", code.as_str());
        }

        let npm = Npm::with_token(self.main.base_url(), &token).await;
        let folder = npm.home().project(&package("pear", "1.2.0"));
        let wrong = self.secrets.add("wrong digits of a publish", "827364");
        let _ = npm.run_in(&folder, &["publish", &format!("--otp={wrong}")]).await.assert_failure();
        let digits = app.digits_at(SystemClock.now() + Duration::from_secs(30));
        let digits = self.secrets.add("digits of a publish", digits);
        let _ = npm.run_in(&folder, &["publish", &format!("--otp={digits}")]).await.assert_success();

        let document = PublishDocument::new("pear", "1.3.0").build();
        let write = || self.http().put("/pear").bearer(&token).json(&document);
        let asked = write().header("npm-auth-type", "web").send().await.assert_status(401).json();
        let address = |field: &str| asked[field].as_str().unwrap().to_owned();
        self.secrets.add("address of a page", secret_of(&address("authUrl")));
        self.secrets.add("address of a poll", secret_of(&address("doneUrl")));
        let browser = Browser::over_http();
        let page = browser.open(&address("authUrl")).await.assert_status(200);
        let page = browser.press(&page, "code", &[("code", "not-a-Quince-code")]).await.assert_status(401);
        self.secrets.add("wrong code in the browser", "not-a-Quince-code");
        self.places.add("error: a page", page.text().replace(secret_of(&address("authUrl")), ""));
        let _ = browser.press(&page, "code", &[("code", &codes[0])]).await.assert_status(303);
        self.look_into_the_storage();
        let poll = self.http().get(address("doneUrl").strip_prefix(self.main.base_url()).unwrap());
        let proof = poll.send().await.assert_status(200).json()["token"].as_str().unwrap().to_owned();
        self.secrets.add("proof of the browser", proof.as_str());
        let write = self.http().put("/pear").bearer(&token).json(&document);
        let _ = write.header("npm-otp", &proof).send().await.assert_status(201);

        self.secrets.add("new password", NEW_PASSWORD);
        let change = json!({ "password": { "old": PASSWORD, "new": NEW_PASSWORD } });
        let changed = profile(self.http(), change).header("npm-otp", &codes[1]).send().await;
        let _ = changed.assert_status(200);
        let login = self.http().put(&user_path("ana")).json(&account("ana", NEW_PASSWORD));
        let login = login.header("npm-otp", &codes[2]).send().await.assert_status(201);
        self.secrets.add("token of a login with a code", login.json()["token"].as_str().unwrap());
    }

    /// A user of GitHub at the second server: with a token of GitHub's, by pasting it, and in the browser.
    pub(super) async fn people_of_github(&mut self) {
        let base_url = self.second.base_url().to_owned();
        let personal = self.secrets.add("personal token", self.github.personal_token("Gina"));
        let npm = Npm::with_token(&base_url, &personal).await;
        assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "Gina\n");
        publish(&npm, &package("quince", "1.0.0")).await;
        let pasted = Npm::new(&base_url).await;
        let _ = pasted.login("gina", &personal).await.assert_success();
        self.secrets.add("token for a pasted one", token_of(&pasted));

        self.log_in_at_the_page_of("GitHub", &base_url).await;

        let _ = npm.run(&["whoami"]).await.assert_success();
        self.github.end_token(&personal);
        let gone = self.secrets.add("unknown personal token", "ghp_Quince0000000000000000000000000000000000");
        let asked = HttpClient::new(&base_url).get("/-/whoami").bearer(&gone);
        let _ = self.refused("a token that GitHub does not know", asked).await;
    }

    /// What people mistype is often close to what is right.
    pub(super) async fn things_that_are_wrong(&mut self) {
        for name in ["ana", "hugo", "nobody-at-all-of-that-name"] {
            let password = self.secrets.add("wrong password", format!("wrong-Quince-of-{name}"));
            let second = HttpClient::new(self.second.base_url());
            let login = second.put(&user_path(name)).json(&account(name, &password));
            let _ = self.refused(&format!("wrong password of {name}"), login).await;
            let basic = STANDARD.encode(format!("{name}:{password}"));
            let whoami = self.http().get("/-/whoami").header("authorization", &format!("Basic {basic}"));
            let _ = self.refused(&format!("wrong password of {name} each time"), whoami).await;
        }
        let forged = self.secrets.add("forged token", "npm_QuinceForged00000000000000000000000000");
        for (method, path) in [
            (Method::GET, "/-/whoami".to_owned()),
            (Method::PUT, "/pear".to_owned()),
            (Method::GET, PROFILE.to_owned()),
            (Method::PATCH, format!("/-/user/token/{forged}")),
            (Method::GET, format!("/-/npm/v1/tokens/token/{forged}")),
            (Method::GET, format!("/-/v1/login/1-{forged}")),
            (Method::POST, format!("/-/v1/login/{forged}")),
            (Method::GET, format!("/-/v1/done/1-{forged}")),
        ] {
            let request = self.http().request(method.clone(), &path).bearer(&forged);
            let _ = self.refused(&format!("{method} {}", path.replace(&forged, "…")), request).await;
        }
        for (what, authorization) in [
            ("Basic of a token", format!("Basic {}", STANDARD.encode(format!("{forged}:")))),
            ("no scheme", forged.clone()),
            ("another scheme", format!("Digest {forged}")),
        ] {
            let request = self.http().get("/-/whoami").header("authorization", &authorization);
            let _ = self.refused(what, request).await;
        }
        let body = format!("{{\"name\":\"ana\",\"password\":\"{NEW_PASSWORD}\",}}");
        let request = self.http().put(&user_path("ana")).body(body);
        let _ = self.refused("a password in what is no JSON", request).await;
        let body = json!({ "name": "ana", "password": [NEW_PASSWORD] });
        let request = self.http().put(&user_path("ana")).json(&body);
        let _ = self.refused("a password of another form", request).await;
    }

    /// What is no secret goes the same ways, so that the search has something to find.
    pub(super) async fn plant(&mut self) {
        let missing = self.http().get(&format!("/{PLANTED}"));
        let _ = self.refused("a package that is not there", missing).await;
        let token = self.last_of("token of htpasswd");
        let document = PublishDocument::new(PLANTED, "1.0.0").build();
        let second = HttpClient::new(self.second.base_url());
        let write = second.put(&format!("/{PLANTED}")).bearer(&token).json(&document);
        let _ = write.send().await.assert_status(201);
    }
}

/// Opens the page of a login, mistypes the password, and then does not.
async fn log_in_with_browser(secrets: &mut Secrets, url: &str) {
    secrets.add("address of a page", secret_of(url));
    let browser = Browser::over_http();
    let page = browser.open(url).await.assert_status(200);
    add_page(secrets, &page, "log-in");
    let wrong = secrets.add("wrong password in the browser", "mistyped-Quince");
    let page =
        browser.press(&page, "log-in", &[("name", "ana"), ("password", &wrong)]).await.assert_status(401);
    let right = [("name", "ana"), ("password", PASSWORD)];
    let _ = browser.press(&page, "log-in", &right).await.assert_status(303);
}
