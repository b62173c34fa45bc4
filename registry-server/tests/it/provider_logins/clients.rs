use registry_testkit::Browser;
use registry_testkit::clients::{Answer, Client, NPM, NPM_12, PNPM, PinnedClient, YARN_4, package};

use super::{Ground, Provider};
use crate::support::run_with_person;

/// How a client is told to do things.
struct Manner {
    pinned: &'static PinnedClient,
    login: &'static [&'static str],
    answers: &'static [Answer<'static>],
    whoami: &'static [&'static str],
    install: &'static [&'static str],
    publish: &'static [&'static [&'static str]],
}

const NPM_MANNER: Manner = Manner {
    pinned: &NPM,
    login: &["login", "--browser=false"],
    answers: &[],
    whoami: &["whoami"],
    install: &["install"],
    publish: &[&["publish"]],
};
const NPM_12_MANNER: Manner = Manner { pinned: &NPM_12, ..NPM_MANNER };
const PNPM_MANNER: Manner =
    Manner { pinned: &PNPM, login: &["login"], publish: &[&["publish", "--no-git-checks"]], ..NPM_MANNER };
const YARN_4_MANNER: Manner = Manner {
    pinned: &YARN_4,
    login: &["npm", "login", "--web-login"],
    answers: &[Answer::new("open your browser now?", "n")],
    whoami: &["npm", "whoami"],
    install: &["install", "--no-immutable"],
    publish: &[&["install", "--no-immutable"], &["npm", "publish"]],
};

impl Ground {
    /// A client, logged in by its own command and its user's browser.
    async fn logged_in(&self, manner: &Manner, name: &str) -> Client {
        let client = Client::new(manner.pinned, self.main.base_url()).await;
        let folder = client.home().project(&package("nothing", "0.0.0"));
        let person = async |url: &str| self.sign_in(&Browser::over_http(), url, name).await;
        let (login, answers) = (manner.login, manner.answers);
        let output = run_with_person(self.main.base_url(), &client, &folder, login, answers, person).await;
        let _ = output.assert_success();
        let _ = client.run_in(&folder, manner.whoami).await.assert_success().assert_printed(name);
        client
    }
}

/// Of two who log in, one may publish, and both may install.
async fn logs_in_publishes_and_installs(provider: Provider, manner: &Manner) {
    let ground = Ground::new(provider).await;
    let ana = ground.logged_in(manner, "ana").await;
    let pear = ana.home().project(&package("@acme/pear", "1.0.0"));
    for command in manner.publish {
        let _ = ana.run_in(&pear, command).await.assert_success();
    }
    let ben = ground.logged_in(manner, "ben").await;
    let app = ben.home().project(&package("app", "1.0.0").dependency("@acme/pear", "^1.0.0"));
    let _ = ben.run_in(&app, manner.install).await.assert_success();
    let plum = ben.home().project(&package("@acme/plum", "1.0.0"));
    let (publish, before) = manner.publish.split_last().unwrap();
    for command in before {
        let _ = ben.run_in(&plum, command).await.assert_success();
    }
    let _ = ben.run_in(&plum, publish).await.assert_failure().assert_printed("do not have permission");
}

#[tokio::test]
async fn npm_at_github() {
    logs_in_publishes_and_installs(Provider::github().await, &NPM_MANNER).await;
}

#[tokio::test]
async fn npm_at_an_issuer() {
    logs_in_publishes_and_installs(Provider::issuer().await, &NPM_MANNER).await;
}

#[tokio::test]
#[ignore = "npm 11 shows nearly the same: run it with `cargo test -p registry-server npm_12 -- --ignored`"]
async fn npm_12_at_github() {
    logs_in_publishes_and_installs(Provider::github().await, &NPM_12_MANNER).await;
}

#[tokio::test]
#[ignore = "npm 11 shows nearly the same: run it with `cargo test -p registry-server npm_12 -- --ignored`"]
async fn npm_12_at_an_issuer() {
    logs_in_publishes_and_installs(Provider::issuer().await, &NPM_12_MANNER).await;
}

#[tokio::test]
async fn pnpm_at_github() {
    logs_in_publishes_and_installs(Provider::github().await, &PNPM_MANNER).await;
}

#[tokio::test]
async fn pnpm_at_an_issuer() {
    logs_in_publishes_and_installs(Provider::issuer().await, &PNPM_MANNER).await;
}

#[tokio::test]
async fn yarn_4_at_github() {
    logs_in_publishes_and_installs(Provider::github().await, &YARN_4_MANNER).await;
}

#[tokio::test]
async fn yarn_4_at_an_issuer() {
    logs_in_publishes_and_installs(Provider::issuer().await, &YARN_4_MANNER).await;
}

#[tokio::test]
async fn another_server_ends_what_one_began() {
    for provider in [Provider::github().await, Provider::issuer().await] {
        let ground = Ground::new(provider).await;
        let npm = ground
            .npm_logs_in(async |url| {
                let at_replica = url.replace(ground.main.base_url(), ground.replica.base_url());
                ground.sign_in(&Browser::over_http(), &at_replica, "ana").await;
            })
            .await;
        assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ana\n");
    }
}
