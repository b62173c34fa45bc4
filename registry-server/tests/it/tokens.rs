//! `npm token`, `npm profile` and what pnpm has of them, and tokens that an operator makes beside the server.

use registry_testkit::clients::{Answer, Client, Npm, PNPM, PinnedClient, package};
use serde_json::{Value, json};

use crate::running::{run, stderr_of_failure};
use crate::support::{PASSWORD, Registry, account, npm_with_token, publish, user_path, with_each_npm};

/// `npm token create` with these flags; the token.
pub(crate) async fn create(npm: &Npm, flags: &[&str]) -> String {
    let arguments = [&["token", "create"], flags].concat();
    let made = npm.run_answering(&arguments, &[Answer::secret("npm password:", PASSWORD)]).await;
    let made = made.assert_success();
    let token = made.stdout.split_once("Created token ").unwrap().1;
    token.split_whitespace().next().unwrap().to_owned()
}

with_each_npm!(
    a_token_is_created_listed_used_and_revoked,
    a_wrong_password_makes_no_token,
    a_token_does_what_it_is_for_and_nothing_else,
    a_profile_is_shown_and_changed,
    a_password_is_changed_and_other_sessions_end,
);

async fn a_token_is_created_listed_used_and_revoked(npm: &PinnedClient) {
    let registry = Registry::start().await;
    let ana = registry.user_of(npm, "ana").await;
    let flags = ["--name=ci", "--packages-all", "--packages-and-scopes-permission=read-write"];
    let token = create(&ana, &flags).await;
    create(&ana, &["--name=other", "--packages=pear"]).await;
    let robot = npm_with_token(npm, registry.server.base_url(), &token).await;
    publish(&robot, &package("@acme/one", "1.0.0")).await;

    let listed = ana.run(&["token", "list", "--json"]).await.assert_success().stdout;
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let names: Vec<_> = listed.iter().map(|token| token["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["other", "ci"]);
    assert!(token.starts_with(listed[1]["token"].as_str().unwrap()));
    assert!(!serde_json::to_string(&listed).unwrap().contains(&token));

    // By what is known of it in two ways: the beginning of its key, and the whole of it.
    let key = &listed[0]["key"].as_str().unwrap()[..8];
    let _ = ana.run(&["token", "revoke", key]).await.assert_success().assert_printed("Removed 1 token");
    let _ = ana.run(&["token", "revoke", &token]).await.assert_success().assert_printed("Removed 1 token");
    let _ = robot.run(&["whoami"]).await.assert_failure().assert_printed("npm error code E401");
    assert_eq!(ana.run(&["token", "list"]).await.assert_success().stdout, "");
}

async fn a_wrong_password_makes_no_token(npm: &PinnedClient) {
    let registry = Registry::start().await;
    let ana = registry.user_of(npm, "ana").await;
    let answers = [Answer::secret("npm password:", "a guess")];
    let refused = ana.run_answering(&["token", "create"], &answers).await.assert_failure();
    let _ = refused.assert_printed("Incorrect or missing password.");
    assert_eq!(ana.run(&["token", "list"]).await.assert_success().stdout, "");
}

async fn a_token_does_what_it_is_for_and_nothing_else(npm: &PinnedClient) {
    let registry = Registry::start().await;
    let ana = registry.user_of(npm, "ana").await;
    publish(&ana, &package("@acme/one", "1.0.0")).await;
    let base_url = registry.server.base_url();

    let token = create(&ana, &["--scopes=@acme", "--packages-and-scopes-permission=read-only"]).await;
    let reader = npm_with_token(npm, base_url, &token).await;
    let _ = reader.run(&["view", "@acme/one"]).await.assert_success();
    let folder = reader.home().project(&package("@acme/one", "1.0.1"));
    let refused = reader.run_in(&folder, &["publish"]).await.assert_failure();
    let _ = refused
        .assert_printed("npm error code E403")
        .assert_printed("your token does not permit you to publish");

    let token = create(&ana, &["--packages=pear", "--packages-and-scopes-permission=read-write"]).await;
    let build = npm_with_token(npm, base_url, &token).await;
    publish(&build, &package("pear", "1.0.0")).await;
    let folder = build.home().project(&package("@acme/one", "1.0.1"));
    let refused = build.run_in(&folder, &["publish"]).await.assert_failure();
    let _ = refused.assert_printed("npm error code E403");

    let token = create(&ana, &["--packages-all", "--cidr=192.0.2.0/24"]).await;
    let elsewhere = npm_with_token(npm, base_url, &token).await;
    let _ = elsewhere.run(&["whoami"]).await.assert_failure().assert_printed("npm error code EAUTHIP");
    let token = create(&ana, &["--packages-all", "--cidr=127.0.0.0/8"]).await;
    let here = npm_with_token(npm, base_url, &token).await;
    assert_eq!(here.run(&["whoami"]).await.assert_success().stdout, "ana\n");
}

async fn a_profile_is_shown_and_changed(npm: &PinnedClient) {
    let registry = Registry::start().await;
    let ana = registry.user_of(npm, "ana").await;
    let printed = async |arguments: &[&str]| ana.run(arguments).await.assert_success().stdout;
    assert_eq!(
        printed(&["profile", "get", "name", "email"]).await,
        "ana\tana@registry.example(unverified)\n"
    );
    assert_eq!(printed(&["profile", "set", "fullname", "Ana Pear"]).await, "Set fullname to Ana Pear\n");
    assert_eq!(
        printed(&["profile", "set", "email", "ana@mail.example"]).await,
        "Set email to ana@mail.example\n"
    );
    let all = printed(&["profile", "get"]).await;
    assert!(all.contains("fullname: Ana Pear\n") && all.contains("two-factor auth: disabled\n"), "{all}");
    publish(&ana, &package("pear", "1.0.0")).await;
    assert_eq!(printed(&["owner", "ls", "pear"]).await, "ana <ana@mail.example>\n");
}

async fn a_password_is_changed_and_other_sessions_end(npm: &PinnedClient) {
    let registry = Registry::start().await;
    let ana = registry.user_of(npm, "ana").await;
    let other = Npm::from(Client::new(npm, registry.server.base_url()).await);
    let _ = other.login("ana", PASSWORD).await.assert_success();
    let answers = [
        Answer::secret("Current password:", PASSWORD),
        Answer::secret("New password:", "a new password"),
        Answer::secret("Again:", "a new password"),
    ];
    let changed = ana.run_answering(&["profile", "set", "password"], &answers).await.assert_success();
    let _ = changed.assert_printed("Set password");
    assert_eq!(ana.run(&["whoami"]).await.assert_success().stdout, "ana\n");
    let _ = other.run(&["whoami"]).await.assert_failure().assert_printed("npm error code E401");
    let _ = other.login("ana", PASSWORD).await.assert_failure();
    let _ = other.login("ana", "a new password").await.assert_success();
}

#[tokio::test]
async fn pnpm_has_tokens_and_a_profile_too() {
    let registry = Registry::start().await;
    let token = crate::support::sign_up(&registry.http(), "ana").await;
    let pnpm = Client::with_token(&PNPM, registry.server.base_url(), &token).await;
    let folder = pnpm.home().project(&package("project", "0.0.0"));
    let printed = async |arguments: &[&str]| pnpm.run_in(&folder, arguments).await.assert_success().stdout;
    let answers = [Answer::secret("assword", PASSWORD)];
    let create = ["token", "create", "--read-only"];
    let _ = pnpm.run_on_terminal(&folder, &create, &answers).await.assert_success();
    let listed: Value = serde_json::from_str(&printed(&["token", "list", "--json"]).await).unwrap();
    assert_eq!(listed[0]["readonly"], true, "{listed}");
    let key = listed[0]["key"].as_str().unwrap();
    printed(&["token", "revoke", &key[..8]]).await;
    assert_eq!(
        serde_json::from_str::<Value>(&printed(&["token", "list", "--json"]).await).unwrap(),
        json!([])
    );
    printed(&["profile", "set", "fullname", "Ana Pear"]).await;
    assert!(printed(&["profile", "get"]).await.contains("fullname: Ana Pear\n"));
}

#[tokio::test]
async fn an_operator_makes_a_token_beside_the_server() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    let storage = format!("file:{}", registry.storage().display());
    let create = |user: &str, flags: &[&str]| {
        run(&[&["token", "create", user, "--storage", storage.as_str()], flags].concat())
    };
    let made = create("ana", &["--name=ci", "--package=@acme/*", "--cidr=127.0.0.1", "--expires-in=7"]);
    assert!(made.status.success(), "{made:?}");
    let token = String::from_utf8(made.stdout).unwrap().trim_end().to_owned();
    assert!(!String::from_utf8_lossy(&made.stderr).contains(&token), "the token is printed once");
    let robot = Npm::with_token(registry.server.base_url(), &token).await;
    publish(&robot, &package("@acme/one", "1.0.0")).await;
    let folder = robot.home().project(&package("pear", "1.0.0"));
    let _ = robot.run_in(&folder, &["publish"]).await.assert_failure().assert_printed("npm error code E403");
    let _ = npm.run(&["token", "list"]).await.assert_success().assert_printed("name ci");

    let refused = stderr_of_failure(&create("nobody", &[]), 1);
    assert!(refused.contains("the user nobody does not exist"), "{refused}");
    let refused = stderr_of_failure(&create("ana", &["--package=@acme"]), 2);
    assert!(refused.contains("write `@acme/*`"), "{refused}");
    let refused = stderr_of_failure(&run(&["token", "create", "ana", "--storage", "memory:"]), 1);
    assert!(refused.contains("nothing persists in the storage memory"), "{refused}");
    let listed = registry.http().put(&user_path("ana")).json(&account("ana", PASSWORD)).send().await;
    let _ = listed.assert_status(201);
}
