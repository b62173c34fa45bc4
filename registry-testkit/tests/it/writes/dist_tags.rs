use insta::assert_snapshot;
use serde_json::json;

use super::with_pear;

#[tokio::test]
async fn a_tag_is_set_moved_and_removed() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let ana = registry.ana();
    let answer = ana.put("/-/package/pear/dist-tags/stable", &json!("1.0.0")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "pear",
      "dist-tags": {
        "latest": "1.1.0",
        "stable": "1.0.0"
      }
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
      {"principal":"ana","package":"pear","kind":"dist-tag-set","tag":"stable","version":"1.0.0"}
    "#);
    let answer = ana.put("/-/package/pear/dist-tags/latest", &json!("1.0.0")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "pear",
      "dist-tags": {
        "latest": "1.0.0",
        "stable": "1.0.0"
      }
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
      {"principal":"ana","package":"pear","kind":"dist-tag-set","tag":"latest","version":"1.0.0"}
    "#);
    let answer = ana.delete("/-/package/pear/dist-tags/stable").await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "pear",
      "dist-tags": {
        "latest": "1.0.0"
      }
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
      {"principal":"ana","package":"pear","kind":"dist-tag-removed","tag":"stable"}
    "#);
}

#[tokio::test]
async fn setting_a_tag_to_what_it_is_changes_nothing() {
    let registry = with_pear(&["1.0.0"]).await;
    let before = registry.stored().await;
    let answer = registry.ana().put("/-/package/pear/dist-tags/latest", &json!("1.0.0")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "pear",
      "dist-tags": {
        "latest": "1.0.0"
      }
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
    assert_eq!(registry.stored().await, before);
}

#[tokio::test]
async fn a_tag_names_a_version_that_is_there_and_latest_stays() {
    let registry = with_pear(&["1.0.0"]).await;
    let ana = registry.ana();
    let answer = ana.put("/-/package/pear/dist-tags/stable", &json!("9.9.9")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    404 Not Found
    cache-control: no-cache
    content-type: application/json

    {
      "error": "version not found: 9.9.9",
      "message": "version not found: 9.9.9"
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
    let answer = ana.delete("/-/package/pear/dist-tags/latest").await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    400 Bad Request
    cache-control: no-cache
    content-type: application/json

    {
      "error": "the dist-tag latest cannot be removed: set it to another version instead",
      "message": "the dist-tag latest cannot be removed: set it to another version instead"
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
    let answer = ana.delete("/-/package/pear/dist-tags/stable").await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    404 Not Found
    cache-control: no-cache
    content-type: application/json

    {
      "error": "the dist-tag stable does not exist",
      "message": "the dist-tag stable does not exist"
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
