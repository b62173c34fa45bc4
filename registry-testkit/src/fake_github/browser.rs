use url::Url;

use super::world::Code;
use super::{CLIENT_ID, FakeGithub};

/// What people do at GitHub's pages.
impl FakeGithub {
    /// A user opens the page and agrees. Answers the query that their browser takes back to the callback.
    ///
    /// # Panics
    ///
    /// If GitHub would not have shown the page.
    pub fn agree(&self, page: &Url, login: &str) -> String {
        let value = |name| value_of(page, name);
        assert!(page.as_str().starts_with(self.url().as_str()), "another site's page: {page}");
        assert_eq!(page.path(), "/login/oauth/authorize");
        assert_eq!(value("client_id"), CLIENT_ID);
        assert_eq!(value("scope"), "read:org", "no more is asked for than is needed");
        assert_eq!(value("code_challenge_method"), "S256");
        let code = Code {
            login: login.to_owned(),
            challenge: value("code_challenge"),
            redirect_uri: value("redirect_uri"),
        };
        let text = self.world(|world| {
            let text = world.make("code");
            world.codes.insert(text.clone(), code);
            text
        });
        format!("code={text}&state={}", value("state"))
    }

    /// A user opens the page and refuses. Answers the query that their browser takes back to the callback.
    pub fn refuse(&self, page: &Url) -> String {
        let state = value_of(page, "state");
        format!("error=access_denied&error_description=The+user+has+denied+access&state={state}")
    }

    /// A user types the code that a terminal shows; `None` in place of a login refuses.
    ///
    /// # Panics
    ///
    /// If no terminal shows that code.
    pub fn type_code(&self, user_code: &str, login: Option<&str>) {
        self.world(|world| {
            let device = world.devices.values_mut().find(|device| device.user_code == user_code);
            let Some(device) = device else { panic!("no terminal shows {user_code}") };
            device.typed = Some(login.map(str::to_owned).ok_or(()));
        });
    }

    /// The next poll of every terminal is too early.
    pub fn slow_down(&self) {
        self.world(|world| world.devices.values_mut().for_each(|device| device.must_slow_down = true));
    }
}

fn value_of(page: &Url, name: &str) -> String {
    let value = page.query_pairs().find(|(key, _)| key == name);
    value.unwrap_or_else(|| panic!("the page needs a {name}: {page}")).1.into_owned()
}
