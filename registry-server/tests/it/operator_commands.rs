//! `account` and `token`: what an operator does to accounts and tokens beside a running server.

use http::Method;
use registry_core::clock::{Clock as _, SystemClock};
use registry_testkit::Authenticator;
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};

use crate::running::{registry_server, run, stderr_of_failure};
use crate::support::{PASSWORD, Registry, account, sign_up, user_path};

/// Runs a command on the storage of a server; its stdout.
#[track_caller]
fn operate(registry: &Registry, arguments: &[&str]) -> String {
    let output = run(&with_storage(registry, arguments).iter().map(String::as_str).collect::<Vec<_>>());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(registry: &Registry, arguments: &[&str]) -> String {
    stderr_of_failure(
        &run(&with_storage(registry, arguments).iter().map(String::as_str).collect::<Vec<_>>()),
        1,
    )
}

fn with_storage(registry: &Registry, arguments: &[&str]) -> Vec<String> {
    let storage = format!("file:{}", registry.storage().display());
    let arguments = arguments.iter().map(|argument| (*argument).to_owned());
    arguments.chain(["--log".into(), "off".into(), "--storage".into(), storage]).collect()
}

/// The kinds of events that came from the command line, with their principals.
fn told(registry: &Registry) -> Vec<(String, Option<String>)> {
    let shown = operate(registry, &["log", "--json"]);
    let events = shown.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let by_operator = events.filter(|event| event["via"] == "command-line");
    by_operator.map(|event| (text(&event["kind"]).unwrap(), text(&event["principal"]))).collect()
}

async fn log_in(http: &HttpClient, name: &str, password: &str) -> u16 {
    http.put(&user_path(name)).json(&account(name, password)).send().await.status.as_u16()
}

#[tokio::test]
async fn accounts_are_listed_shown_and_removed() {
    let registry = Registry::configured("cache.token_seconds = 0").await;
    let http = registry.http();
    let (ana, ben) = (sign_up(&http, "ana").await, sign_up(&http, "ben_2").await);
    let pear = PublishDocument::new("pear", "1.0.0").build();
    let _ = http.put("/pear").bearer(&ben).json(&pear).send().await.assert_status(201);
    assert_eq!(operate(&registry, &["account", "list"]), "ana local\nben_2 local\n");
    let shown = operate(&registry, &["account", "show", "ana"]);
    for line in [
        "account: ana",
        "known to: local accounts",
        "email: ana@registry.example",
        "second factor: none",
        "groups: none",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "no {line} in {shown}");
    }
    assert!(operate(&registry, &["account", "remove", "ben_2"]).starts_with("removed the account ben_2\n"));
    assert_eq!(operate(&registry, &["account", "list"]), "ana local\nben_2 local (no account)\n");
    let _ = http.get("/-/whoami").bearer(&ben).send().await.assert_status(401);
    // The name stays taken.
    assert_eq!(log_in(&http, "ben_2", PASSWORD).await, 401);
    let _ = http.get("/-/whoami").bearer(&ana).send().await.assert_status(200);
    for action in ["show", "remove", "reset-password", "reset-two-factor"] {
        let stderr = refused(&registry, &["account", action, "ben_2"]);
        assert_eq!(stderr, "registry-server: the user ben_2 does not exist in this registry\n");
    }
    assert_eq!(told(&registry), [("account-removed".to_owned(), Some("ben_2".to_owned()))]);
}

#[tokio::test]
async fn a_password_and_a_second_factor_are_reset() {
    let registry = Registry::configured("cache.token_seconds = 0").await;
    let http = registry.http();
    let ana = sign_up(&http, "ana").await;
    let mode = json!({ "tfa": { "password": PASSWORD, "mode": "auth-and-writes" } });
    let begun = http
        .request(Method::POST, "/-/npm/v1/user")
        .bearer(&ana)
        .json(&mode)
        .send()
        .await
        .assert_status(200)
        .json();
    let app = Authenticator::scan(begun["tfa"].as_str().unwrap());
    let confirm = json!({ "tfa": [app.digits_at(SystemClock.now())] });
    let _ = http
        .request(Method::POST, "/-/npm/v1/user")
        .bearer(&ana)
        .json(&confirm)
        .send()
        .await
        .assert_status(200);
    assert!(operate(&registry, &["account", "show", "ana"]).contains("second factor: auth-and-writes\n"));

    assert_eq!(
        operate(&registry, &["account", "reset-two-factor", "ana"]),
        "removed the second factor of ana\n"
    );
    assert_eq!(operate(&registry, &["account", "reset-two-factor", "ana"]), "ana has no second factor\n");
    assert_eq!(log_in(&http, "ana", PASSWORD).await, 201);

    let password = operate(&registry, &["account", "reset-password", "ana"]);
    assert_eq!(log_in(&http, "ana", PASSWORD).await, 401);
    assert_eq!(log_in(&http, "ana", password.trim_end()).await, 201);
    let _ = http.get("/-/whoami").bearer(&ana).send().await.assert_status(401);
    let ana = || Some("ana".to_owned());
    assert_eq!(
        told(&registry),
        [("two-factor-changed".to_owned(), ana()), ("password-changed".to_owned(), ana())]
    );
}

#[tokio::test]
async fn an_account_is_added_where_sign_up_is_off() {
    let registry = Registry::configured("accounts.sign_up = false").await;
    let http = registry.http();
    let password = operate(&registry, &["account", "add", "ana", "--email", "ana@registry.example"]);
    assert_eq!(log_in(&http, "ana", password.trim_end()).await, 201);
    assert!(operate(&registry, &["account", "show", "ana"]).contains("email: ana@registry.example\n"));
    let stderr = refused(&registry, &["account", "add", "ana"]);
    assert!(stderr.contains("no account can be created with this name"), "{stderr}");
    for name in ["Ana", "../ana", "ana.", ""] {
        let stderr = refused(&registry, &["account", "add", name]);
        assert!(stderr.contains("an account name has 1 to 64 lowercase letters"), "{stderr}");
    }
    let stderr = refused(&registry, &["account", "admit", "ben", "--provider", "github"]);
    assert!(stderr.contains("there is no provider github: name one of local"), "{stderr}");
    assert_eq!(operate(&registry, &["account", "list"]), "ana local\n");
    assert_eq!(told(&registry), [("signed-up".to_owned(), Some("ana".to_owned()))]);
}

#[tokio::test]
async fn tokens_of_all_accounts_are_listed_and_revoked() {
    let registry = Registry::configured("cache.token_seconds = 0").await;
    let http = registry.http();
    let (_, ben) = (sign_up(&http, "ana").await, sign_up(&http, "ben").await);
    let limits = ["--read-only", "--package", "@acme/*", "--cidr", "10.0.0.0/8"];
    let robot =
        operate(&registry, &[&["token", "create", "ana", "--name", "ci robot"], &limits[..]].concat());
    let listed = operate(&registry, &["token", "list"]);
    let kinds: Vec<_> = listed
        .lines()
        .map(|line| line.splitn(5, ' ').skip(1).take(3).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(kinds, ["ana operator read-only", "ben session read-write", "ana session read-write"]);
    assert!(
        listed
            .lines()
            .next()
            .unwrap()
            .ends_with("expires=never packages=@acme/* networks=10.0.0.0/8 name=ci robot"),
        "{listed}"
    );
    assert!(!listed.contains(robot.trim_end()) && !listed.contains(&ben), "{listed}");
    let of_ben = operate(&registry, &["token", "list", "--account", "ben"]);
    assert_eq!(of_ben.lines().collect::<Vec<_>>(), [listed.lines().nth(1).unwrap()]);

    let id = of_ben.split(' ').next().unwrap();
    assert_eq!(operate(&registry, &["token", "revoke", id]), "revoked a token of ben\n");
    let _ = http.get("/-/whoami").bearer(&ben).send().await.assert_status(401);
    assert_eq!(operate(&registry, &["token", "revoke", robot.trim_end()]), "revoked a token of ana\n");
    assert_eq!(operate(&registry, &["token", "list"]).lines().count(), 1);
    let stderr = refused(&registry, &["token", "revoke", id]);
    assert!(stderr.contains("there is no such token: `registry-server token list`"), "{stderr}");
    let stderr = refused(&registry, &["token", "list", "--account", "eve"]);
    assert!(stderr.contains("the user eve does not exist"), "{stderr}");
    let kinds: Vec<_> = told(&registry).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["token-created", "token-revoked", "token-revoked"]);
}

/// The one object that a command prints with `--json`.
#[track_caller]
fn json_of(registry: &Registry, arguments: &[&str]) -> Value {
    let printed = operate(registry, &[arguments, &["--json"]].concat());
    assert_eq!(printed.lines().count(), 1, "{printed}");
    serde_json::from_str(&printed).unwrap()
}

#[tokio::test]
async fn commands_print_json_for_programs() {
    let registry = Registry::configured("cache.token_seconds = 0").await;
    let http = registry.http();
    let _ = sign_up(&http, "ana").await;
    assert_eq!(
        json_of(&registry, &["account", "list"]),
        json!({ "name": "ana", "provider": "local", "exists": true })
    );
    let mut shown = json_of(&registry, &["account", "show", "ana"]);
    assert!(shown["created"].take().as_str().unwrap().ends_with('Z'), "{shown}");
    assert!(shown["changed"].take().is_string());
    insta::assert_json_snapshot!(shown, @r#"
    {
      "name": "ana",
      "known_to": "local accounts",
      "email": "ana@registry.example",
      "created": null,
      "changed": null,
      "two_factor": null,
      "groups": []
    }
    "#);
    let added = json_of(&registry, &["account", "add", "ben"]);
    assert_eq!(
        (&added["name"], log_in(&http, "ben", added["password"].as_str().unwrap()).await),
        (&json!("ben"), 201)
    );
    let reset = json_of(&registry, &["account", "reset-two-factor", "ben"]);
    assert_eq!(reset, json!({ "name": "ben", "removed": false }));
    let reset = json_of(&registry, &["account", "reset-password", "ben"]);
    assert_eq!(log_in(&http, "ben", reset["password"].as_str().unwrap()).await, 201);
    assert_eq!(json_of(&registry, &["account", "remove", "ben"]), json!({ "name": "ben", "removed": true }));

    let limits = ["--package", "@acme/*", "--cidr", "10.0.0.0/8", "--name", "ci robot"];
    let made = json_of(&registry, &[&["token", "create", "ana", "--read-only"], &limits[..]].concat());
    let (id, secret) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert_eq!((&made["holder"], &made["expires"]), (&json!("ana"), &Value::Null));
    let listed = operate(&registry, &["token", "list", "--json"]);
    assert!(!listed.contains(secret), "{listed}");
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut token = listed.iter().find(|token| token["id"] == id).unwrap().clone();
    (token["id"], token["created"]) = (Value::Null, Value::Null);
    insta::assert_json_snapshot!(token, @r#"
    {
      "id": null,
      "holder": "ana",
      "kind": "operator",
      "permission": "read-only",
      "bypass_2fa": false,
      "created": null,
      "expires": null,
      "packages": [
        "@acme/*"
      ],
      "networks": [
        "10.0.0.0/8"
      ],
      "name": "ci robot"
    }
    "#);
    assert_eq!(json_of(&registry, &["token", "revoke", id]), json!({ "holder": "ana", "revoked": true }));
}

#[tokio::test]
async fn the_access_rules_explain_themselves_in_json() {
    let registry = Registry::start().await;
    let _ = sign_up(&registry.http(), "ana").await;
    let rules = "[[packages]]\nmatch = \"@acme/*\"\nread = [\"@all\"]\npublish = [\"user:ana\"]";
    let question = ["access", "explain", "ana", "publish", "@acme/pear", "--config", rules];
    insta::assert_json_snapshot!(json_of(&registry, &question), @r#"
    {
      "user": "ana",
      "action": "publish",
      "package": "@acme/pear",
      "allowed": true,
      "reason": "number 1, match = \"@acme/*\", which has user:ana in publish",
      "rule": 1,
      "pattern": "@acme/*",
      "entry": "user:ana in publish",
      "owners_only": false,
      "owners": null,
      "team": null,
      "private": false,
      "published_here": true,
      "known_to": "local accounts",
      "groups": [],
      "provenance": null
    }
    "#);
    let question = ["access", "explain", "anonymous", "publish", "pear", "--json", "--config", rules];
    let arguments = with_storage(&registry, &question);
    let output = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["allowed"], &told["user"], &told["rule"]), (&json!(false), &Value::Null, &Value::Null));
}

/// Accounts of other providers are theirs.
#[tokio::test]
async fn what_a_provider_manages_is_refused() {
    let storage = tempfile::tempdir().unwrap();
    let users = storage.path().join("users");
    std::fs::write(&users, "ana:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n").unwrap();
    let config = format!("accounts.sign_up = false\nhtpasswd.file = \"{}\"", users.display());
    let registry = Registry::configured(&config).await;
    for (action, advice) in [("remove", "remove it there"), ("reset-password", "change its password there")] {
        let arguments = with_storage(&registry, &["account", action, "ana"]);
        let mut command = registry_server(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let stderr = stderr_of_failure(&command.env("REGISTRY_CONFIG", &config).output().unwrap(), 1);
        assert!(stderr.contains("the account ana is managed by") && stderr.contains(advice), "{stderr}");
    }
    assert!(users.exists());
}
