use insta::assert_snapshot;
use registry_core::accounts::{NewToken, TokenHolder};
use registry_core::auth::{Principal, TokenKind, TokenLimits, TokenPermission};
use registry_core::storage::{BlobPath, When};
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{TOKENS, create, request};

#[tokio::test]
async fn a_granular_token() {
    let registry = TestRegistry::new().await;
    let wanted = json!({
        "name": "ci",
        "description": "the build of web",
        "packages": ["pear"],
        "scopes": ["@acme"],
        "packages_and_scopes_permission": "read-write",
        "orgs": [],
        "expires": 30,
        "cidr_whitelist": ["10.0.0.0/8"],
        "bypass_2fa": true,
    });
    let answer = registry.ana().post(TOKENS, &request(&wanted)).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    201 Created
    cache-control: no-cache
    content-type: application/json

    {
      "key": "780676518d8229c00f596afe84e4ff9f80d2bb2dd147f375314c8c37a841bf62",
      "token": "npm_8BldgAeGW6gUyRTKJJMNEt2m6v0bG8VZzkNz",
      "name": "ci",
      "description": "the build of web",
      "created": "2026-01-02T03:04:05.000Z",
      "updated": "2026-01-02T03:04:05.000Z",
      "readonly": false,
      "cidr_whitelist": [
        "10.0.0.0/8"
      ],
      "cidr": [
        "10.0.0.0/8"
      ],
      "expires": "2026-02-01T03:04:05.000Z",
      "expiry": "2026-02-01T03:04:05.000Z",
      "bypass_2fa": true,
      "permissions": [
        {
          "name": "package",
          "action": "write"
        }
      ],
      "scopes": [
        {
          "type": "package",
          "name": "pear"
        },
        {
          "type": "scope",
          "name": "@acme"
        }
      ]
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/780676518d8229c00f596afe84e4ff9f80d2bb2dd147f375314c8c37a841bf62.json
      _tokens_of/ana/780676518d8229c00f596afe84e4ff9f80d2bb2dd147f375314c8c37a841bf62

    events:
      {"principal":"ana","kind":"token-created","key":"780676518d8229c00f596afe84e4ff9f80d2bb2dd147f375314c8c37a841bf62","holder":"ana","name":"ci","expires":"2026-02-01T03:04:05Z"}
    "#);
    let stored = registry.stored().await;
    let record = stored.iter().find(|(_, bytes)| bytes.windows(4).any(|part| part == b"\"ci\"")).unwrap().1;
    assert_snapshot!(String::from_utf8_lossy(record), @r#"{"provider":"local","account":"ana","created":"2026-01-02T03:04:05Z","name":"ci","description":"the build of web","prefix":"npm_8Bld","kind":"granular","expires":"2026-02-01T03:04:05Z","permission":"read-write","packages":["pear","@acme/*"],"networks":["10.0.0.0/8"],"bypass_two_factor":true}"#);
}

#[tokio::test]
async fn a_token_in_the_form_of_before() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let read_only = create(&ana, json!({ "readonly": true, "cidr_whitelist": [] })).await;
    assert_eq!((&read_only["readonly"], &read_only["cidr_whitelist"]), (&json!(true), &json!(null)));
    let usual = create(&ana, json!({ "readonly": false, "cidr_whitelist": ["192.0.2.1"] })).await;
    assert_eq!((&usual["readonly"], &usual["cidr_whitelist"]), (&json!(false), &json!(["192.0.2.1/32"])));
    // No lifetime was asked for.
    assert_eq!(usual["expires"], "2026-04-02T03:04:05.000Z");
}

#[tokio::test]
async fn a_token_for_packages_without_a_permission_reads_them() {
    let registry = TestRegistry::new().await;
    for (wanted, permissions) in [
        (json!({ "packages": ["pear"] }), json!([{ "name": "package", "action": "read" }])),
        (json!({ "packages_all": true }), json!([{ "name": "package", "action": "read" }])),
        (
            json!({}),
            json!([{ "name": "package", "action": "write" }, { "name": "account", "action": "write" }]),
        ),
        (json!({ "packages_and_scopes_permission": "no-access" }), json!([])),
    ] {
        assert_eq!(create(&registry.ana(), wanted.clone()).await["permissions"], permissions, "{wanted}");
    }
}

#[tokio::test]
async fn a_wrong_password_makes_no_token() {
    let registry = TestRegistry::new().await;
    let answer = registry.ana().post(TOKENS, &json!({ "password": "a guess", "name": "ci" })).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    401 Unauthorized
    cache-control: no-cache
    content-type: application/json
    www-authenticate: Basic

    {
      "error": "the password of your account is wrong: try again with the password that you log in with",
      "message": "the password of your account is wrong: try again with the password that you log in with"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
    "#);
    let _ = registry.ana().post(TOKENS, &json!({ "name": "ci" })).await.assert_status(401);
    let _ = registry.anonymous().post(TOKENS, &request(&json!({}))).await.assert_status(401);
}

#[tokio::test]
async fn what_no_token_can_be_is_refused_with_what_to_do() {
    let registry = TestRegistry::new().await;
    let before = registry.keys().await;
    let mut refusals = String::new();
    for wanted in [
        json!({ "expires": 0 }),
        json!({ "expires": 366 }),
        json!({ "expires": -1 }),
        json!({ "expires": "soon" }),
        json!({ "cidr_whitelist": ["10.0.0.0/99"] }),
        json!({ "cidr_whitelist": 7 }),
        json!({ "packages": ["../etc"] }),
        json!({ "packages": ["a\r\nb"] }),
        json!({ "packages": vec!["pear"; 101] }),
        json!({ "scopes": [""] }),
        json!({ "name": "x".repeat(256) }),
        json!({ "name": "line\nfeed" }),
        json!({ "packages_and_scopes_permission": "read-write" }),
        json!({ "packages_all": true, "packages_and_scopes_permission": "root" }),
    ] {
        let refused = registry.ana().post(TOKENS, &request(&wanted)).await.assert_status(400);
        refusals.push_str(&refused.error());
        refusals.push('\n');
    }
    assert_snapshot!(refusals, @r#"
    a token lasts one day at least: ask for more with --expires=1
    a token of this registry lasts 365 days at most: ask for fewer with --expires=365
    the request's body does not have the format that this route expects: invalid value: integer `-1`, expected u32 at line 1 column 48
    the request's body does not have the format that this route expects: invalid type: string "soon", expected u32 at line 1 column 52
    "10.0.0.0/99" is not a network: write one such as 10.0.0.0/8
    the request's body does not have the format that this route expects: cidr_whitelist must be a network or a list of networks at line 1 column 55
    the token cannot be for "../etc": it matches no package name; write `@../etc`
    the token cannot be for "a\r\nb": it holds '\r', which no package name holds; only `*` and `**` stand for other text
    a token lists at most 100 packages and scopes, and as many organizations and networks: use a scope, or make several tokens
    the token cannot be for "@/*": it matches no package name; write `@*/*`
    the name of a token has at most 255 bytes and no control characters: give a shorter one
    the name of a token has at most 255 bytes and no control characters: give a shorter one
    a permission needs packages: add --packages, --scopes or --packages-all
    there is no permission "root": use read-only, read-write, read-write-stage-only or no-access
    "#);
    assert_eq!(registry.keys().await, before);
}

#[tokio::test]
async fn a_token_makes_no_tokens_unless_it_may_do_everything() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    for limited in [
        json!({ "readonly": true }),
        json!({ "packages": ["pear"], "packages_and_scopes_permission": "read-write" }),
        json!({ "bypass_2fa": true }),
    ] {
        let client = super::with_token(&ana, limited).await;
        let refused = client.post(TOKENS, &request(&json!({}))).await.assert_status(403);
        assert!(
            refused.error().starts_with("your token does not permit operations on accounts"),
            "{}",
            refused.error()
        );
    }
    let unlimited = super::with_token(&ana, json!({})).await;
    let _ = unlimited.post(TOKENS, &request(&json!({}))).await.assert_status(201);
}

#[tokio::test]
async fn a_token_for_a_user_whom_no_provider_knows() {
    let registry = TestRegistry::new().await;
    let build = Principal { groups: vec!["build".into()], ..Principal::user("github:acme/web") };
    let limits = TokenLimits {
        kind: TokenKind::Operator,
        permission: TokenPermission::ReadWrite,
        packages: Some(vec!["@acme/web".to_owned().try_into().unwrap()]),
        bypass_two_factor: true,
        ..TokenLimits::default()
    };
    let holder = TokenHolder::Principal { principal: build };
    let token = NewToken { holder, name: None, description: None, limits };
    let token = registry.registry().issue_token(token).await.unwrap();
    let client = registry.anonymous().with_token(token.expose_secret());
    assert_eq!(client.get("/-/whoami").await.json()["username"], "github:acme/web");
    let _ = client.publish(&PublishDocument::new("@acme/web", "1.0.0")).await.assert_status(201);
    let _ = client.publish(&PublishDocument::new("@acme/other", "1.0.0")).await.assert_status(403);
}

#[tokio::test]
async fn a_record_of_before_still_counts() {
    let registry = TestRegistry::new().await;
    let old = r#"{"provider":"local","account":"ana","created":"2026-01-02T03:04:05Z"}"#;
    let secret = "npm_aTokenOfBefore";
    let path = BlobPath::parse(&format!("_tokens/{}.json", sha256(secret))).unwrap();
    let store = registry.registry().store();
    let _ = store.put(&path, old.into(), When::Absent).await.unwrap();
    let client = registry.anonymous().with_token(secret);
    assert_eq!(client.get("/-/whoami").await.assert_status(200).json()["username"], "ana");
    let _ = client.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    const_hex::encode(sha2::Sha256::digest(text))
}
