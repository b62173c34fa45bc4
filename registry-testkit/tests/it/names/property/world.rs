use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use registry_core::access::{AccessRules, RuleSettings};
use registry_core::accounts::TokenOptions;
use registry_core::auth::AuthProvider;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Operation};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::super::People;
use super::action::{Action, Way};
use super::entry::{Entry, LOCAL, Person, enter, holder_of, person_at, sign_up, whoami};

const NAMES: [&str; 5] = ["ana", "Ana", "ben", "BEN", "cleo"];

type Told = Result<(), String>;

/// The rules of a story, and whom they let publish `pear`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rules {
    /// Signed-in users, what they own.
    Owners,
    /// ana.
    Ana,
    /// Users of the provider `north`.
    North,
}

impl Rules {
    fn compile(self) -> AccessRules {
        let publish = match self {
            Self::Owners => "@authenticated",
            Self::Ana => "user:ana",
            Self::North => "group:north:everybody",
        };
        let rule = json!([{ "match": "**", "read": ["@all"], "publish": [publish] }]);
        AccessRules::compile(&serde_json::from_value::<Vec<RuleSettings>>(rule).unwrap()).unwrap()
    }
}

struct Token {
    secret: String,
    holder: Person,
}

pub(super) struct World {
    rules: Rules,
    replicas: [TestRegistry; 2],
    people: [People; 2],
    tokens: Vec<Token>,
    /// Name in small letters → whose it is, as the store has it.
    owners: BTreeMap<String, Person>,
    /// Who published `pear` first.
    publisher: Option<Person>,
    versions: usize,
}

impl World {
    /// Two replicas, which ask their providers in different orders.
    pub(super) async fn new(rules: Rules, orders: [usize; 2]) -> Self {
        let people = [People::new("north", &[]), People::new("south", &[])];
        let builder = |order: usize| {
            let [one, two]: [Arc<dyn AuthProvider>; 2] =
                [people[order % 2].as_provider(), people[(order + 1) % 2].as_provider()];
            let builder = TestRegistry::builder().access(rules.compile());
            match order / 2 {
                0 => builder.provider(one).provider(two),
                1 => builder.provider(one).last_provider(two),
                _ => builder.last_provider(one).last_provider(two),
            }
        };
        let first = builder(orders[0]).accounts(true).start().await;
        let second = builder(orders[1]).start_on(&first).await;
        for key in ["_accounts/ana.json", "_names/ana.json"] {
            first.remove(key).await;
        }
        Self {
            rules,
            replicas: [first, second],
            people,
            tokens: Vec::new(),
            owners: BTreeMap::new(),
            publisher: None,
            versions: 0,
        }
    }

    pub(super) async fn act(&mut self, action: Action) -> Told {
        let name = |name: usize| NAMES[name % NAMES.len()];
        // A user who failed may try again.
        self.replicas[0].clock().advance(Duration::from_mins(20));
        match action {
            Action::Hire { provider, name: new } => self.people[provider % 2].add(name(new)),
            Action::Dismiss { provider, name: old } => self.people[provider % 2].remove(name(old)),
            Action::Down { provider, down } => self.people[provider % 2].set_down(down),
            Action::Fault { put, before } => {
                let operation = if put { Operation::Put } else { Operation::Get };
                let fault = if before { Fault::BeforeEffect } else { Fault::AfterEffect };
                let store = self.replicas[0].store();
                store.fail_next_at(operation, |path| path.starts_with("_names/"), fault);
            }
            Action::SignUp { replica, name: new, at_page } => {
                let entry = sign_up(&self.replicas[replica % 2], name(new), at_page).await;
                self.check_entry(entry).await?;
            }
            Action::Enter { replica, provider, name: of, way } => {
                let person = person_at(provider, name(of));
                let could = self.could_enter(&person, way).await;
                let entry = enter(&self.replicas[replica % 2], self.of(&person.provider), person, way).await;
                // The store of the other replica may fail.
                if could && entry.entered.is_none() && replica % 2 == 1 {
                    return Err(format!(
                        "{:?} was not let in by {way:?}, and nothing was wrong",
                        entry.person
                    ));
                }
                self.check_entry(entry).await?;
            }
            Action::EnterTogether { name: of } => {
                let ways =
                    [(0, 0, Way::Bearer), (1, 1, Way::Page), (1, 2, Way::Terminal), (0, 1, Way::Basic)];
                let tries = ways.map(|(replica, provider, way)| {
                    let person = person_at(provider, name(of));
                    enter(&self.replicas[replica], self.of(&person.provider), person, way)
                });
                let sign_up = sign_up(&self.replicas[0], name(of), false);
                let (entries, signed_up) = futures::join!(join_all(tries), sign_up);
                for entry in entries.into_iter().chain([signed_up]) {
                    self.check_entry(entry).await?;
                }
            }
            Action::OperatorToken { replica, name: of } => {
                let registry = self.replicas[replica % 2].registry();
                let made = registry.create_operator_token(name(of), TokenOptions::default()).await;
                self.check_claims().await?;
                if let Ok(made) = made {
                    let secret = made.secret.expose_secret().to_owned();
                    let holder = holder_of(&self.replicas[0], &secret).await;
                    let owner = self.owners.get(&name(of).to_lowercase());
                    if owner != Some(&holder) {
                        return Err(format!("a token is made for {holder:?}, and the name is of {owner:?}"));
                    }
                    self.tokens.push(Token { secret, holder });
                    self.check_token(replica, self.tokens.len() - 1).await?;
                }
            }
            Action::UseToken { replica, token } => self.check_token(replica, token).await?,
            Action::Publish { replica, token } => self.publish(replica, token).await?,
            Action::ChangeMail { replica, token } => self.change_mail(replica, token).await?,
        }
        self.check_claims().await
    }

    fn of(&self, provider: &str) -> Option<&People> {
        self.people.iter().find(|people| people.bearer("").starts_with(provider))
    }

    async fn claims(&self) -> BTreeMap<String, Person> {
        let stored = self.replicas[0].stored().await;
        let claims = stored.iter().filter(|(key, _)| key.starts_with("_names/"));
        let text = |claim: &Value, field: &str| claim[field].as_str().unwrap().to_owned();
        claims
            .map(|(_, claim)| {
                let claim: Value = serde_json::from_slice(claim).unwrap();
                let person = Person { provider: text(&claim, "provider"), name: text(&claim, "name") };
                (person.name.to_lowercase(), person)
            })
            .collect()
    }

    /// What is claimed stays so.
    async fn check_claims(&mut self) -> Told {
        let now = self.claims().await;
        for (name, owner) in &self.owners {
            if now.get(name) != Some(owner) {
                return Err(format!("{name} was of {owner:?}, and is now of {:?}", now.get(name)));
            }
        }
        self.owners = now;
        Ok(())
    }

    /// A user who is let in owns the name under which they are.
    async fn check_entry(&mut self, entry: Entry) -> Told {
        self.check_claims().await?;
        let Some((name, token)) = entry.entered else { return Ok(()) };
        let owner = self.owners.get(&name.to_lowercase());
        if owner != Some(&entry.person) || name != entry.person.name {
            return Err(format!("{:?} is let in as {name}, which is of {owner:?}", entry.person));
        }
        self.tokens.extend(token.map(|secret| Token { secret, holder: entry.person }));
        Ok(())
    }

    async fn has_name(&self, provider: &str, name: &str) -> bool {
        if let Some(people) = self.of(provider) {
            !matches!(people.as_provider().has_name(name).await, Ok(false))
        } else {
            let key = format!("_accounts/{}.json", name.to_lowercase());
            self.replicas[0].stored().await.contains_key(&key)
        }
    }

    /// Whether this person is there, and nothing keeps them out.
    async fn could_enter(&self, person: &Person, way: Way) -> bool {
        let Some(people) = self.of(&person.provider) else { return false };
        if !matches!(people.as_provider().look_up(&person.name).await, Ok(Some(_))) {
            return false;
        }
        if !matches!(way, Way::Bearer | Way::Page) {
            return false;
        }
        if let Some(owner) = self.owners.get(&person.name.to_lowercase()) {
            return owner == person;
        }
        for other in ["north", "south", LOCAL] {
            if other != person.provider && self.has_name(other, &person.name).await {
                return false;
            }
        }
        true
    }

    fn token(&self, replica: usize, token: usize) -> Option<(TestClient, &Token)> {
        let token = self.tokens.get(token.checked_rem(self.tokens.len())?)?;
        Some((self.replicas[replica % 2].anonymous().with_token(&token.secret), token))
    }

    async fn check_token(&self, replica: usize, token: usize) -> Told {
        let Some((client, token)) = self.token(replica, token) else { return Ok(()) };
        let Some(name) = whoami(&client).await else { return Ok(()) };
        let owner = self.owners.get(&name.to_lowercase());
        if owner != Some(&token.holder) {
            return Err(format!("a token of {:?} is good for {name}, which is of {owner:?}", token.holder));
        }
        Ok(())
    }

    async fn publish(&mut self, replica: usize, token: usize) -> Told {
        let Some((client, token)) = self.token(replica, token) else { return Ok(()) };
        let holder = token.holder.clone();
        let version = format!("1.0.{}", self.versions);
        let published = client.publish(&PublishDocument::new("pear", &version)).await.status == 201;
        self.versions += 1;
        if !published {
            return Ok(());
        }
        let first = self.publisher.get_or_insert_with(|| holder.clone());
        let may = match self.rules {
            Rules::Owners => *first == holder,
            Rules::Ana => holder.name == "ana" && self.owners.get("ana") == Some(&holder),
            Rules::North => holder.provider == "north",
        };
        if may { Ok(()) } else { Err(format!("{holder:?} published what is of {first:?}")) }
    }

    /// A change goes to the provider that owns the account, and to no other.
    async fn change_mail(&mut self, replica: usize, token: usize) -> Told {
        let Some((client, token)) = self.token(replica, token) else { return Ok(()) };
        let before = self.mails().await;
        let mail = json!({ "email": format!("new-{}@registry.example", self.versions) });
        let _ = client.post("/-/npm/v1/user", &mail).await;
        let mut expected = self.mails().await;
        let key = (token.holder.provider.clone(), token.holder.name.clone());
        match before.get(&key) {
            Some(mail) => expected.insert(key, mail.clone()),
            None => expected.remove(&key),
        };
        if expected != before {
            return Err(format!("{:?} changed another account", token.holder));
        }
        self.versions += 1;
        Ok(())
    }

    /// Provider and name → what is stored of the account.
    async fn mails(&self) -> BTreeMap<(String, String), Option<String>> {
        let mut mails = BTreeMap::new();
        for people in &self.people {
            let provider = people.as_provider();
            for name in NAMES {
                if let Ok(Some(profile)) = provider.look_up(name).await {
                    mails.insert((provider.id().to_owned(), name.to_owned()), profile.email);
                }
            }
        }
        for (key, account) in self.replicas[0].stored().await {
            if let Some(name) = key.strip_prefix("_accounts/").and_then(|key| key.strip_suffix(".json")) {
                let account = String::from_utf8_lossy(&account).into_owned();
                mails.insert((LOCAL.to_owned(), name.to_owned()), Some(account));
            }
        }
        mails
    }
}
