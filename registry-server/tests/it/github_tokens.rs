//! People of GitHub who have a token already, with the clients that `npm_github` does not have.

use registry_testkit::clients::{Answer, BUN, Client, PNPM, PinnedClient, YARN_1, YARN_4, package};

use crate::npm_github::GithubRegistry;

#[tokio::test]
async fn tokens_of_github_are_good_with_every_client() {
    let registry = GithubRegistry::start().await;
    let token = registry.fake.personal_token("Ana");
    for (pinned, whoami) in
        [(&PNPM, &["whoami"][..]), (&YARN_4, &["npm", "whoami"]), (&BUN, &["pm", "whoami"])]
    {
        let client = Client::with_token(pinned, registry.server.base_url(), &token).await;
        let folder = client.home().project(&package("project", "0.0.0"));
        let shown = client.run_in(&folder, whoami).await.assert_success();
        assert!(shown.stdout.contains("Ana"), "{shown}");
    }
    let publishes: [(&PinnedClient, &[&[&str]]); 4] = [
        (&PNPM, &[&["publish"]]),
        (&YARN_1, &[&["publish", "--non-interactive"]]),
        (&YARN_4, &[&["install"], &["npm", "publish"]]),
        (&BUN, &[&["publish"]]),
    ];
    for (number, (pinned, commands)) in publishes.into_iter().enumerate() {
        let client = Client::with_token(pinned, registry.server.base_url(), &token).await;
        let folder = client.home().project(&package("@acme/pear", &format!("1.{number}.0")));
        for command in commands {
            let _ = client.run_in(&folder, command).await.assert_success();
        }
    }
    let packument =
        registry.http().get("/@acme%2fpear").bearer(&token).send().await.assert_status(200).json();
    for number in 0..publishes.len() {
        assert_eq!(packument["versions"][format!("1.{number}.0")]["_npmUser"]["name"], "Ana", "{packument}");
    }
}

/// Where the browser is not offered, a token of GitHub takes the place of the password.
#[tokio::test]
async fn a_pasted_token_of_github_logs_in_with_every_client() {
    let registry = GithubRegistry::configured("[login]\nweb = false\n").await;
    let token = registry.fake.personal_token("Ana");
    let base_url = registry.server.base_url();

    let pnpm = Client::new(&PNPM, base_url).await;
    let answers = [
        Answer::new("Username:", "Ana"),
        Answer::secret("Password:", &token),
        Answer::new("Email (this IS public):", "ana@registry.example"),
    ];
    let _ = pnpm.run_on_terminal(&pnpm.home().work_folder(), &["login"], &answers).await.assert_success();
    assert_eq!(pnpm.run(&["whoami"]).await.assert_success().stdout, "Ana\n");

    let yarn = Client::new(&YARN_4, base_url).await;
    let folder = yarn.home().project(&package("project", "0.0.0"));
    let answers = [Answer::new("Username:", "Ana"), Answer::secret("Password:", &token)];
    let _ = yarn.run_on_terminal(&folder, &["npm", "login"], &answers).await.assert_success();
    let _ = yarn.run_in(&folder, &["npm", "whoami"]).await.assert_success().assert_printed("YN0000: Ana");

    let yarn = Client::new(&YARN_1, base_url).await;
    let folder = yarn.home().project(&package("@acme/one", "1.0.0"));
    let answers = [
        Answer::new("npm username: ", "Ana"),
        Answer::new("npm email: ", "ana@registry.example"),
        Answer::secret("npm password: ", &token),
    ];
    let publish = ["publish", "--new-version", "1.0.0"];
    let published = yarn.run_on_terminal(&folder, &publish, &answers).await.assert_success();
    let _ = published.assert_printed("Published.").assert_printed("Revoked login token.");
}
