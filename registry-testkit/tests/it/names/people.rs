use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use registry_core::auth::{
    AccountChange, AccountChanged, AuthError, AuthProvider, Credential, DeviceLogin, DevicePoll, Identified,
    LoggedIn, PasswordLogin, Principal, Profile, ProfileDetails, ProfileField, WebLogin,
};
use secrecy::{ExposeSecret as _, SecretString};
use url::{Url, form_urlencoded};

/// A provider with every way in. Every person has the password `PROVIDER NAME` and the bearer token `PROVIDER.NAME`; at its
/// pages, the `code` says who is there. All clones know the same people, as the replicas of a registry do.
#[derive(Debug, Clone)]
pub(super) struct People {
    id: &'static str,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Name → email address.
    people: BTreeMap<String, Option<String>>,
    /// Who entered the code of a terminal.
    entered: Option<String>,
    down: bool,
    changes: usize,
}

impl People {
    pub(super) fn new(id: &'static str, names: &[&str]) -> Self {
        let people = names.iter().map(|name| ((*name).to_owned(), None)).collect();
        let state = State { people, ..State::default() };
        Self { id, state: Arc::new(Mutex::new(state)) }
    }

    pub(super) fn as_provider(&self) -> Arc<dyn AuthProvider> {
        Arc::new(self.clone())
    }

    pub(super) fn add(&self, name: &str) {
        self.state().people.insert(name.to_owned(), None);
    }

    pub(super) fn remove(&self, name: &str) {
        self.state().people.remove(name);
    }

    pub(super) fn enter(&self, name: &str) {
        self.state().entered = Some(name.to_owned());
    }

    pub(super) fn set_down(&self, down: bool) {
        self.state().down = down;
    }

    pub(super) fn changes(&self) -> usize {
        self.state().changes
    }

    pub(super) fn password(&self, name: &str) -> String {
        format!("{} {name}", self.id)
    }

    pub(super) fn bearer(&self, name: &str) -> String {
        format!("{}.{name}", self.id)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn up(&self) -> Result<MutexGuard<'_, State>, AuthError> {
        let state = self.state();
        if state.down {
            let source = "it was told to be down".into();
            return Err(AuthError::Unavailable { provider: self.to_string(), source });
        }
        Ok(state)
    }

    fn principal(&self, name: &str) -> Principal {
        Principal::user(name).in_group(format!("{}:everybody", self.id))
    }

    fn person(&self, name: Option<&str>) -> Result<Identified, AuthError> {
        let state = self.up()?;
        let known = name.filter(|name| state.people.contains_key(*name));
        Ok(known.map_or(Identified::Rejected, |name| Identified::Principal(self.principal(name))))
    }
}

#[async_trait]
impl AuthProvider for People {
    fn id(&self) -> &'static str {
        self.id
    }

    async fn identify(&self, credential: &Credential) -> Result<Identified, AuthError> {
        match credential {
            Credential::Bearer(token) => {
                let name = token.expose_secret().strip_prefix(&format!("{}.", self.id));
                if name.is_some() { self.person(name) } else { Ok(Identified::NotMine) }
            }
            Credential::Basic { name, password } => {
                let login = PasswordLogin { name: name.clone(), password: password.clone(), email: None };
                Ok(match self.log_in(&login).await? {
                    LoggedIn::Principal(principal) => Identified::Principal(principal),
                    LoggedIn::WrongPassword => Identified::Rejected,
                    LoggedIn::NoSuchAccount => Identified::NotMine,
                })
            }
        }
    }

    async fn log_in(&self, login: &PasswordLogin) -> Result<LoggedIn, AuthError> {
        let state = self.up()?;
        Ok(if !state.people.contains_key(&login.name) {
            LoggedIn::NoSuchAccount
        } else if login.password.expose_secret() == self.password(&login.name) {
            LoggedIn::Principal(self.principal(&login.name))
        } else {
            LoggedIn::WrongPassword
        })
    }

    async fn look_up(&self, name: &str) -> Result<Option<Profile>, AuthError> {
        let state = self.up()?;
        Ok(state.people.get(name).map(|email| Profile {
            principal: self.principal(name),
            email: email.clone(),
            details: ProfileDetails::default(),
        }))
    }

    async fn has_name(&self, name: &str) -> Result<bool, AuthError> {
        let small = name.to_lowercase();
        Ok(self.up()?.people.keys().any(|known| known.to_lowercase() == small))
    }

    async fn change_account(&self, name: &str, change: &AccountChange) -> Result<AccountChanged, AuthError> {
        {
            let mut state = self.up()?;
            let Some(email) = state.people.get_mut(name) else { return Ok(AccountChanged::NotOffered) };
            for (field, text) in &change.fields {
                if *field == ProfileField::Email {
                    email.clone_from(text);
                }
            }
            state.changes += 1;
        }
        let profile = self.look_up(name).await?;
        Ok(profile.map_or(AccountChanged::NotOffered, AccountChanged::Profile))
    }

    async fn start_web_login(&self, callback: &Url) -> Result<Option<WebLogin>, AuthError> {
        let state = format!("state-of-{}", self.id);
        let mut url = Url::parse("https://provider.example/authorize").unwrap();
        url.query_pairs_mut().append_pair("redirect_uri", callback.as_str()).append_pair("state", &state);
        Ok(Some(WebLogin { url, state }))
    }

    async fn finish_web_login(&self, _: &str, query: &str) -> Result<Identified, AuthError> {
        let code = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "code");
        self.person(code.map(|(_, name)| name).as_deref())
    }

    async fn start_device_login(&self) -> Result<Option<DeviceLogin>, AuthError> {
        Ok(Some(DeviceLogin {
            url: Url::parse("https://provider.example/device").unwrap(),
            user_code: "WDJB".into(),
            interval: Duration::ZERO,
            expires_in: Duration::from_mins(10),
            state: "device".into(),
        }))
    }

    async fn poll_device_login(&self, _: &SecretString) -> Result<DevicePoll, AuthError> {
        let entered = self.state().entered.clone();
        self.person(entered.as_deref()).map(DevicePoll::Finished)
    }
}

impl fmt::Display for People {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the people of {}", self.id)
    }
}
