//! GitHub as a provider of users, against a GitHub on this machine.

mod codebox_authorizer;
mod contract;
mod groups;
mod logins;
mod membership;
mod outages;
mod secrets;
mod tokens;

use std::sync::Arc;

use registry_core::auth::github::{Github, GithubApp, GithubError, GithubSettings};
use registry_core::auth::{AuthProvider as _, Credential, Identified, Principal};
use registry_core::storage::ObjectStoreBlobs;
use registry_testkit::fake_github::{CLIENT_ID, CLIENT_SECRET, FakeGithub};
use registry_testkit::{FixedClock, SeededRandomness, install_tls_provider};

/// What it takes to ask GitHub for `whoami` with a personal token for the first time.
const ASKED_OF_PERSONAL: [&str; 3] = ["GET /user", "GET /user/memberships/orgs", "GET /user/teams"];

/// A GitHub with `ana` in `Acme` and its team `platform`, and what a provider needs.
struct Ground {
    fake: FakeGithub,
    clock: Arc<FixedClock>,
    store: Arc<ObjectStoreBlobs>,
    settings: GithubSettings,
}

impl Ground {
    async fn new() -> Self {
        install_tls_provider();
        let fake = FakeGithub::start().await;
        fake.add_user("ana");
        fake.join("ana", "Acme");
        fake.join_team("ana", "Acme", "platform");
        let mut settings = GithubSettings::new(fake.url().clone());
        settings.app = Some(GithubApp { client_id: CLIENT_ID.into(), client_secret: CLIENT_SECRET.into() });
        settings.proxy_from_environment = false;
        let store = Arc::new(ObjectStoreBlobs::in_memory());
        Self { fake, clock: Arc::new(FixedClock::new()), store, settings }
    }

    /// The same where only those in these organizations are let in.
    fn restricted_to(mut self, organizations: &[&str]) -> Self {
        self.settings.restricted_organizations = organizations.iter().copied().map(Into::into).collect();
        self
    }

    /// A provider that remembers nothing yet, as in another process.
    fn provider(&self) -> Github {
        self.provider_with(self.settings.clone()).unwrap()
    }

    fn provider_with(&self, settings: GithubSettings) -> Result<Github, GithubError> {
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        Github::new(settings, store, clock, Arc::new(SeededRandomness::new(1)))
    }
}

fn bearer(token: &str) -> Credential {
    Credential::Bearer(token.into())
}

async fn identify(github: &Github, token: &str) -> Identified {
    github.identify(&bearer(token)).await.unwrap()
}

async fn principal(github: &Github, token: &str) -> Principal {
    match identify(github, token).await {
        Identified::Principal(principal) => principal,
        other => panic!("no user was identified: {other:?}"),
    }
}
