use http::Method;
use registry_core::accounts::{NewToken, TokenHolder};
use registry_core::auth::TokenLimits;
use registry_core::storage::{BlobPath, BlobStore as _};
use secrecy::ExposeSecret as _;

use super::*;

pub(super) async fn signed_in(world: &World, name: &str) -> TestClient {
    let token = NewToken {
        holder: TokenHolder::Principal { principal: Principal::user(name) },
        name: None,
        description: None,
        limits: TokenLimits::default(),
    };
    let token = world.registry.issue_token(token).await.unwrap().expose_secret().to_owned();
    TestClient::new(world.registry.clone(), Some(token))
}

#[tokio::test]
async fn administrators_block_versions_over_http() {
    let world = World::with(&json!([]), listed(UnreadableBlockList::Refuse));
    let (old, new) = (("1.0.0", None, json!({})), ("2.0.0", None, json!({})));
    serve(&world.upstream, "pear", &[old, new]);
    let (ada, ana) = (signed_in(&world, "ada").await, signed_in(&world, "ana").await);
    let block = json!({ "package": "pear", "versions": ">=2.0.0", "reason": "worm", "until": "2026-02-01T00:00:00Z" });

    let _ = world.client().post("/-/policy/blocks", &block).await.assert_status(401);
    let refused = ana.post("/-/policy/blocks", &block).await.assert_status(403);
    assert!(refused.error().contains("only administrators of pear"), "{}", refused.error());
    let _ = world.client().get("/-/policy/blocks").await.assert_status(401);
    let made = ada.post("/-/policy/blocks", &block).await.assert_status(201).json();
    assert_eq!(made["by"], "ada");
    let listed = ada.get("/-/policy/blocks").await.assert_status(200).json();
    assert_eq!(listed["blocked"], json!([made]));
    assert_eq!(ana.get("/-/policy/blocks").await.json()["blocked"], json!([]), "she administers none");

    let refused = world.get(&tarball("pear", "2.0.0")).await.assert_status(403);
    assert!(refused.error().contains("worm"), "{}", refused.error());
    let _ = ana.delete("/-/policy/blocks/pear?versions=%3E%3D2.0.0").await.assert_status(403);
    let _ = ada.delete("/-/policy/blocks/pear?versions=2.x").await.assert_status(404);
    let _ = ada.delete("/-/policy/blocks/pear?versions=%3E%3D2.0.0").await.assert_status(200);
    let _ = world.get(&tarball("pear", "2.0.0")).await.assert_status(200);

    world.registry.flush_events().await;
    let events: Vec<_> =
        world.events.take().iter().map(|event| serde_json::to_value(event).unwrap()).collect();
    let of = |kind: &str| events.iter().filter(|event| event["kind"] == kind).cloned().collect::<Vec<_>>();
    let blocked = &of("versions-blocked")[0];
    assert_eq!(
        (
            &blocked["principal"],
            &blocked["package"],
            &blocked["versions"],
            &blocked["reason"],
            &blocked["until"]
        ),
        (&json!("ada"), &json!("pear"), &json!(">=2.0.0"), &json!("worm"), &json!("2026-02-01T00:00:00Z"))
    );
    assert_eq!(of("versions-unblocked")[0]["versions"], ">=2.0.0");
    assert_eq!(of("denied").len(), 2 + 2, "each refusal, and callers who were not signed in");
}

#[tokio::test]
async fn a_block_that_says_too_little_changes_nothing() {
    let world = World::with(&json!([]), listed(UnreadableBlockList::Refuse));
    let ada = signed_in(&world, "ada").await;
    for (body, said) in [
        (json!({ "package": "pear" }), "reason"),
        (json!({ "package": "pear", "reason": " " }), "needs a reason"),
        (json!({ "package": "pear", "reason": "a\nb" }), "one line"),
        (json!({ "package": "pear", "reason": "x", "versions": "new" }), "is not a range"),
        (json!({ "package": "pear", "reason": "x", "until": "2025-01-01T00:00:00Z" }), "in the past"),
        (json!({ "package": "a b", "reason": "x" }), "format"),
        (json!({ "package": "pear", "reason": "x", "untill": "2027-01-01T00:00:00Z" }), "untill"),
    ] {
        let refused = ada.post("/-/policy/blocks", &body).await.assert_status(400);
        assert!(refused.error().contains(said), "{body}: {}", refused.error());
    }
    assert_eq!(ada.get("/-/policy/blocks").await.json()["blocked"], json!([]));
    let _ = ada.ask(Method::PUT, "/-/policy/blocks", "").await.assert_status(405);
    let _ = ada.get("/-/policy/blocks/pear").await.assert_status(405);
    let _ = ada.get("/-/policy/other").await.assert_status(404);
}

#[tokio::test]
async fn without_a_list_none_is_changed() {
    let world = World::new(&json!([]));
    let ada = signed_in(&world, "ada").await;
    let refused = ada.post("/-/policy/blocks", &json!({ "package": "pear", "reason": "x" })).await;
    assert!(refused.assert_status(404).error().contains("[block_list]"));
}

#[tokio::test]
async fn what_is_decided_is_explained() {
    let policy = json!([
        { "match": "@ours/*" },
        { "match": "**", "minimum_age": "7 days", "exempt": ["pear@1.x"], "install_scripts": "refuse" },
    ]);
    let world = World::with(&policy, listed(UnreadableBlockList::Refuse));
    let old = Some("2025-11-01T00:00:00.000Z");
    serve(
        &world.upstream,
        "pear",
        &[
            ("1.0.0", None, json!({})),
            ("2.0.0", old, json!({})),
            ("2.1.0", Some("2026-01-01T00:00:00.000Z"), json!({})),
            ("2.2.0", old, json!({ "scripts": { "install": "make" } })),
            ("2.3.0", old, json!({})),
        ],
    );
    world.publish("@ours/fig", "1.0.0", &json!({})).await;
    world.block("pear", "2.3.0").await;
    let explained = world.get("/-/package/pear/policy").await.assert_status(200).json();
    insta::assert_snapshot!(serde_json::to_string_pretty(&explained).unwrap(), @r#"
    {
      "name": "pear",
      "versions": [
        {
          "version": "1.0.0",
          "allowed": true,
          "allowed_by": [
            "exempt of policy 2, match = \"**\""
          ]
        },
        {
          "version": "2.0.0",
          "published": "2025-11-01T00:00:00.000Z",
          "allowed": true,
          "allowed_by": [
            "minimum_age of policy 2, match = \"**\""
          ]
        },
        {
          "version": "2.1.0",
          "published": "2026-01-01T00:00:00.000Z",
          "allowed": false,
          "refusal": {
            "rule": "minimum_age",
            "reason": "was published on 2026-01-01T00:00:00Z and waits for 7 days",
            "until": "2026-01-08T00:00:00Z"
          }
        },
        {
          "version": "2.2.0",
          "published": "2025-11-01T00:00:00.000Z",
          "allowed": false,
          "refusal": {
            "rule": "install_scripts",
            "reason": "runs a script when it is installed"
          }
        },
        {
          "version": "2.3.0",
          "published": "2025-11-01T00:00:00.000Z",
          "allowed": false,
          "refusal": {
            "rule": "block",
            "reason": "is blocked: it is bad"
          }
        }
      ]
    }
    "#);
    let one = world.get("/-/package/pear/policy/2.1.0").await.assert_status(200).json();
    assert_eq!(one["versions"].as_array().unwrap().len(), 1);
    let _ = world.get("/-/package/pear/policy/9.0.0").await.assert_status(404);
    let hosted = world.get("/-/package/@ours/fig/policy").await.assert_status(200).json();
    assert_eq!(hosted["versions"][0]["allowed"], true);
    let _ = world.get("/-/package/missing/policy").await.assert_status(404);
}

/// A list is changed, and never deleted: one that was there and is gone is no empty list.
#[tokio::test]
async fn a_list_that_is_gone_is_not_an_empty_one() {
    let world = World::with(&json!([]), listed(UnreadableBlockList::Refuse));
    serve(&world.upstream, "pear", &[("1.0.0", None, json!({}))]);
    world.block("pear", "1.0.0").await;
    let _ = world.get(&tarball("pear", "1.0.0")).await.assert_status(403);
    world.store.delete(&BlobPath::parse(LIST).unwrap()).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    let _ = world.get(&tarball("pear", "1.0.0")).await.assert_status(503);
}

#[tokio::test]
async fn what_readers_could_not_see_is_no_reason_and_no_range() {
    let world = World::with(&json!([]), listed(UnreadableBlockList::Refuse));
    let ada = signed_in(&world, "ada").await;
    for (versions, reason) in [
        ("1.0.0", "good \u{202e}evil"),
        ("1.0.0", "zero\u{200b}width"),
        ("1.0.0", "\u{feff}"),
        ("1.0.0\n1.1.0", "worm"),
    ] {
        let block = json!({ "package": "pear", "versions": versions, "reason": reason });
        let refused = ada.post("/-/policy/blocks", &block).await;
        assert_eq!(refused.status, 400, "{block}");
    }
    assert_eq!(ada.get("/-/policy/blocks").await.json()["blocked"], json!([]));
}
