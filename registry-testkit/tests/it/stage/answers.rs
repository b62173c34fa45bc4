use insta::assert_snapshot;
use registry_core::domain::Integrity;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{approve, listed, one, stage, staged_id, with_pear};

#[tokio::test]
async fn a_version_is_staged() {
    let registry = with_pear().await;
    let document = PublishDocument::new("pear", "1.1.0").tag("next");
    let answer = registry.ana().stage(&document).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    201 Created
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "message": "pear@1.1.0 is staged: no client sees it until a user approves it",
      "stageId": "cd8f54d1-0efd-417e-ac06-f33e6310841f"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _search/07.json
      _stage/cd8f54d1-0efd-417e-ac06-f33e6310841f.json
      _stage/cd8f54d1-0efd-417e-ac06-f33e6310841f.tgz
      _staged_of/pear/cd8f54d1-0efd-417e-ac06-f33e6310841f
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
      {"principal":"ana","package":"pear","kind":"staged","id":"cd8f54d1-0efd-417e-ac06-f33e6310841f","version":"1.1.0","tag":"next","integrity":"sha512-GG3KIDXehiDkf2qWjXWhszuqgLHLHfXlCeKfktnDolFPAIt3lnJ7GR3kxGoTcbSPsV7GImG7gU5SN0xNLHBUaQ=="}
    "#);
    let id = staged_id(&answer.json());
    let viewed = registry.ana().get(&one(&id)).await;
    assert_snapshot!(registry.snapshot_of(&viewed).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "id": "cd8f54d1-0efd-417e-ac06-f33e6310841f",
      "packageName": "pear",
      "version": "1.1.0",
      "tag": "next",
      "createdAt": "2026-01-02T03:04:05.000Z",
      "actor": "ana",
      "actorType": "user",
      "access": "public",
      "shasum": "8e22ff7ba28095240f4979afd198f6010f9cefbc",
      "integrity": "sha512-GG3KIDXehiDkf2qWjXWhszuqgLHLHfXlCeKfktnDolFPAIt3lnJ7GR3kxGoTcbSPsV7GImG7gU5SN0xNLHBUaQ=="
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _search/07.json
      _stage/cd8f54d1-0efd-417e-ac06-f33e6310841f.json
      _stage/cd8f54d1-0efd-417e-ac06-f33e6310841f.tgz
      _staged_of/pear/cd8f54d1-0efd-417e-ac06-f33e6310841f
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
    "#);
}

#[tokio::test]
async fn a_staged_version_is_approved() {
    let registry = with_pear().await;
    let ben = registry.user("ben").await;
    let _ = registry.ana().put("/-/package/pear/owners", &json!({ "user": "ben" })).await.assert_status(200);
    let document = PublishDocument::new("pear", "1.1.0").field("description", json!("A fruit"));
    let id = staged_id(&registry.ana().stage(&document).await.assert_status(201).json());
    super::forget_events(&registry).await;
    let answer = ben.post(&approve(&id), &json!({})).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    201 Created
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "message": "pear@1.1.0 is approved and published"
    }

    store:
      _accounts/ana.json
      _accounts/ben.json
      _names/ana.json
      _names/ben.json
      _search/07.json
      _stage/f5e04b5e-4402-4e8b-8153-3500bb598cbf.json
      _tokens/14d061bda53be666db85efb1fed3edceda0b6e96669dab9d18d591e295b12982.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/740bc352378c321878cc089218c9a168/pear-1.1.0.tgz
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
      {"principal":"ben","package":"pear","kind":"stage-approved","id":"f5e04b5e-4402-4e8b-8153-3500bb598cbf","version":"1.1.0","tag":"latest","integrity":"sha512-dAvDUjeMMhh4zAiSGMmhaGIpFm8WEaC+zAcyCs+8gZGzVXwjG3qiCAx+sGdXuL90IdVPx09o5pAPjDG6qxKj5Q==","publisher":"ana"}
    "#);

    let packument = registry.anonymous().get("/pear").await.assert_status(200).json();
    assert_eq!(packument["dist-tags"], json!({ "latest": "1.1.0" }));
    assert_eq!(packument["description"], "A fruit");
    let manifest = &packument["versions"]["1.1.0"];
    assert_snapshot!(format!("{manifest:#}"), @r#"
    {
      "name": "pear",
      "version": "1.1.0",
      "description": "A fruit",
      "readmeFilename": "README.md",
      "_id": "pear@1.1.0",
      "_nodeVersion": "24.21.0",
      "_npmVersion": "11.21.2",
      "_npmUser": {
        "name": "ana",
        "email": "ana@registry.example",
        "approver": {
          "name": "ben",
          "email": "ben@registry.example"
        }
      },
      "maintainers": [
        {
          "name": "ana",
          "email": "ana@registry.example"
        },
        {
          "name": "ben",
          "email": "ben@registry.example"
        }
      ],
      "dist": {
        "integrity": "sha512-dAvDUjeMMhh4zAiSGMmhaGIpFm8WEaC+zAcyCs+8gZGzVXwjG3qiCAx+sGdXuL90IdVPx09o5pAPjDG6qxKj5Q==",
        "shasum": "0a7baf8d747e0d7861b5fabb3bbd0c65f8a78ab8",
        "tarball": "http://registry.example/pear/-/pear-1.1.0.tgz",
        "fileCount": 1,
        "unpackedSize": 71
      }
    }
    "#);
    let tarball = registry.anonymous().get("/pear/-/pear-1.1.0.tgz").await.assert_status(200);
    assert_eq!(Integrity::of(&tarball.body).to_string(), document.integrity());
    assert_eq!(listed(&registry.ana()).await, Vec::<String>::new());
    let _ = registry.ana().get(&one(&id)).await.assert_status(404);
}

#[tokio::test]
async fn a_staged_version_is_rejected_and_its_number_is_free() {
    let registry = with_pear().await;
    let id = stage(&registry.ana(), "pear", "1.1.0").await;
    super::forget_events(&registry).await;
    let answer = registry.ana().delete(&one(&id)).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    204 No Content



    store:
      _accounts/ana.json
      _names/ana.json
      _search/07.json
      _stage/cd8f54d1-0efd-417e-ac06-f33e6310841f.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
      {"principal":"ana","package":"pear","kind":"stage-rejected","id":"cd8f54d1-0efd-417e-ac06-f33e6310841f","version":"1.1.0","publisher":"ana"}
    "#);
    for path in [one(&id), format!("/-/stage/{id}/tarball")] {
        let _ = registry.ana().get(&path).await.assert_status(404);
    }
    let _ = registry.ana().post(&approve(&id), &json!({})).await.assert_status(404);
    assert_eq!(listed(&registry.ana()).await, Vec::<String>::new());

    let again = PublishDocument::new("pear", "1.1.0").file("index.js", b"better");
    let _ = registry.ana().publish(&again).await.assert_status(201);
    let tarball = registry.anonymous().get("/pear/-/pear-1.1.0.tgz").await.assert_status(200);
    assert_eq!(tarball.body, again.tarball());
    let _ = registry.ana().delete(&one(&id)).await.assert_status(204);
    let _ = registry.anonymous().get("/pear/-/pear-1.1.0.tgz").await.assert_status(200);
}

#[tokio::test]
async fn a_staged_tarball_is_downloaded() {
    let registry = with_pear().await;
    let document = PublishDocument::new("pear", "1.1.0").file("index.js", b"module.exports = 1;\n");
    let id = staged_id(&registry.ana().stage(&document).await.assert_status(201).json());
    let answer = registry.ana().get(&format!("/-/stage/{id}/tarball")).await.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    assert_eq!(answer.body, document.tarball());
}

#[tokio::test]
async fn staged_versions_are_listed_by_name_and_page() {
    let registry = with_pear().await;
    let ana = registry.ana();
    for (name, version) in [("plum", "1.0.0"), ("pear", "2.0.0"), ("@acme/fig", "1.0.0"), ("pear", "1.5.0")] {
        stage(&ana, name, version).await;
    }
    assert_eq!(listed(&ana).await, ["@acme/fig@1.0.0", "pear@1.5.0", "pear@2.0.0", "plum@1.0.0"]);
    let versions_at = async |query: &str| {
        let page = ana.get(&format!("/-/stage?{query}")).await.assert_status(200).json();
        let items = page["items"].as_array().unwrap();
        let versions: Vec<_> =
            items.iter().map(|item| item["version"].as_str().unwrap().to_owned()).collect();
        (versions, page["page"].clone(), page["perPage"].clone(), page["total"].clone())
    };
    let expected = (vec!["2.0.0".to_owned()], json!(2), json!(1), json!(4));
    assert_eq!(versions_at("page=2&perPage=1").await, expected);
    let of_fig = (vec!["1.0.0".to_owned()], json!(0), json!(100), json!(1));
    assert_eq!(versions_at("page=0&perPage=100&package=%40acme%2Ffig").await, of_fig);
    let none = (vec![], json!(0), json!(100), json!(0));
    assert_eq!(versions_at("package=apple").await, none);
    let _ = ana.get("/-/stage?package=..%2Fetc").await.assert_status(400);
}
