//! Every place that compares a secret which could be guessed, each with many guesses at once: after a few there is a
//! 429 that says for how long to wait, and the right secret is taken after that wait.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use registry_core::Body;
use registry_core::clock::Clock as _;
use registry_testkit::http_client::TestResponse;
use registry_testkit::test_registry::{PASSWORD, TestClient};
use registry_testkit::{Authenticator, Browser, Page, TestRegistry};
use serde_json::{Value, json};

use super::Begun;

const ANA: &str = "/-/user/org.couchdb.user:ana";
const PROFILE: &str = "/-/npm/v1/user";
const TOKENS: &str = "/-/npm/v1/tokens";

/// Connections that guess at the same time.
const AT_ONCE: usize = 24;
/// Guesses on each of them.
const TRIES: usize = 4;
/// Wrong guesses at one account from one address that are checked before the first wait.
const FREE: usize = 5;

/// A place where a secret is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    LegacyLogin,
    LegacyLoginAfterConflict,
    BasicOnEachRequest,
    FormOfTheWebLogin,
    FormForANameThatIsTaken,
    OldPasswordOfANewOne,
    PasswordToMakeAToken,
    PasswordToEnableTheSecondFactor,
    PasswordToDisableTheSecondFactor,
    CodeThatConfirmsTheSecondFactor,
    CodeAtTheLegacyLogin,
    CodeOfTheWebLogin,
    CodeOnAChangeOfTheAccount,
    CodeOnEachRequestWithAPassword,
    RecoveryCode,
    DigitsOfATerminal,
}

const DOORS: [Door; 16] = [
    Door::LegacyLogin,
    Door::LegacyLoginAfterConflict,
    Door::BasicOnEachRequest,
    Door::FormOfTheWebLogin,
    Door::FormForANameThatIsTaken,
    Door::OldPasswordOfANewOne,
    Door::PasswordToMakeAToken,
    Door::PasswordToEnableTheSecondFactor,
    Door::PasswordToDisableTheSecondFactor,
    Door::CodeThatConfirmsTheSecondFactor,
    Door::CodeAtTheLegacyLogin,
    Door::CodeOfTheWebLogin,
    Door::CodeOnAChangeOfTheAccount,
    Door::CodeOnEachRequestWithAPassword,
    Door::RecoveryCode,
    Door::DigitsOfATerminal,
];

impl Door {
    /// A wrong secret of the kind that is compared here.
    fn wrong_secret(self, number: usize) -> String {
        match self {
            Self::RecoveryCode => format!("{number:064x}"),
            Self::DigitsOfATerminal => format!("{number:012}"),
            door if door.takes_a_code() => format!("{number:06}"),
            _ => format!("purple guess {number}"),
        }
    }

    fn takes_a_code(self) -> bool {
        matches!(
            self,
            Self::CodeThatConfirmsTheSecondFactor
                | Self::CodeAtTheLegacyLogin
                | Self::CodeOfTheWebLogin
                | Self::CodeOnAChangeOfTheAccount
                | Self::CodeOnEachRequestWithAPassword
        )
    }

    fn needs_a_second_factor(self) -> bool {
        (self.takes_a_code() && self != Self::CodeThatConfirmsTheSecondFactor) || self == Self::RecoveryCode
    }

    fn is_a_form(self) -> bool {
        matches!(self, Self::FormOfTheWebLogin | Self::FormForANameThatIsTaken | Self::CodeOfTheWebLogin)
    }
}

/// The registry that is guessed at, and what the guesser holds already.
struct Ground {
    registry: TestRegistry,
    ana: TestClient,
    app: Option<Authenticator>,
}

impl Ground {
    async fn of(door: Door) -> Self {
        let registry = TestRegistry::new().await;
        let ana = registry.ana().from_address("192.0.2.1".parse().unwrap());
        let mut ground = Self { registry, ana, app: None };
        if door.needs_a_second_factor() || door == Door::CodeThatConfirmsTheSecondFactor {
            let begun = ground.ana.post(PROFILE, &two_factor(PASSWORD, "auth-only")).await.assert_status(200);
            ground.app = Some(Authenticator::scan(begun.json()["tfa"].as_str().unwrap()));
        }
        if door.needs_a_second_factor() {
            let confirm = json!({ "tfa": [ground.digits()] });
            let _ = ground.ana.post(PROFILE, &confirm).await.assert_status(200);
        }
        ground.registry.clock().advance(Duration::from_mins(5));
        ground
    }

    fn digits(&self) -> String {
        self.app.as_ref().unwrap().digits_at(self.registry.clock().now())
    }

    /// An attacker who guesses, with a page of their own where one is guessed at.
    async fn guesser(&self, door: Door) -> Guesser {
        let stranger = self.registry.anonymous().from_address("192.0.2.1".parse().unwrap());
        let mut guesser = Guesser { door, ana: self.ana.clone(), stranger, form: None };
        if door.is_a_form() {
            let begun = Begun::at(&guesser.stranger).await;
            let browser = Browser::in_process(guesser.stranger.clone());
            let mut page = browser.open(&begun.page).await;
            if door == Door::CodeOfTheWebLogin {
                let pressed = browser.press(&page, "log-in", &super::ANA).await.assert_status(303);
                page = browser.follow(&pressed).await;
            }
            guesser.form = Some((browser, page));
        }
        guesser
    }
}

struct Guesser {
    door: Door,
    ana: TestClient,
    stranger: TestClient,
    form: Option<(Browser, Page)>,
}

impl Guesser {
    async fn guess(&self, secret: &str) -> TestResponse {
        let new_token = |password: &str| json!({ "name": "ci", "password": password });
        match self.door {
            Door::LegacyLogin => self.stranger.put(ANA, &login(secret)).await,
            Door::LegacyLoginAfterConflict => {
                self.stranger.put(&format!("{ANA}/-rev/1-0"), &login(secret)).await
            }
            Door::BasicOnEachRequest => basic(&self.stranger, secret).await,
            Door::FormOfTheWebLogin => self.press("log-in", &[("name", "ana"), ("password", secret)]).await,
            Door::FormForANameThatIsTaken => {
                self.press("sign-up", &[("name", "ana"), ("password", secret)]).await
            }
            Door::OldPasswordOfANewOne => {
                let change = json!({ "password": { "old": secret, "new": "copper lantern 88" } });
                self.ana.post(PROFILE, &change).await
            }
            Door::PasswordToMakeAToken => self.ana.post(TOKENS, &new_token(secret)).await,
            Door::PasswordToEnableTheSecondFactor => {
                self.ana.post(PROFILE, &two_factor(secret, "auth-only")).await
            }
            Door::PasswordToDisableTheSecondFactor => {
                self.ana.post(PROFILE, &two_factor(secret, "disable")).await
            }
            Door::CodeThatConfirmsTheSecondFactor => {
                self.ana.post(PROFILE, &json!({ "tfa": [secret] })).await
            }
            Door::CodeAtTheLegacyLogin => {
                self.stranger.with_one_time_password(secret).put(ANA, &login(PASSWORD)).await
            }
            Door::CodeOfTheWebLogin => self.press("code", &[("code", secret)]).await,
            Door::CodeOnAChangeOfTheAccount | Door::RecoveryCode => {
                self.ana.with_one_time_password(secret).post(TOKENS, &new_token(PASSWORD)).await
            }
            Door::CodeOnEachRequestWithAPassword => {
                basic(&self.stranger.with_one_time_password(secret), PASSWORD).await
            }
            Door::DigitsOfATerminal => {
                self.stranger.with_one_time_password(secret).put(ANA, &login("device")).await
            }
        }
    }

    async fn press(&self, step: &str, fields: &[(&str, &str)]) -> TestResponse {
        let (browser, page) = self.form.as_ref().unwrap();
        browser.press(page, step, fields).await.response
    }
}

fn login(password: &str) -> Value {
    json!({ "name": "ana", "password": password })
}

fn two_factor(password: &str, mode: &str) -> Value {
    json!({ "tfa": { "password": password, "mode": mode } })
}

async fn basic(client: &TestClient, password: &str) -> TestResponse {
    basic_of(client, "ana", password).await
}

/// A request with name and password.
pub(super) async fn basic_of(client: &TestClient, name: &str, password: &str) -> TestResponse {
    let credential = STANDARD.encode(format!("{name}:{password}"));
    let request = Request::get("/-/whoami").header("authorization", format!("Basic {credential}"));
    client.send(request.body(Body::empty()).unwrap()).await
}

/// Guesses on many connections at once, and answers how many guesses were checked.
async fn guess_at_once(ground: &Ground, door: Door, secret: impl Fn(usize) -> String) -> usize {
    let mut guessers = Vec::new();
    for _ in 0..AT_ONCE {
        guessers.push(ground.guesser(door).await);
    }
    let tasks: Vec<_> = guessers
        .into_iter()
        .enumerate()
        .map(|(at, guesser)| {
            let secrets: Vec<String> = (0..TRIES).map(|number| secret(at * TRIES + number)).collect();
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for secret in secrets {
                    answers.push(guesser.guess(&secret).await);
                }
                answers
            })
        })
        .collect();
    let mut checked = 0;
    let mut refused = 0;
    for task in tasks {
        for answer in task.await.unwrap() {
            if answer.status == 429 {
                refused += 1;
                let wait = answer.header("retry-after").unwrap_or_else(|| panic!("{door:?}: {answer:?}"));
                assert!((1..=2).contains(&wait.parse::<u64>().unwrap()), "{door:?}: {wait}");
            } else {
                assert!(matches!(answer.status.as_u16(), 400 | 401), "{door:?}: {answer:?}");
                checked += 1;
            }
        }
    }
    assert_eq!(checked + refused, AT_ONCE * TRIES);
    checked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_guess_counts_before_it_is_checked() {
    for door in DOORS {
        let ground = Ground::of(door).await;
        let checked = guess_at_once(&ground, door, |_| door.wrong_secret(0)).await;
        assert!((1..=FREE).contains(&checked), "{door:?}: one secret was checked {checked} times");
        let ground = Ground::of(door).await;
        let checked = guess_at_once(&ground, door, |number| door.wrong_secret(number)).await;
        assert!((1..=FREE).contains(&checked), "{door:?}: {checked} secrets were checked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_holder_gets_in_after_the_wait_and_from_elsewhere_at_once() {
    for door in [Door::LegacyLogin, Door::BasicOnEachRequest, Door::FormOfTheWebLogin] {
        let ground = Ground::of(door).await;
        guess_at_once(&ground, door, |number| door.wrong_secret(number)).await;
        let _ = ground.guesser(door).await.guess(PASSWORD).await.assert_status(429);
        let elsewhere = ground.registry.anonymous().from_address("198.51.100.1".parse().unwrap());
        let _ = basic(&elsewhere, PASSWORD).await.assert_status(200);
        ground.registry.clock().advance(Duration::from_secs(2));
        let answer = ground.guesser(door).await.guess(PASSWORD).await;
        assert!(matches!(answer.status.as_u16(), 200 | 201 | 303), "{door:?}: {answer:?}");
    }
}
