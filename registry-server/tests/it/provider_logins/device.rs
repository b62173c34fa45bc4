use registry_testkit::clients::{Answer, Client, CommandOutput, NPM, NPM_12, PinnedClient};

use super::{Ground, Provider};

/// The word behind these words.
fn word_after<'a>(printed: &'a str, words: &str) -> &'a str {
    let after = printed.rsplit_once(words).unwrap_or_else(|| panic!("no {words:?} in {printed}")).1;
    after.split_whitespace().next().unwrap()
}

/// Logs in at a terminal as ana, whom a code is shown. `entered` is who enters it at GitHub.
async fn log_in_with_code(
    ground: &Ground,
    pinned: &PinnedClient,
    entered: Option<&str>,
) -> (Client, CommandOutput) {
    let client = Client::new(pinned, ground.main.base_url()).await;
    let enter = |printed: &str| {
        // What a terminal breaks into lines is one line.
        let printed = printed.replace(['\r', '\n'], " ");
        let code = word_after(&printed, "enter the code ");
        ground.provider.github_itself().type_code(code, entered);
        word_after(&printed, "you are done, enter ").to_owned()
    };
    let answers = [
        Answer::new("Username:", "ana"),
        Answer::secret("Password:", "device"),
        Answer::computed("Enter OTP:", &enter),
    ];
    let folder = client.home().work_folder();
    let output =
        client.run_on_terminal(&folder, &["login", "--auth-type=legacy", "--color=false"], &answers).await;
    (client, output)
}

#[tokio::test]
async fn npm_logs_in_with_a_code_that_is_entered_elsewhere() {
    let ground = Ground::new(Provider::github().await).await;
    for pinned in [&NPM, &NPM_12] {
        let (npm, output) = log_in_with_code(&ground, pinned, Some("ana")).await;
        let _ =
            output.assert_success().assert_printed("Open https://github.example/login/device on any device");
        assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ana\n");
    }
    assert_eq!(ground.provider.github_itself().app_tokens(), 0, "each was needed once");
}

#[tokio::test]
async fn who_refuses_the_code_or_is_outside_is_told_so_by_npm() {
    let ground = Ground::new(Provider::github().await).await;
    for (entered, words) in [
        (None, "did not confirm your login"),
        (Some("ben"), "the code was entered by ben"),
        (Some("eve"), "member of an organization that may use this registry"),
    ] {
        let (npm, output) = log_in_with_code(&ground, &NPM, entered).await;
        let output = output.assert_failure();
        let printed = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(printed.contains(words), "no {words:?} in {printed}");
        assert_eq!(npm.home().token(), None);
    }
}
