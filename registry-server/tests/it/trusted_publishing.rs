//! Real clients in builds that have no token, against issuers on this machine.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use registry_core::clock::{Clock as _, SystemClock};
use registry_testkit::clients::{Client, CommandOutput, NPM, Npm, PNPM, PinnedClient, YARN_4, package};
use registry_testkit::fake_issuer::{FakeIssuer, REQUEST_TOKEN, github_claims, gitlab_claims};
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{npm_with_token, publish, sign_up, with_each_npm};

/// What a build of GitHub Actions that may ask for its identity finds in its environment.
const GITHUB: [(&str, &str); 2] =
    [("GITHUB_ACTIONS", "true"), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN)];

/// A registry with ana's package `@acme/pear`, and two issuers that it believes.
struct Ground {
    github: FakeIssuer,
    gitlab: FakeIssuer,
    server: ServerProcess,
    ana: Npm,
    /// How many jobs GitLab has run.
    jobs: AtomicU32,
    _folder: TempDir,
}

impl Ground {
    async fn new() -> Self {
        Self::with(&NPM).await
    }

    /// The same, and ana has this npm.
    async fn with(npm: &PinnedClient) -> Self {
        let (github, gitlab) = (FakeIssuer::start().await, FakeIssuer::start().await);
        let config = format!(
            "[[trusted_publishing.issuers]]\nname = \"github\"\nurl = \"{}\"\nkind = \"github\"\n\
             [[trusted_publishing.issuers]]\nname = \"gitlab\"\nurl = \"{}\"\nkind = \"gitlab\"\n",
            github.url(),
            gitlab.url()
        );
        let folder = TempDir::with_prefix("trusted-").unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let storage = folder.path().join("storage");
        let server = ServerProcess::start(binary, &["--config", &config], &storage).await;
        let token = sign_up(&HttpClient::new(server.base_url()), "ana").await;
        let ana = npm_with_token(npm, server.base_url(), &token).await;
        publish(&ana, &package("@acme/pear", "1.0.0")).await;
        Self { github, gitlab, server, ana, jobs: AtomicU32::new(0), _folder: folder }
    }

    async fn trust_github(&self) -> CommandOutput {
        let arguments = ["trust", "github", "@acme/pear", "--file=publish.yml", "--repository=acme/pear"];
        self.ana.run(&[&arguments[..], &["--allow-publish", "--yes"]].concat()).await
    }

    async fn trust_gitlab(&self) -> CommandOutput {
        let arguments = ["trust", "gitlab", "@acme/pear", "--file=.gitlab-ci.yml", "--project=acme/pear"];
        self.ana.run(&[&arguments[..], &["--allow-publish", "--yes"]].concat()).await
    }

    /// A client in a job of GitLab, which finds its identity in its environment.
    async fn job(&self, pinned: &PinnedClient, project: &str, audience: &str) -> Client {
        let mut claims =
            gitlab_claims(self.gitlab.url(), project, ".gitlab-ci.yml", audience, SystemClock.now());
        // Two jobs of one second are two jobs.
        claims["jti"] = format!("job-{}", self.jobs.fetch_add(1, Ordering::Relaxed)).into();
        let client = Client::new(pinned, self.server.base_url()).await;
        let client = client.with_variable("GITLAB_CI", "true").with_variable("CI", "true");
        client.with_variable("GITLAB", "true").with_variable("NPM_ID_TOKEN", &self.gitlab.sign(&claims))
    }

    /// A client in a build of GitHub Actions, of this workflow.
    async fn build(&self, pinned: &PinnedClient, workflow: &str) -> Client {
        let claims = github_claims(self.github.url(), "acme/pear", workflow, "", SystemClock.now());
        let url = self.github.serve_build(claims);
        let client = Client::new(pinned, self.server.base_url()).await;
        let client = client.with_variable("CI", "true").with_variable("ACTIONS_ID_TOKEN_REQUEST_URL", &url);
        GITHUB.into_iter().fold(client, |client, (name, value)| client.with_variable(name, value))
    }

    async fn publisher(&self, version: &str) -> Value {
        let packument = HttpClient::new(self.server.base_url()).get("/@acme%2fpear").send().await;
        packument.assert_status(200).json()["versions"][version]["_npmUser"].clone()
    }
}

/// Publishes `@acme/pear` in this version as yarn or npm or pnpm does.
async fn publish_by(client: &Client, name: &str, version: &str, commands: &[&[&str]]) -> CommandOutput {
    let folder = client.home().project(&package(name, version));
    let (last, before) = commands.split_last().unwrap();
    for command in before {
        let _ = client.run_in(&folder, command).await.assert_success();
    }
    client.run_in(&folder, last).await
}

const PNPM_PUBLISH: &[&[&str]] = &[&["publish", "--no-git-checks"]];
const YARN_PUBLISH: &[&[&str]] = &[&["install", "--no-immutable"], &["npm", "publish"]];

with_each_npm!(npm_trusts_a_workflow_which_publishes_and_tags, npm_publishes_in_a_job_of_gitlab,);

async fn npm_trusts_a_workflow_which_publishes_and_tags(npm: &PinnedClient) {
    let ground = Ground::with(npm).await;
    let _ = ground.trust_github().await.assert_success().assert_printed("created successfully");
    let _ = ground.trust_github().await.assert_failure().assert_printed("E409");
    let listed = ground.ana.run(&["trust", "list", "@acme/pear", "--json"]).await.assert_success();
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let id = listed["id"].as_str().unwrap_or_else(|| panic!("{listed}")).to_owned();
    assert_eq!(listed["repository"], "acme/pear");

    let build = ground.build(npm, "publish.yml").await;
    let published = publish_by(&build, "@acme/pear", "1.1.0", &[&["publish"]]).await;
    assert_eq!(published.assert_success().stdout, "+ @acme/pear@1.1.0\n");
    let npm_user = ground.publisher("1.1.0").await;
    assert_eq!(npm_user["trustedPublisher"]["id"], "github");
    assert_eq!(npm_user["trustedPublisher"]["oidcConfigId"], format!("oidc:{id}"));
    let _ = build.run(&["dist-tag", "add", "@acme/pear@1.0.0", "old"]).await.assert_success();

    // Another package, and another workflow.
    let _ = publish_by(&build, "@acme/plum", "1.0.0", &[&["publish"]])
        .await
        .assert_failure()
        .assert_printed("ENEEDAUTH");
    let other = ground.build(npm, "test.yml").await;
    let _ = publish_by(&other, "@acme/pear", "1.2.0", &[&["publish"]])
        .await
        .assert_failure()
        .assert_printed("ENEEDAUTH");

    let _ = ground.ana.run(&["trust", "revoke", "@acme/pear", "--id", &id]).await.assert_success();
    let build = ground.build(npm, "publish.yml").await;
    let _ = publish_by(&build, "@acme/pear", "1.2.0", &[&["publish"]])
        .await
        .assert_failure()
        .assert_printed("ENEEDAUTH");
}

async fn npm_publishes_in_a_job_of_gitlab(npm: &PinnedClient) {
    let ground = Ground::with(npm).await;
    let _ = ground.trust_gitlab().await.assert_success();
    let job = ground.job(npm, "acme/pear", "npm:127.0.0.1").await;
    let _ = publish_by(&job, "@acme/pear", "1.1.0", &[&["publish"]]).await.assert_success();
    assert_eq!(ground.publisher("1.1.0").await["trustedPublisher"]["id"], "gitlab");
    // The identity of a build is good once. Another one stages, which a person approves.
    let again = publish_by(&job, "@acme/pear", "1.2.0", &[&["publish"]]).await;
    let _ = again.assert_failure().assert_printed("ENEEDAUTH");
    let job = ground.job(npm, "acme/pear", "npm:127.0.0.1").await;
    let staged = publish_by(&job, "@acme/pear", "1.2.0", &[&["stage", "publish"]]).await.assert_success();
    let _ = staged.assert_printed("+ @acme/pear@1.2.0 (staged with id ");
    let listed = ground.ana.run(&["stage", "list", "--json"]).await.assert_success();
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed[0]["actorType"], "trusted automation", "{listed}");
    let approve = ["stage", "approve", listed[0]["id"].as_str().unwrap()];
    let _ = job.run(&approve).await.assert_failure().assert_printed("npm error code E401");
    let _ = ground.ana.run(&approve).await.assert_success();
    assert_eq!(ground.publisher("1.2.0").await["trustedPublisher"]["id"], "gitlab");
}

#[tokio::test]
async fn pnpm_publishes_and_tags_in_a_build_of_github() {
    let ground = Ground::new().await;
    let _ = ground.trust_github().await.assert_success();
    let build = ground.build(&PNPM, "publish.yml").await;
    let _ = publish_by(&build, "@acme/pear", "1.1.0", PNPM_PUBLISH).await.assert_success();
    assert_eq!(ground.publisher("1.1.0").await["trustedPublisher"]["id"], "github");
    let tag = ["dist-tag", "add", "@acme/pear@1.0.0", "old"];
    let folder = build.home().project(&package("empty", "0.0.0"));
    let _ = build.run_in(&folder, &tag).await.assert_success();
    let other = ground.build(&PNPM, "test.yml").await;
    let _ = publish_by(&other, "@acme/pear", "1.2.0", PNPM_PUBLISH).await.assert_failure();
}

#[tokio::test]
async fn yarn_4_publishes_in_a_build_of_github() {
    let ground = Ground::new().await;
    let _ = ground.trust_github().await.assert_success();
    let build = ground.build(&YARN_4, "publish.yml").await;
    let _ = publish_by(&build, "@acme/pear", "1.1.0", YARN_PUBLISH).await.assert_success();
    assert_eq!(ground.publisher("1.1.0").await["trustedPublisher"]["id"], "github");
}

#[tokio::test]
async fn pnpm_publishes_in_a_job_of_gitlab() {
    let ground = Ground::new().await;
    let _ = ground.trust_gitlab().await.assert_success();
    let job = ground.job(&PNPM, "acme/pear", "npm:127.0.0.1").await;
    let _ = publish_by(&job, "@acme/pear", "1.1.0", PNPM_PUBLISH).await.assert_success();
    assert_eq!(ground.publisher("1.1.0").await["trustedPublisher"]["id"], "gitlab");
    let eve = ground.job(&PNPM, "eve/pear", "npm:127.0.0.1").await;
    let _ = publish_by(&eve, "@acme/pear", "1.2.0", PNPM_PUBLISH).await.assert_failure();
}

#[tokio::test]
async fn yarn_4_publishes_in_a_job_of_gitlab() {
    let ground = Ground::new().await;
    let _ = ground.trust_gitlab().await.assert_success();
    let host = ground.server.base_url().trim_start_matches("http://");
    // yarn names the port too.
    let job = ground.job(&YARN_4, "acme/pear", &format!("npm:{host}")).await;
    let _ = publish_by(&job, "@acme/pear", "1.1.0", YARN_PUBLISH).await.assert_success();
    assert_eq!(ground.publisher("1.1.0").await["trustedPublisher"]["id"], "gitlab");
    let elsewhere = ground.job(&YARN_4, "acme/pear", "npm:other.example").await;
    let _ = publish_by(&elsewhere, "@acme/pear", "1.2.0", YARN_PUBLISH).await.assert_failure();
}
