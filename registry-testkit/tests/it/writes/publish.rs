use insta::assert_snapshot;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::with_pear;

#[tokio::test]
async fn the_first_version_makes_the_package() {
    let registry = TestRegistry::new().await;
    let document = PublishDocument::new("@acme/one", "1.0.0")
        .field("description", json!("The first"))
        .field("license", json!("MIT"))
        .file("index.js", b"module.exports = 1;\n");
    let answer = registry.ana().publish(&document).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    201 Created
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "@acme/one",
      "rev": "1-4687e96568c4e2109c442a5c3c97d714"
    }

    store:
      @acme/one/-/31ebf5b6118ebcdeeba68ac3e7f1b769/one-1.0.0.tgz
      @acme/one/index.json
      _accounts/ana.json
      _names/ana.json
      _search/06.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
      {"principal":"ana","package":"@acme/one","kind":"published","version":"1.0.0","tag":"latest","integrity":"sha512-Mev1thGOvN7rporD5/G3aZbzUItM2fXr7fxGrLoHZNDKvMs4nzVel/LYvfMnIzPpdhfjmvMh0q9dKhNIh860aA=="}
    "#);

    let packument = registry.anonymous().get("/@acme%2fone").await;
    assert_snapshot!(registry.snapshot_of(&packument).await, @r##"
    200 OK
    cache-control: no-cache
    content-type: application/json
    etag: "8d8ead55ae986948075d087a87ef972e"
    vary: accept, accept-encoding

    {
      "_id": "@acme/one",
      "_rev": "1-4687e96568c4e2109c442a5c3c97d714",
      "name": "@acme/one",
      "description": "The first",
      "license": "MIT",
      "readme": "# @acme/one\n",
      "dist-tags": {
        "latest": "1.0.0"
      },
      "versions": {
        "1.0.0": {
          "name": "@acme/one",
          "version": "1.0.0",
          "description": "The first",
          "license": "MIT",
          "readmeFilename": "README.md",
          "_id": "@acme/one@1.0.0",
          "_nodeVersion": "24.21.0",
          "_npmVersion": "11.21.2",
          "_npmUser": {
            "name": "ana",
            "email": "ana@registry.example"
          },
          "maintainers": [
            {
              "name": "ana",
              "email": "ana@registry.example"
            }
          ],
          "dist": {
            "integrity": "sha512-Mev1thGOvN7rporD5/G3aZbzUItM2fXr7fxGrLoHZNDKvMs4nzVel/LYvfMnIzPpdhfjmvMh0q9dKhNIh860aA==",
            "shasum": "bdc135b1487eaa19594f0a9989f15ca590ba5328",
            "tarball": "http://registry.example/@acme/one/-/one-1.0.0.tgz",
            "fileCount": 2,
            "unpackedSize": 118
          }
        }
      },
      "time": {
        "created": "2026-01-02T03:04:05.000Z",
        "modified": "2026-01-02T03:04:05.000Z",
        "1.0.0": "2026-01-02T03:04:05.000Z"
      },
      "maintainers": [
        {
          "name": "ana",
          "email": "ana@registry.example"
        }
      ]
    }

    store:
      @acme/one/-/31ebf5b6118ebcdeeba68ac3e7f1b769/one-1.0.0.tgz
      @acme/one/index.json
      _accounts/ana.json
      _names/ana.json
      _search/06.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
    "##);
}

#[tokio::test]
async fn the_second_version_becomes_latest() {
    let registry = with_pear(&["1.0.0"]).await;
    let answer = registry.ana().publish(&PublishDocument::new("pear", "1.1.0")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    201 Created
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "pear",
      "rev": "2-cd8f54d10efdf17eac06f33e6310841f"
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
      {"principal":"ana","package":"pear","kind":"published","version":"1.1.0","tag":"latest","integrity":"sha512-GG3KIDXehiDkf2qWjXWhszuqgLHLHfXlCeKfktnDolFPAIt3lnJ7GR3kxGoTcbSPsV7GImG7gU5SN0xNLHBUaQ=="}
    "#);
    let packument = registry.anonymous().get("/pear").await.json();
    assert_eq!(packument["dist-tags"], json!({ "latest": "1.1.0" }));
    assert_eq!(packument["versions"].as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn a_first_version_with_a_tag_of_its_own_becomes_latest_too() {
    let registry = TestRegistry::new().await;
    let answer = registry.ana().publish(&PublishDocument::new("pear", "1.0.0-rc.1").tag("beta")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    201 Created
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "pear",
      "rev": "1-4687e96568c4e2109c442a5c3c97d714"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _search/07.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/1a344aec5a82c2ec70deca32a681deea/pear-1.0.0-rc.1.tgz
      pear/index.json

    events:
      {"principal":"ana","package":"pear","kind":"published","version":"1.0.0-rc.1","tag":"beta","integrity":"sha512-GjRK7FqCwuxw3soypoHe6hcugZAyJ9aJWnHk+3dZQ8gzbzshm9Yc26od1TzPnS8ZjcY8qyUFOJ4ZscAJbe6KKw=="}
    "#);
    let tags = registry.anonymous().get("/-/package/pear/dist-tags").await.json();
    assert_eq!(tags, json!({ "beta": "1.0.0-rc.1", "latest": "1.0.0-rc.1" }));
}

#[tokio::test]
async fn a_later_version_with_a_tag_of_its_own_leaves_latest() {
    let registry = with_pear(&["1.0.0"]).await;
    let _ = registry
        .ana()
        .publish(&PublishDocument::new("pear", "2.0.0-rc.1").tag("beta"))
        .await
        .assert_status(201);
    let tags = registry.anonymous().get("/-/package/pear/dist-tags").await.json();
    assert_eq!(tags, json!({ "latest": "1.0.0", "beta": "2.0.0-rc.1" }));
}

#[tokio::test]
async fn a_version_is_published_once() {
    let registry = with_pear(&["1.0.0"]).await;
    let others = PublishDocument::new("pear", "1.0.0").file("index.js", b"other bytes");
    let answer = registry.ana().publish(&others).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    403 Forbidden
    cache-control: no-cache
    content-type: application/json

    {
      "error": "You cannot publish over the previously published versions: 1.0.0. A version number cannot be reused, not even after an unpublish: raise the version in package.json",
      "message": "You cannot publish over the previously published versions: 1.0.0. A version number cannot be reused, not even after an unpublish: raise the version in package.json"
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
async fn a_stranger_publishes_nothing() {
    let registry = with_pear(&["1.0.0"]).await;
    let document = PublishDocument::new("pear", "1.1.0");
    let answer = registry.anonymous().publish(&document).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    401 Unauthorized
    cache-control: no-cache
    content-type: application/json
    npm-notice: you must be signed in to do this: run `npm login` with this registry, then try again
    www-authenticate: Bearer

    {
      "error": "you must be signed in to do this: run `npm login` with this registry, then try again",
      "message": "you must be signed in to do this: run `npm login` with this registry, then try again"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _search/07.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
      {"package":"pear","kind":"denied","action":"publish","by":"not-signed-in"}
    "#);
    let answer = registry.user("ben").await.publish(&document).await;
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
