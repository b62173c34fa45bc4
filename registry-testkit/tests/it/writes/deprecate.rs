use insta::assert_snapshot;
use serde_json::json;

use super::{pear, with_pear};

#[tokio::test]
async fn a_message_comes_and_goes() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let ana = registry.ana();
    let mut document = pear(&registry).await;
    document["versions"]["1.0.0"]["deprecated"] = json!("use 1.1.0");
    let answer = ana.put("/pear", &document).await;
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
      _names/ana.json
      _search/07.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/186dca2035de8620e47f6a968d75a1b3/pear-1.1.0.tgz
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
      {"principal":"ana","package":"pear","kind":"deprecated","versions":["1.0.0"],"message":"use 1.1.0"}
    "#);
    let abbreviated = registry.anonymous().get("/pear/1.0.0").await.json();
    assert_eq!(abbreviated["deprecated"], "use 1.1.0");

    let mut document = pear(&registry).await;
    document["versions"]["1.0.0"]["deprecated"] = json!("");
    let answer = ana.put("/pear", &document).await;
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
      _names/ana.json
      _search/07.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/186dca2035de8620e47f6a968d75a1b3/pear-1.1.0.tgz
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
      {"principal":"ana","package":"pear","kind":"undeprecated","versions":["1.0.0"]}
    "#);
    assert_eq!(pear(&registry).await["versions"]["1.0.0"].get("deprecated"), None);
}

#[tokio::test]
async fn only_owners_deprecate() {
    let registry = with_pear(&["1.0.0"]).await;
    let mut document = pear(&registry).await;
    document["versions"]["1.0.0"]["deprecated"] = json!("do not use");
    let answer = registry.user("ben").await.put("/pear", &document).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    403 Forbidden
    cache-control: no-cache
    content-type: application/json

    {
      "error": "you do not have permission to publish pear, which you do not own: ask one of its owners, or the registry's operator",
      "message": "you do not have permission to publish pear, which you do not own: ask one of its owners, or the registry's operator"
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
      {"principal":"ben","package":"pear","kind":"denied","action":"publish","by":"ownership"}
    "#);
}
