use insta::assert_snapshot;
use serde_json::json;

use super::{pear, text, with_pear};

#[tokio::test]
async fn npm_sends_the_owners_as_they_are_to_be() {
    let registry = with_pear(&["1.0.0"]).await;
    let ben = registry.user("ben").await;
    let packument = pear(&registry).await;
    let revision = text(&packument, "_rev").to_owned();
    let document = json!({
        "_id": "pear",
        "_rev": revision,
        "maintainers": [
            { "name": "ana", "email": "ana@registry.example" },
            { "name": "ben", "email": "ben@registry.example" },
        ],
    });
    let answer = registry.ana().put(&format!("/pear/-rev/{revision}"), &document).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "pear"
    }

    store:
      _accounts/ana.json
      _accounts/ben.json
      _names/ana.json
      _names/ben.json
      _search/07.json
      _tokens/14d061bda53be666db85efb1fed3edceda0b6e96669dab9d18d591e295b12982.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
      {"principal":"ana","package":"pear","kind":"owners-changed","owners":["ana","ben"]}
    "#);
    assert_eq!(pear(&registry).await["maintainers"], document["maintainers"]);

    let revision = text(&pear(&registry).await, "_rev").to_owned();
    let document = json!({ "_id": "pear", "_rev": revision, "maintainers": [document["maintainers"][1]] });
    let answer = ben.put(&format!("/pear/-rev/{revision}"), &document).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "pear"
    }

    store:
      _accounts/ana.json
      _accounts/ben.json
      _names/ana.json
      _names/ben.json
      _search/07.json
      _tokens/14d061bda53be666db85efb1fed3edceda0b6e96669dab9d18d591e295b12982.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
      {"principal":"ben","package":"pear","kind":"owners-changed","owners":["ben"]}
    "#);
}

#[tokio::test]
async fn pnpm_adds_and_removes_one_owner_at_a_time() {
    let registry = with_pear(&["1.0.0"]).await;
    registry.user("ben").await;
    let ana = registry.ana();
    let answer = ana.put("/-/package/pear/owners", &json!({ "user": "ben" })).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "pear",
      "rev": "2-17fcf32e4e82d6400cfffe56222e9e87"
    }

    store:
      _accounts/ana.json
      _accounts/ben.json
      _names/ana.json
      _names/ben.json
      _search/07.json
      _tokens/14d061bda53be666db85efb1fed3edceda0b6e96669dab9d18d591e295b12982.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
      {"principal":"ana","package":"pear","kind":"owners-changed","owners":["ana","ben"]}
    "#);
    let answer = ana.delete("/-/package/pear/owners/ana").await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "pear",
      "rev": "3-f5e04b5e44022e8bc1533500bb598cbf"
    }

    store:
      _accounts/ana.json
      _accounts/ben.json
      _names/ana.json
      _names/ben.json
      _search/07.json
      _tokens/14d061bda53be666db85efb1fed3edceda0b6e96669dab9d18d591e295b12982.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
      {"principal":"ana","package":"pear","kind":"owners-changed","owners":["ben"]}
    "#);
    let owners = registry.anonymous().get("/-/package/pear/owners").await.json();
    assert_eq!(owners, json!([{ "username": "ben", "email": "ben@registry.example" }]));
}

#[tokio::test]
async fn the_last_owner_stays_and_a_new_one_must_exist() {
    let registry = with_pear(&["1.0.0"]).await;
    let ana = registry.ana();
    let answer = ana.delete("/-/package/pear/owners/ana").await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    400 Bad Request
    cache-control: no-cache
    content-type: application/json

    {
      "error": "pear must keep at least one owner: add another one first",
      "message": "pear must keep at least one owner: add another one first"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _search/07.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
    "#);
    let answer = ana.put("/-/package/pear/owners", &json!({ "user": "nobody" })).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    404 Not Found
    cache-control: no-cache
    content-type: application/json

    {
      "error": "the user nobody does not exist in this registry",
      "message": "the user nobody does not exist in this registry"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _search/07.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
    "#);
}

#[tokio::test]
async fn owners_are_named_once_and_have_the_mail_of_their_account() {
    let registry = with_pear(&["1.0.0"]).await;
    let _ = registry.user("ben").await;
    let document = json!({
        "_id": "pear",
        "_rev": text(&pear(&registry).await, "_rev"),
        "maintainers": [
            { "name": "ana", "email": "mallory@evil.example" },
            { "name": "ben", "email": "ben@evil.example\r\nx" },
            { "name": "ben", "email": "" },
            { "name": "ana" },
        ],
    });
    let revision = text(&document, "_rev").to_owned();
    let _ = registry.ana().put(&format!("/pear/-rev/{revision}"), &document).await.assert_status(200);
    let expected = json!([
        { "name": "ana", "email": "ana@registry.example" },
        { "name": "ben", "email": "ben@registry.example" },
    ]);
    assert_eq!(pear(&registry).await["maintainers"], expected);
}

/// npm reads the account of an owner before it removes it, and an account may be gone.
#[tokio::test]
async fn an_owner_whose_account_is_gone_can_be_removed_with_npm() {
    let registry = with_pear(&["1.0.0"]).await;
    let (ana, _) = (registry.ana(), registry.user("ben").await);
    let _ = ana.put("/-/package/pear/owners", &json!({ "user": "ben" })).await.assert_status(200);
    registry.remove("_accounts/ben.json").await;

    let account = "/-/user/org.couchdb.user:ben";
    let found = ana.get(account).await.assert_status(200).json();
    assert_eq!((text(&found, "name"), text(&found, "email")), ("ben", ""));
    let _ = registry.anonymous().get(account).await.assert_status(401);
    let packument = pear(&registry).await;
    let revision = text(&packument, "_rev").to_owned();
    let owners = json!({ "_rev": revision, "maintainers": [{ "name": "ana", "email": "" }] });
    let _ = ana.put(&format!("/pear/-rev/{revision}"), &owners).await.assert_status(200);
    assert_eq!(pear(&registry).await["maintainers"].as_array().unwrap().len(), 1);

    // The account of no owner does not exist, and becomes none.
    let _ = ana.get(account).await.assert_status(404);
    let _ = ana.put("/-/package/pear/owners", &json!({ "user": "ben" })).await.assert_status(404);
}
