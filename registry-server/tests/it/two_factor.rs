//! The second factor with every client that can show one.

use std::time::Duration;

use registry_core::clock::{Clock as _, SystemClock};
use registry_testkit::Authenticator;
use registry_testkit::clients::{Answer, BUN, Client, Npm, PNPM, PinnedClient, YARN_1, YARN_4, package};
use serde_json::json;

use crate::support::{PASSWORD, Registry, sign_up, with_each_npm};

const PROFILE: &str = "/-/npm/v1/user";

/// A user whose account has a second factor for writes.
pub(crate) struct Careful {
    pub(crate) registry: Registry,
    token: String,
    app: Authenticator,
    recovery: Vec<String>,
}

impl Careful {
    pub(crate) async fn ana() -> Self {
        // So that each client asks in the terminal.
        let registry = Registry::configured("[login]\nweb = false\n").await;
        let token = sign_up(&registry.http(), "ana").await;
        let set = async |document: serde_json::Value| {
            let answer = registry
                .http()
                .request(http::Method::POST, PROFILE)
                .bearer(&token)
                .json(&document)
                .send()
                .await;
            answer.assert_status(200).json()["tfa"].clone()
        };
        let url = set(json!({ "tfa": { "password": PASSWORD, "mode": "auth-and-writes" } })).await;
        let app = Authenticator::scan(url.as_str().unwrap());
        let codes = set(json!({ "tfa": [app.digits_at(SystemClock.now())] })).await;
        let codes = codes.as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
        Self { registry, token, app, recovery: codes }
    }

    /// What the app will show next, which is good already: the registry allows for clocks that differ. What it shows
    /// now was used to set it up.
    pub(crate) fn next_digits(&self) -> String {
        self.app.digits_at(SystemClock.now() + Duration::from_secs(30))
    }

    pub(crate) async fn client(&self, pinned: &PinnedClient) -> Client {
        Client::with_token(pinned, self.registry.server.base_url(), &self.token).await
    }

    pub(crate) async fn assert_published(&self, name: &str) {
        let _ = self.registry.http().get(&format!("/{name}")).send().await.assert_status(200);
    }
}

/// What an authenticator app shows that is given the secret which npm printed.
fn digits_of_printed_secret(printed: &str) -> String {
    let after = printed.rsplit_once("Or enter code:").unwrap().1;
    let secret = after.split_whitespace().next().unwrap();
    Authenticator::with_secret(secret).digits_at(SystemClock.now())
}

with_each_npm!(npm_sets_it_up_on_a_terminal_and_takes_it_away, npm_logs_in_and_publishes_with_digits,);

async fn npm_sets_it_up_on_a_terminal_and_takes_it_away(npm: &PinnedClient) {
    let registry = Registry::configured("[login]\nweb = false\n").await;
    let token = sign_up(&registry.http(), "ana").await;
    let npm = Client::with_token(npm, registry.server.base_url(), &token).await;
    let folder = npm.home().work_folder();
    let answers = [
        Answer::secret("npm password:", PASSWORD),
        Answer::computed("And an OTP code from your authenticator:", &digits_of_printed_secret),
    ];
    let set_up = ["profile", "enable-2fa", "auth-and-writes", "--color=false"];
    let enabled = npm.run_on_terminal(&folder, &set_up, &answers).await.assert_success();
    let enabled = enabled.assert_printed("2FA successfully enabled.");
    let is_code = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let codes: Vec<_> = enabled.stdout.split_whitespace().filter(is_code).collect();
    assert_eq!(codes.len(), 5, "{enabled}");
    let shown = npm.run(&["profile", "get", "two-factor auth"]).await.assert_success();
    assert_eq!(shown.stdout, "auth-and-writes\n");

    let folder_of_one = npm.home().project(&package("one", "1.0.0"));
    let asked = npm.run_in(&folder_of_one, &["publish"]).await.assert_failure();
    let _ = asked.assert_printed("npm error code EOTP");
    let answers = [Answer::secret("npm password:", PASSWORD), Answer::secret("Enter OTP:", codes[0])];
    let disabled = npm.run_on_terminal(&folder, &["profile", "disable-2fa"], &answers).await;
    let _ = disabled.assert_success().assert_printed("Two factor authentication disabled.");
    let _ = npm.run_in(&folder_of_one, &["publish"]).await.assert_success();
}

async fn npm_logs_in_and_publishes_with_digits(npm: &PinnedClient) {
    let careful = Careful::ana().await;
    let pinned = npm;
    let npm = careful.client(pinned).await;
    let folder = npm.home().project(&package("one", "1.0.0"));
    let refused = npm.run_in(&folder, &["publish", "--otp=000000"]).await.assert_failure();
    let _ = refused.assert_printed("npm error code EOTP");
    let answers = [Answer::new("Enter OTP:", &careful.recovery[0])];
    let _ = npm.run_on_terminal(&folder, &["publish"], &answers).await.assert_success();
    careful.assert_published("one").await;

    let digits = format!("--otp={}", careful.next_digits());
    let folder = npm.home().project(&package("two", "1.0.0"));
    let _ = npm.run_in(&folder, &["publish", &digits]).await.assert_success();
    // The requests of one more command, which takes several, with the same digits.
    let _ = npm.run(&["unpublish", "--force", "two", &digits]).await.assert_success();

    let stranger = Npm::from(Client::new(pinned, careful.registry.server.base_url()).await);
    let _ = stranger.login("ana", PASSWORD).await.assert_failure().assert_printed("npm error code EOTP");
    let answers = [Answer::new("Username:", "ana"), Answer::secret("Password:", PASSWORD)];
    let code = format!("--otp={}", careful.recovery[1]);
    let login = ["login", "--auth-type=legacy", &code];
    let _ = stranger.run_answering(&login, &answers).await.assert_success();
}

#[tokio::test]
async fn pnpm_publishes_with_digits() {
    let careful = Careful::ana().await;
    let pnpm = careful.client(&PNPM).await;
    let folder = pnpm.home().project(&package("one", "1.0.0"));
    let refused = pnpm.run_in(&folder, &["publish", "--no-git-checks"]).await.assert_failure();
    assert!(refused.printed("OTP") || refused.printed("one-time"), "{refused}");
    let digits = format!("--otp={}", careful.next_digits());
    let _ = pnpm.run_in(&folder, &["publish", "--no-git-checks", &digits]).await.assert_success();
    careful.assert_published("one").await;
}

#[tokio::test]
async fn yarn_1_asks_for_digits() {
    let careful = Careful::ana().await;
    let yarn = careful.client(&YARN_1).await;
    let folder = yarn.home().project(&package("one", "1.0.0"));
    let digits = careful.next_digits();
    let answers = [Answer::new("ne-time password", &digits)];
    let published = yarn.run_on_terminal(&folder, &["publish", "--new-version", "1.0.0"], &answers).await;
    let _ = published.assert_success();
    careful.assert_published("one").await;
}

#[tokio::test]
async fn yarn_4_asks_for_digits() {
    let careful = Careful::ana().await;
    let yarn = careful.client(&YARN_4).await;
    let folder = yarn.home().project(&package("one", "1.0.0"));
    let _ = yarn.run_in(&folder, &["install"]).await.assert_success();
    let digits = careful.next_digits();
    let answers = [Answer::new("One-time password:", &digits)];
    let _ = yarn.run_on_terminal(&folder, &["npm", "publish"], &answers).await.assert_success();
    careful.assert_published("one").await;
}

#[tokio::test]
async fn yarn_4_is_told_that_digits_are_wrong() {
    let careful = Careful::ana().await;
    let yarn = careful.client(&YARN_4).await;
    let folder = yarn.home().project(&package("one", "1.0.0"));
    let _ = yarn.run_in(&folder, &["install"]).await.assert_success();
    let publish = ["npm", "publish", "--otp", "000000"];
    let digits = careful.next_digits();
    let answers = [Answer::new("One-time password:", &digits)];
    let published = yarn.run_on_terminal(&folder, &publish, &answers).await.assert_success();
    let _ = published.assert_printed("The one-time password was wrong, or was used already.");
    careful.assert_published("one").await;
}

#[tokio::test]
async fn bun_publishes_with_digits() {
    let careful = Careful::ana().await;
    let bun = careful.client(&BUN).await;
    let folder = bun.home().project(&package("one", "1.0.0"));
    let digits = format!("--otp={}", careful.next_digits());
    let _ = bun.run_in(&folder, &["publish", &digits]).await.assert_success();
    careful.assert_published("one").await;
}

#[tokio::test]
async fn pnpm_sets_it_up_on_a_terminal_and_takes_it_away() {
    let registry = Registry::configured("[login]\nweb = false\n").await;
    let token = sign_up(&registry.http(), "ana").await;
    let pnpm = Client::with_token(&PNPM, registry.server.base_url(), &token).await;
    let folder = pnpm.home().project(&package("one", "1.0.0"));
    let answers = [
        Answer::secret("Password:", PASSWORD),
        Answer::computed("And an OTP code from your authenticator:", &digits_of_printed_secret),
    ];
    let set_up = ["profile", "enable-2fa", "auth-and-writes"];
    let enabled = pnpm.run_on_terminal(&folder, &set_up, &answers).await.assert_success();
    let is_code = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let codes: Vec<_> = enabled.stdout.split_whitespace().filter(is_code).collect();
    assert_eq!(codes.len(), 5, "{enabled}");
    let shown = pnpm.run_in(&folder, &["profile", "get"]).await.assert_success();
    let _ = shown.assert_printed("two-factor auth: auth-and-writes");

    let password = |code: &str| format!("--otp={code}");
    let changed = [
        Answer::secret("Current password:", PASSWORD),
        Answer::secret("New password:", "a new password"),
        Answer::secret("Again:", "a new password"),
    ];
    let set = ["profile", "set", "password", &password(codes[0])];
    let _ = pnpm.run_on_terminal(&folder, &set, &changed).await.assert_success();
    let answers = [Answer::secret("Password:", "a new password")];
    let disable = ["profile", "disable-2fa", &password(codes[1])];
    let disabled = pnpm.run_on_terminal(&folder, &disable, &answers).await.assert_success();
    let _ = disabled.assert_printed("Two factor authentication disabled.");
    let _ = pnpm.run_in(&folder, &["publish", "--no-git-checks"]).await.assert_success();
}

/// A password is asked for first, and then what the app shows.
#[tokio::test]
async fn pnpm_and_yarn_4_log_in_with_digits() {
    let careful = Careful::ana().await;
    let base_url = careful.registry.server.base_url();
    let pnpm = Client::new(&PNPM, base_url).await;
    let answers = [
        Answer::new("Username:", "ana"),
        Answer::secret("Password:", PASSWORD),
        Answer::new("Email (this IS public):", "ana@registry.example"),
        Answer::new("Enter OTP:", &careful.recovery[0]),
    ];
    let _ = pnpm.run_on_terminal(&pnpm.home().work_folder(), &["login"], &answers).await.assert_success();
    assert_eq!(pnpm.run(&["whoami"]).await.assert_success().stdout, "ana\n");

    let yarn = Client::new(&YARN_4, base_url).await;
    let folder = yarn.home().project(&package("project", "0.0.0"));
    let answers = [
        Answer::new("Username:", "ana"),
        Answer::secret("Password:", PASSWORD),
        Answer::secret("One-time password:", &careful.recovery[1]),
    ];
    let _ = yarn.run_on_terminal(&folder, &["npm", "login"], &answers).await.assert_success();
    let _ = yarn.run_in(&folder, &["npm", "whoami"]).await.assert_success().assert_printed("YN0000: ana");
}

/// What pnpm does not prompt for, it takes as `--otp`.
#[tokio::test]
async fn pnpm_manages_with_digits() {
    let careful = Careful::ana().await;
    let _ben = sign_up(&careful.registry.http(), "ben").await;
    let pnpm = careful.client(&PNPM).await;
    let folder = pnpm.home().project(&package("one", "1.0.0"));
    let digits = format!("--otp={}", careful.next_digits());
    let with_digits = async |arguments: &[&str]| {
        let arguments = [arguments, &[digits.as_str()]].concat();
        pnpm.run_in(&folder, &arguments).await.assert_success().stdout
    };
    with_digits(&["publish", "--no-git-checks"]).await;
    for change in [
        &["dist-tag", "add", "one@1.0.0", "stable"][..],
        &["dist-tag", "rm", "one", "stable"],
        &["deprecate", "one@1.0.0", "old"],
        &["undeprecate", "one@1.0.0"],
        &["owner", "add", "one", "ben"],
        &["owner", "rm", "one", "ben"],
        &["access", "set", "mfa=publish", "one"],
        &["profile", "set", "fullname", "Ana Pear"],
        &["unpublish", "one", "--force"],
    ] {
        let before = careful.registry.http().get("/one").send().await.text();
        let asked = pnpm.run_in(&folder, change).await.assert_failure();
        assert!(asked.printed("one-time"), "{asked}");
        assert_eq!(careful.registry.http().get("/one").send().await.text(), before);
        with_digits(change).await;
    }
    let _ = careful.registry.http().get("/one").send().await.assert_status(404);
}

#[tokio::test]
async fn yarn_1_and_yarn_4_tag_with_digits() {
    let careful = Careful::ana().await;
    let bun = careful.client(&BUN).await;
    let digits = careful.next_digits();
    let folder = bun.home().project(&package("one", "1.0.0"));
    let _ = bun.run_in(&folder, &["publish", &format!("--otp={digits}")]).await.assert_success();

    let yarn = careful.client(&YARN_1).await;
    let answers = [Answer::new("ne-time password", &digits)];
    let add = ["tag", "add", "one@1.0.0", "first"];
    let added = yarn.run_on_terminal(&yarn.home().work_folder(), &add, &answers).await.assert_success();
    let _ = added.assert_printed("Created tag.");
    let yarn = careful.client(&YARN_4).await;
    let folder = yarn.home().project(&package("project", "0.0.0"));
    let answers = [Answer::new("One-time password:", &digits)];
    let add = ["npm", "tag", "add", "one@1.0.0", "fourth"];
    let _ = yarn.run_on_terminal(&folder, &add, &answers).await.assert_success();
    let packument = careful.registry.http().get("/one").send().await.assert_status(200).json();
    assert_eq!(packument["dist-tags"], json!({ "latest": "1.0.0", "first": "1.0.0", "fourth": "1.0.0" }));
}

#[tokio::test]
async fn bun_asks_for_digits() {
    let careful = Careful::ana().await;
    let bun = careful.client(&BUN).await;
    let folder = bun.home().project(&package("one", "1.0.0"));
    let digits = careful.next_digits();
    let answers = [Answer::new("Enter OTP:", &digits)];
    let _ = bun.run_on_terminal(&folder, &["publish"], &answers).await.assert_success();
    careful.assert_published("one").await;
}
