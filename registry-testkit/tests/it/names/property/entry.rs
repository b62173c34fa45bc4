//! The ways in: who tries, and as whom they are let in.

use base64::Engine as _;
use http::Request;
use registry_core::Body;
use registry_testkit::http_client::TestResponse;
use registry_testkit::test_registry::TestClient;
use registry_testkit::{Browser, TestRegistry};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::ways_in::{begin, log_in_at};
use super::super::{People, log_in};
use super::action::Way;

/// The provider of the registry's own accounts.
pub(super) const LOCAL: &str = "local";

/// A provider and a name that it has: a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) provider: String,
    pub(super) name: String,
}

/// What a user tries, and what comes of it.
pub(super) struct Entry {
    pub(super) person: Person,
    /// As whom they are let in, if at all; with the token, where they get one.
    pub(super) entered: Option<(String, Option<String>)>,
}

pub(super) async fn sign_up(registry: &TestRegistry, name: &str, at_page: bool) -> Entry {
    let person = Person { provider: LOCAL.to_owned(), name: name.to_owned() };
    let password = local_password(name);
    if !at_page {
        let answer = log_in(registry, name, &password).await;
        return Entry { person, entered: entered(registry, &answer).await };
    }
    let client = registry.anonymous();
    let (page, done) = begin(&client).await;
    let browser = Browser::in_process(registry.anonymous());
    let opened = browser.open(&page).await;
    let fields = [("name", name), ("password", &*password), ("email", "x@registry.example")];
    let _ = browser.press(&opened, "sign-up", &fields).await;
    let polled = client.get(&done).await;
    Entry { person, entered: entered(registry, &polled).await }
}

fn local_password(name: &str) -> String {
    format!("a long password of {name}")
}

pub(super) async fn whoami(client: &TestClient) -> Option<String> {
    let answer = client.get("/-/whoami").await;
    (answer.status == 200).then(|| answer.json()["username"].as_str().unwrap().to_owned())
}

/// As whom a login let a user in, and the token.
async fn entered(registry: &TestRegistry, answer: &TestResponse) -> Option<(String, Option<String>)> {
    if !matches!(answer.status.as_u16(), 200 | 201) {
        return None;
    }
    let token = answer.json()["token"].as_str()?.to_owned();
    let name = whoami(&registry.anonymous().with_token(&token)).await?;
    Some((name, Some(token)))
}

pub(super) async fn enter(
    registry: &TestRegistry,
    people: Option<&People>,
    person: Person,
    way: Way,
) -> Entry {
    let name = person.name.as_str();
    let password = people.map_or_else(|| local_password(name), |people| people.password(name));
    let entered = match (way, people) {
        (Way::Bearer, Some(people)) => {
            let client = registry.anonymous().with_token(&people.bearer(name));
            whoami(&client).await.map(|name| (name, None))
        }
        (Way::Page, Some(people)) => {
            let (_, _, polled) = log_in_at(registry, people.as_provider().id(), name).await;
            entered(registry, &polled).await
        }
        (Way::Device, Some(people)) => return by_device(registry, people, person).await,
        (Way::Basic, _) => whoami_by_password(registry, name, &password).await.map(|name| (name, None)),
        // Who is not there would make a local account of that password.
        (Way::Terminal, Some(people)) if !matches!(people.as_provider().look_up(name).await, Ok(Some(_))) => {
            None
        }
        _ => {
            let answer = log_in(registry, name, &password).await;
            let entered = entered(registry, &answer).await;
            return match &entered {
                Some((_, Some(token))) => Entry { person: holder_of(registry, token).await, entered },
                _ => Entry { person, entered: None },
            };
        }
    };
    Entry { person, entered }
}

/// Logs in with a code. It is of the first provider with a page for codes, which need not be theirs, and where a person of
/// this name may have entered another one before.
async fn by_device(registry: &TestRegistry, people: &People, person: Person) -> Entry {
    let rejected = |person: Person| Entry { person, entered: None };
    let asked = log_in(registry, &person.name, "device").await;
    let digits = asked.header("npm-notice").and_then(|notice| notice.rsplit_once(" enter "));
    let Some(digits) = digits.and_then(|(_, digits)| digits.strip_suffix(" here.")) else {
        return rejected(person);
    };
    people.enter(&person.name);
    let terminal = registry.anonymous().with_one_time_password(digits);
    let document = json!({ "name": person.name, "password": "device" });
    let answer = terminal.put(&format!("/-/user/org.couchdb.user:{}", person.name), &document).await;
    let Some((name, Some(token))) = entered(registry, &answer).await else { return rejected(person) };
    Entry { person: holder_of(registry, &token).await, entered: Some((name, Some(token))) }
}

async fn whoami_by_password(registry: &TestRegistry, name: &str, password: &str) -> Option<String> {
    let shown = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    let request = Request::builder().uri("/-/whoami").header("authorization", format!("Basic {shown}"));
    let answer = registry.anonymous().send(request.body(Body::empty()).unwrap()).await;
    (answer.status == 200).then(|| answer.json()["username"].as_str().unwrap().to_owned())
}

/// Whose a token is, as the store has it.
pub(super) async fn holder_of(registry: &TestRegistry, token: &str) -> Person {
    let key = format!("_tokens/{}.json", const_hex::encode(Sha256::digest(token)));
    let record: Value = serde_json::from_slice(&registry.stored().await[&key]).unwrap();
    let text = |field: &str| record[field].as_str().unwrap().to_owned();
    Person { provider: text("provider"), name: text("account") }
}

pub(super) fn person_at(provider: usize, name: &str) -> Person {
    let provider = ["north", "south", LOCAL][provider % 3].to_owned();
    Person { provider, name: name.to_owned() }
}
