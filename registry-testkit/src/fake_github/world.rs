use std::collections::BTreeMap;

use super::FakeGithub;

/// What a fake GitHub knows.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) users: BTreeMap<String, User>,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) codes: BTreeMap<String, Code>,
    pub(super) devices: BTreeMap<String, Device>,
    pub(super) page_size: Option<usize>,
    made: u64,
    pub(super) secrets: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) login: String,
    pub(super) email: Option<String>,
    /// By name: `active` or `pending`.
    pub(super) organizations: Vec<(String, &'static str)>,
    pub(super) teams: Vec<Team>,
}

#[derive(Debug)]
pub(super) struct Team {
    pub(super) organization: String,
    pub(super) slug: String,
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) login: String,
    pub(super) scopes: Vec<String>,
    /// Whether it was made for [`CLIENT_ID`](super::CLIENT_ID).
    pub(super) is_of_our_app: bool,
}

/// A code that a login in the browser ended with.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) login: String,
    pub(super) challenge: String,
    pub(super) redirect_uri: String,
}

/// A login at a terminal.
#[derive(Debug, Default)]
pub(super) struct Device {
    pub(super) user_code: String,
    /// Who typed the code; `Err` if they refused.
    pub(super) typed: Option<Result<String, ()>>,
    pub(super) must_slow_down: bool,
}

impl World {
    /// A text that was never made before.
    pub(super) fn make(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}{:036}", self.made)
    }

    pub(super) fn make_token(&mut self, prefix: &str, token: Token) -> String {
        let text = self.make(prefix);
        self.tokens.insert(text.clone(), token);
        text
    }

    fn user(&mut self, login: &str) -> &mut User {
        match self.users.get_mut(login) {
            Some(user) => user,
            None => panic!("no user is called {login} at the fake GitHub: add_user first"),
        }
    }
}

/// A number for a name, always the same.
pub(super) fn id_of(name: &str) -> u64 {
    name.bytes().fold(7, |id, byte| id * 31 % 1_000_003 + u64::from(byte))
}

/// Who there is, and where they belong.
impl FakeGithub {
    /// Adds a user, whom capitals in the login do not tell from another. Their email address is public.
    pub fn add_user(&self, login: &str) {
        self.world(|world| {
            let id = 1000 + world.users.len() as u64;
            let email = Some(format!("{login}@mail.example"));
            let user =
                User { id, login: login.to_owned(), email, organizations: Vec::new(), teams: Vec::new() };
            world.users.insert(login.to_owned(), user);
        });
    }

    /// The user gives up the login, and another user takes it. The tokens of the first user are gone.
    pub fn give_login_to_another(&self, login: &str) {
        self.world(|world| {
            world.tokens.retain(|_, token| token.login != login);
            world.user(login).id += 1_000_000;
        });
    }

    /// Makes a user an active member of an organization.
    pub fn join(&self, login: &str, organization: &str) {
        self.world(|world| world.user(login).organizations.push((organization.to_owned(), "active")));
    }

    /// Invites a user to an organization, which makes them no member yet.
    pub fn invite(&self, login: &str, organization: &str) {
        self.world(|world| world.user(login).organizations.push((organization.to_owned(), "pending")));
    }

    /// Takes a user out of an organization and of its teams.
    pub fn leave(&self, login: &str, organization: &str) {
        self.world(|world| {
            let user = world.user(login);
            user.organizations.retain(|(name, _)| name != organization);
            user.teams.retain(|team| team.organization != organization);
        });
    }

    /// Puts a user into a team.
    pub fn join_team(&self, login: &str, organization: &str, slug: &str) {
        let team = Team { organization: organization.to_owned(), slug: slug.to_owned() };
        self.world(|world| world.user(login).teams.push(team));
    }

    /// A classic personal token that may read organizations.
    pub fn personal_token(&self, login: &str) -> String {
        self.token(login, "ghp_", &["read:org"], false)
    }

    /// A classic personal token without any scope.
    pub fn token_without_scopes(&self, login: &str) -> String {
        self.token(login, "ghp_", &[], false)
    }

    /// A fine-grained personal token that may read members.
    pub fn fine_grained_token(&self, login: &str) -> String {
        self.token(login, "github_pat_", &["read:org"], false)
    }

    /// A token that the user gave to the OAuth app [`CLIENT_ID`](super::CLIENT_ID).
    pub fn app_token(&self, login: &str) -> String {
        self.token(login, "gho_", &["read:org"], true)
    }

    /// A token that the user gave to another app: `gho_` of an OAuth app, `ghu_` of a GitHub App.
    pub fn token_of_another_app(&self, login: &str, prefix: &str) -> String {
        self.token(login, prefix, &["read:org"], false)
    }

    /// Ends a token.
    pub fn end_token(&self, token: &str) {
        self.world(|world| world.tokens.remove(token));
    }

    /// Whether a token is good.
    pub fn knows_token(&self, token: &str) -> bool {
        self.world(|world| world.tokens.contains_key(token))
    }

    /// How many tokens of the OAuth app are good.
    pub fn app_tokens(&self) -> usize {
        self.world(|world| world.tokens.values().filter(|token| token.is_of_our_app).count())
    }

    /// Gives lists in pages of this many, however many are asked for.
    pub fn set_page_size(&self, items: usize) {
        self.world(|world| world.page_size = Some(items));
    }

    fn token(&self, login: &str, prefix: &str, scopes: &[&str], is_of_our_app: bool) -> String {
        let scopes = scopes.iter().copied().map(str::to_owned).collect();
        self.world(|world| {
            let login = world.user(login).login.clone();
            world.make_token(prefix, Token { login, scopes, is_of_our_app })
        })
    }
}
