//! Who gets an account from a command, and what is said where there is none to get.

use registry_testkit::Browser;
use registry_testkit::clients::{Answer, Client, NPM_12, Npm, PNPM, PinnedClient, package};

use crate::support::{PASSWORD, Registry, run_with_person, sign_up, with_each_npm};

const OFF: &str = "[accounts]\nsign_up = false\n";

with_each_npm!(a_login_with_an_unknown_name_makes_no_account, a_login_tells_where_sign_up_is_off);

async fn a_login_with_an_unknown_name_makes_no_account(npm: &PinnedClient) {
    let registry = Registry::start().await;
    sign_up(&registry.http(), "ana").await;
    let npm = Npm::from(Client::new(npm, registry.server.base_url()).await);
    let unknown = npm.login("ann", PASSWORD).await.assert_failure().assert_printed("npm error code E401");
    let unknown = unknown.assert_printed("make one with `npm adduser`");
    // A name that is taken looks the same.
    let taken = npm.login("ana", "not the password").await.assert_failure();
    assert_eq!(npm.home().redacted(&taken), npm.home().redacted(&unknown));
    assert_eq!(npm.home().token(), None);
    let _ = npm.login("ana", PASSWORD).await.assert_success();
}

async fn a_login_tells_where_sign_up_is_off(npm: &PinnedClient) {
    let registry = Registry::configured(OFF).await;
    let npm = Npm::from(Client::new(npm, registry.server.base_url()).await);
    let refused = npm.login("ana", PASSWORD).await.assert_failure().assert_printed("npm error code E401");
    let _ = refused.assert_printed("sign-up is off at this registry, so ask its operator for one");
}

#[tokio::test]
async fn adduser_tells_where_sign_up_is_off() {
    let registry = Registry::configured(OFF).await;
    let npm = registry.stranger().await;
    let refused = npm.adduser("ana", PASSWORD).await.assert_failure();
    let _ = refused.assert_printed("sign-up is off at this registry, so ask its operator for one");

    let start = registry.http().request(http::Method::POST, "/-/v1/login");
    let begun = start.json(&serde_json::json!({ "create": true })).send().await.assert_status(200).json();
    let page = Browser::over_http().open(begun["loginUrl"].as_str().unwrap()).await.assert_status(200);
    assert!(page.text().contains("Sign-up is off at this registry: ask its operator"), "{}", page.text());
    assert!(!page.text().contains("value=\"sign-up\""), "{}", page.text());
}

/// pnpm has no other command to sign up.
#[tokio::test]
async fn a_login_of_pnpm_still_makes_an_account() {
    let registry = Registry::configured("[login]\nweb = false\n").await;
    let pnpm = Client::new(&PNPM, registry.server.base_url()).await;
    let folder = pnpm.home().project(&package("project", "0.0.0"));
    let answers = [
        Answer::new("Username:", "ben"),
        Answer::secret("Password:", PASSWORD),
        Answer::new("Email", "ben@registry.example"),
    ];
    let _ = pnpm.run_on_terminal(&folder, &["login"], &answers).await.assert_success();
    let _ = pnpm.run(&["whoami"]).await.assert_success().assert_printed("ben");
}

/// npm 12 has no `adduser`: its users sign up on the page of `npm login`.
#[tokio::test]
async fn npm_12_signs_up_on_the_page_of_its_login() {
    let registry = Registry::start().await;
    let npm = Client::new(&NPM_12, registry.server.base_url()).await;
    let login = ["login", "--browser=false"];
    let folder = npm.home().work_folder();
    let output = run_with_person(registry.server.base_url(), &npm, &folder, &login, &[], async |url| {
        let browser = Browser::over_http();
        let page = browser.open(url).await.assert_status(200);
        let fields = [("name", "ben"), ("password", PASSWORD)];
        let _ = browser.press(&page, "sign-up", &fields).await.assert_status(303);
    })
    .await;
    let _ = output.assert_success();
    assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ben\n");
}
