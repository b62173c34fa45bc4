//! The real npm with people of GitHub, against a GitHub on this machine.

use std::fs;
use std::path::Path;

use registry_testkit::clients::{Client, Npm, PinnedClient, package};
use registry_testkit::fake_github::{CLIENT_ID, CLIENT_SECRET, FakeGithub};
use registry_testkit::fake_upstream::FakeAnswer;
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use tempfile::TempDir;

use crate::support::{files_below, npm_with_token, publish, with_each_npm};

/// A server that lets in who is in the organization `Acme`: `Ana`, its admin, and `ben`, but not `eve`.
pub(crate) struct GithubRegistry {
    pub(crate) fake: FakeGithub,
    pub(crate) server: ServerProcess,
    folder: TempDir,
}

impl GithubRegistry {
    pub(crate) async fn start() -> Self {
        Self::configured("").await
    }

    /// The same, and more in its `registry.toml`.
    pub(crate) async fn configured(more: &str) -> Self {
        let fake = FakeGithub::start().await;
        for login in ["Ana", "ben"] {
            fake.add_user(login);
            fake.join(login, "Acme");
        }
        fake.add_user("eve");
        let folder = TempDir::with_prefix("github-").unwrap();
        let secret = folder.path().join("client-secret");
        fs::write(&secret, format!("{CLIENT_SECRET}\n")).unwrap();
        let config = format!(
            "accounts.sign_up = false\n\
             [github]\n\
             url = \"{}\"\n\
             client_id = \"{CLIENT_ID}\"\n\
             client_secret_file = \"{}\"\n\
             organizations = [\"acme\"]\n\
             admins = [\"Ana\", \"Eve\"]\n\
             [[packages]]\n\
             match = \"**\"\n\
             read = [\"group:github:acme\"]\n\
             publish = [\"group:github-admins\"]\n\
             administer = [\"group:github-admins\"]\n\
             {more}",
            fake.url(),
            secret.display()
        );
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let storage = folder.path().join("storage");
        let server = ServerProcess::start(binary, &["--config", &config], &storage).await;
        Self { fake, server, folder }
    }

    async fn npm(&self, npm: &PinnedClient, token: &str) -> Npm {
        npm_with_token(npm, self.server.base_url(), token).await
    }

    pub(crate) fn http(&self) -> HttpClient {
        HttpClient::new(self.server.base_url())
    }

    /// Everything that the server stored and logged.
    fn left_behind(&self) -> String {
        let mut all = self.server.stderr();
        for (path, content) in files_below(&self.folder.path().join("storage")) {
            all.push_str(&path);
            all.push_str(&String::from_utf8_lossy(&content));
        }
        all
    }
}

with_each_npm!(personal_tokens_publish_and_install, a_pasted_token_logs_in,);

async fn personal_tokens_publish_and_install(npm: &PinnedClient) {
    let registry = GithubRegistry::start().await;
    let (for_ana, for_ben) = (registry.fake.personal_token("Ana"), registry.fake.fine_grained_token("ben"));
    let (ana, ben) = (registry.npm(npm, &for_ana).await, registry.npm(npm, &for_ben).await);
    assert_eq!(ana.run(&["whoami"]).await.assert_success().stdout, "Ana\n");
    publish(&ana, &package("@acme/pear", "1.0.0")).await;

    assert_eq!(ben.run(&["whoami"]).await.assert_success().stdout, "ben\n");
    let folder = ben.home().project(&package("app", "1.0.0").dependency("@acme/pear", "^1.0.0"));
    let _ = ben.run_in(&folder, &["install"]).await.assert_success();
    let refused = ben.home().project(&package("@acme/pear", "1.0.1"));
    let _ = ben.run_in(&refused, &["publish"]).await.assert_failure().assert_printed("E403");

    // Being an admin does not help who is outside.
    let eve = registry.npm(npm, &registry.fake.personal_token("eve")).await;
    let _ = eve.run(&["whoami"]).await.assert_failure().assert_printed("E401");
    let _ = eve.run(&["view", "@acme/pear"]).await.assert_failure().assert_printed("E401");
    let mine = eve.home().project(&package("@acme/pear", "2.0.0"));
    let _ = eve.run_in(&mine, &["publish"]).await.assert_failure().assert_printed("E401");

    // An outage of GitHub is no reason to tell a user that their token is bad.
    registry.fake.answer_everything(FakeAnswer::status(503));
    let late = registry.npm(npm, &registry.fake.personal_token("ben")).await;
    let output = late.run(&["whoami", "--fetch-retries=0"]).await.assert_failure();
    assert!(output.printed("E503") && !output.printed("E401"), "{output:?}");
    assert_eq!(ben.run(&["whoami"]).await.assert_success().stdout, "ben\n");

    let left_behind = registry.left_behind();
    for secret in [&for_ana, &for_ben, CLIENT_SECRET] {
        assert!(!left_behind.contains(secret));
    }
}

async fn a_pasted_token_logs_in(pinned: &PinnedClient) {
    let registry = GithubRegistry::start().await;
    let npm = Npm::from(Client::new(pinned, registry.server.base_url()).await);
    let pasted = registry.fake.personal_token("Ana");
    let welcome = format!("Logged in on {}.", npm.home().registry());
    // npm takes small letters only.
    let _ = npm.login("ana", &pasted).await.assert_success().assert_printed(&welcome);
    assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "Ana\n");
    assert!(npm.home().token().unwrap().starts_with("npm_"), "the registry's own token");
    publish(&npm, &package("@acme/pear", "1.0.0")).await;
    assert!(!registry.left_behind().contains(&pasted));

    // What npm holds now is good without the pasted token.
    registry.fake.end_token(&pasted);
    registry.fake.take_asked();
    assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "Ana\n");
    assert!(registry.fake.take_asked().is_empty());

    let stranger = Npm::from(Client::new(pinned, registry.server.base_url()).await);
    let _ = stranger.login("ben", &registry.fake.personal_token("eve")).await.assert_failure();
    let told = stranger.login("ana", "orange tree").await.assert_failure();
    assert!(told.printed("personal access token"), "{told:?}");
    assert_eq!(stranger.home().token(), None);
}

#[tokio::test]
async fn names_come_from_github_or_from_sign_up_and_not_from_both() {
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let output = tokio::process::Command::new(binary)
        .args(["config", "check", "--github-url", "https://github.example"])
        .env_clear()
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("sign_up = false"), "{told}");
}
