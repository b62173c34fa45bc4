use insta::assert_snapshot;
use serde_json::json;

use super::{pear, text, with_pear};

#[tokio::test]
async fn npm_stars_with_a_document() {
    let registry = with_pear(&["1.0.0"]).await;
    let ben = registry.user("ben").await;
    let revision = text(&pear(&registry).await, "_rev").to_owned();
    let answer =
        ben.put("/pear", &json!({ "_id": "pear", "_rev": revision, "users": { "ben": true } })).await;
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
      _stars/ben/pear
      _tokens/14d061bda53be666db85efb1fed3edceda0b6e96669dab9d18d591e295b12982.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
      {"principal":"ben","package":"pear","kind":"starred"}
    "#);
    let starred = registry.anonymous().get("/-/_view/starredByUser?key=%22ben%22").await;
    assert_eq!(starred.json(), json!({ "rows": [{ "value": "pear" }] }));

    let revision = text(&pear(&registry).await, "_rev").to_owned();
    let answer = ben.put("/pear", &json!({ "_id": "pear", "_rev": revision, "users": {} })).await;
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
      {"principal":"ben","package":"pear","kind":"unstarred"}
    "#);
    assert_eq!(pear(&registry).await.get("users"), None);
}

#[tokio::test]
async fn a_caller_stars_only_for_itself() {
    let registry = with_pear(&["1.0.0"]).await;
    let ben = registry.user("ben").await;
    let document = json!({ "_id": "pear", "users": { "ana": true, "ben": true, "carol": true } });
    let _ = ben.put("/pear", &document).await.assert_status(200);
    assert_eq!(pear(&registry).await["users"], json!({ "ben": true }));
}

#[tokio::test]
async fn pnpm_stars_with_a_route() {
    let registry = with_pear(&["1.0.0"]).await;
    let ben = registry.user("ben").await;
    let answer = ben.put("/-/user/v1/star", &json!({ "package": "pear" })).await;
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
      _stars/ben/pear
      _tokens/14d061bda53be666db85efb1fed3edceda0b6e96669dab9d18d591e295b12982.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
      {"principal":"ben","package":"pear","kind":"starred"}
    "#);
    assert_eq!(ben.get("/-/user/v1/star").await.json(), json!(["pear"]));
    let answer = ben.delete("/-/user/package/pear/star").await;
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
      {"principal":"ben","package":"pear","kind":"unstarred"}
    "#);
    assert_eq!(ben.get("/-/user/v1/star").await.json(), json!([]));
}

/// A star is not the owners' change: what they change on what they saw before it does not conflict, and a cache sees it.
#[tokio::test]
async fn a_star_leaves_the_revision_and_changes_the_etag() {
    let registry = with_pear(&["1.0.0"]).await;
    let ben = registry.user("ben").await;
    let seen = registry.ana().get("/pear?write=true").await;
    let mut document = seen.json();
    for starred in [true, false, true] {
        let path = "/-/user/package/pear/star";
        let answer = if starred { ben.put(path, &json!({})).await } else { ben.delete(path).await };
        let _ = answer.assert_status(200);
    }
    let after = registry.ana().get("/pear?write=true").await;
    assert_eq!(after.json()["_rev"], document["_rev"]);
    assert_eq!(after.json()["users"], json!({ "ben": true }));
    assert_ne!(after.header("etag"), seen.header("etag"));
    document["versions"]["1.0.0"]["deprecated"] = "old".into();
    let _ = registry.ana().put("/pear", &document).await.assert_status(200);
    let changed = pear(&registry).await;
    assert_eq!(changed["users"], json!({ "ben": true }));
    assert_ne!(changed["_rev"], document["_rev"]);
    // Of two owners' changes, the second still conflicts.
    document["versions"]["1.0.0"]["deprecated"] = "older".into();
    let _ = registry.ana().put("/pear", &document).await.assert_status(409);
}
