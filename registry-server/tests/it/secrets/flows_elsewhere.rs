//! Logins that go on at other pages, builds without a stored token, and versions that wait for a person.

use http::Method;
use registry_core::clock::{Clock as _, SystemClock};
use registry_testkit::Browser;
use registry_testkit::clients::Npm;
use registry_testkit::fake_issuer::{self, github_claims};
use registry_testkit::http_client::{HttpClient, TestRequest};
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::Ground;
use super::flows::secret_of;
use crate::support::{account, user_path};

/// What a trusted build is.
const BUILD: &str = "publish.yml";

/// The part of a signed token that proves anything: what it says is no secret.
fn signature_of(token: &str) -> &str {
    token.rsplit('.').next().unwrap()
}

impl Ground {
    /// A user logs in at a page of `GitHub` or of `the issuer`, and all that goes over the wire for it. What the
    /// registry must keep until it is over is looked for in what is kept until then.
    pub(super) async fn log_in_at_the_page_of(&mut self, whose: &str, base_url: &str) {
        let http = HttpClient::new(base_url);
        let begun = http.request(Method::POST, "/-/v1/login").send().await.assert_status(200).json();
        let url = begun["loginUrl"].as_str().unwrap();
        self.secrets.add("address of a page", secret_of(url));
        let browser = Browser::over_http();
        let page = browser.open(url).await.assert_status(200);
        let left = browser.press(&page, "provider", &[]).await.assert_status(303);
        let at_provider = Url::parse(left.location()).unwrap();
        let (_, back) = at_provider.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap();
        let query = self.agree(whose, &at_provider);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let kept = if name == "state" { &mut self.kept_for_a_while } else { &mut self.secrets };
            kept.add(&format!("{name} of {whose}"), value);
        }
        self.look_into_the_storage();
        let _ = browser.open(&format!("{back}?{query}")).await.assert_status(303);
        let done = begun["doneUrl"].as_str().unwrap().strip_prefix(base_url).unwrap();
        let polled = http.get(done).send().await.assert_status(200).json();
        self.secrets.add(&format!("token after the page of {whose}"), polled["token"].as_str().unwrap());
        self.take_secrets_of(whose);
    }

    fn agree(&self, whose: &str, page: &Url) -> String {
        if whose == "GitHub" {
            return self.github.agree(page, "Gina");
        }
        let now = SystemClock.now().timestamp();
        let claims = json!({
            "iss": self.issuer.url(), "aud": fake_issuer::CLIENT_ID, "sub": "subject-of-olga", "iat": now,
            "exp": now + 300, "preferred_username": "olga",
        });
        self.issuer.sign_in(page, claims)
    }

    fn take_secrets_of(&mut self, whose: &str) {
        let taken = if whose == "GitHub" { self.github.take_secrets() } else { self.issuer.take_secrets() };
        for (what, secret) in taken {
            let what = format!("{what} of {whose}");
            if what.starts_with("verifier") || what.starts_with("device code") {
                self.kept_for_a_while.add(&what, secret);
            } else {
                self.secrets.add(&what, signature_of(&secret));
            }
        }
    }

    /// A version that waits for ana.
    pub(super) async fn staging(&self) {
        let (token, code) = (self.last_of("token of a login with a code"), self.last_of("recovery code"));
        let ask = |method, path: &str| self.http().request(method, path).bearer(&token);
        let document = PublishDocument::new("pear", "1.4.0").build();
        let staged = ask(Method::POST, "/-/stage/package/pear").json(&document).send().await;
        let id = staged.assert_status(201).json()["stageId"].as_str().unwrap().to_owned();
        for path in ["/-/stage".to_owned(), format!("/-/stage/{id}"), format!("/-/stage/{id}/tarball")] {
            let _ = ask(Method::GET, &path).send().await.assert_status(200);
        }
        let approve = || ask(Method::POST, &format!("/-/stage/{id}/approve"));
        let _ = approve().send().await.assert_status(401);
        let _ = approve().header("npm-otp", &code).send().await.assert_status(201);
        let _ = ask(Method::GET, "/pear/1.4.0").send().await.assert_status(200);
    }

    /// A user of GitHub at a terminal, who enters a code on another device.
    pub(super) async fn a_terminal_without_a_browser(&mut self) {
        let base_url = self.second.base_url().to_owned();
        let log_in = || HttpClient::new(&base_url).put(&user_path("Gina")).json(&account("Gina", "device"));
        let asked = log_in().send().await.assert_status(401);
        let notice = asked.header("npm-notice").unwrap().to_owned();
        let after = |words: &str| notice.split_once(words).unwrap().1.split_whitespace().next().unwrap();
        let digits = self.secrets.add("digits of a terminal", after("you are done, enter "));
        self.look_into_the_storage();
        let wrong = self.secrets.add("wrong digits of a terminal", "615243948271");
        let _ = self.refused("digits of no terminal", log_in().header("npm-otp", &wrong)).await;
        self.github.type_code(after("enter the code "), Some("Gina"));
        let logged_in = log_in().header("npm-otp", &digits).send().await.assert_status(201).json();
        self.secrets.add("token of a terminal", logged_in["token"].as_str().unwrap());
        self.take_secrets_of("GitHub");
    }

    /// A user of an issuer of OpenID Connect at the third server, with the browser and with npm.
    pub(super) async fn people_of_an_issuer(&mut self) {
        let base_url = self.third.base_url().to_owned();
        self.log_in_at_the_page_of("the issuer", &base_url).await;
        let npm = Npm::with_token(&base_url, &self.last_of("token after the page of the issuer")).await;
        assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "olga\n");
    }

    /// A build that exchanges its identity for a token, and others that are refused.
    pub(super) async fn builds(&mut self) {
        let http = HttpClient::new(self.third.base_url());
        let olga = self.last_of("token after the page of the issuer");
        let publish = |version: &str, token: &str| {
            let document = PublishDocument::new("@olga/fig", version).build();
            http.put("/@olga%2ffig").bearer(token).json(&document)
        };
        let _ = publish("1.0.0", &olga).send().await.assert_status(201);
        let trust = json!([{
            "type": "github", "permissions": ["createPackage"],
            "claims": { "repository": "olga/fig", "workflow_ref": { "file": BUILD } },
        }]);
        let path = "/-/package/@olga%2ffig/trust";
        let _ = http.request(Method::POST, path).bearer(&olga).json(&trust).send().await.assert_status(201);

        let identity = self.issuer.sign(&self.build());
        self.secrets.add("identity of a build", signature_of(&identity));
        let exchanged = self.exchange(&identity).send().await.assert_status(201).json();
        let token = self.secrets.add("token of a build", exchanged["token"].as_str().unwrap());
        let _ = publish("1.1.0", &token).send().await.assert_status(201);
        let _ = self.refused("an identity that was exchanged", self.exchange(&identity)).await;
        let other = http.put("/@olga%2fplum").bearer(&token);
        let other = other.json(&PublishDocument::new("@olga/plum", "1.0.0").build());
        let _ = self.refused("a build that publishes what it may not", other).await;

        let with = |claim: &str, value: Value| {
            let mut claims = self.build();
            claims["jti"] = "another".into();
            claims[claim] = value;
            claims
        };
        let forged = format!("{}{}", identity.rsplit_once('.').unwrap().0, ".Quince0forged0signature0Quince");
        let bad = [
            ("one that is not its issuer's", forged),
            ("one for another registry", self.issuer.sign(&with("aud", json!("npm:other.example")))),
            ("one that has expired", self.issuer.sign(&with("exp", json!(1)))),
            ("one of another build", self.issuer.sign(&with("repository", json!("eve/fig")))),
        ];
        for (what, identity) in bad {
            self.secrets.add("bad identity of a build", signature_of(&identity));
            let _ = self.refused(what, self.exchange(&identity)).await.assert_status(401);
            // Where it is no token at all, no output repeats it either.
            let whoami = HttpClient::new(self.third.base_url()).get("/-/whoami").bearer(&identity);
            let _ = self.refused(&format!("{what} as a token"), whoami).await.assert_status(401);
        }
        let _ = self
            .refused("one without a signature", self.exchange(&self.issuer.unsigned(&self.build())))
            .await;
    }

    fn build(&self) -> Value {
        github_claims(self.issuer.url(), "olga/fig", BUILD, "npm:127.0.0.1", SystemClock.now())
    }

    fn exchange(&self, identity: &str) -> TestRequest {
        let http = HttpClient::new(self.third.base_url());
        http.request(Method::POST, "/-/npm/v1/oidc/token/exchange/package/@olga%2ffig").bearer(identity)
    }
}
