use insta::assert_snapshot;
use registry_testkit::publish_document::PublishDocument;

use serde_json::json;

use super::{forget_events, pear, text, with_pear};

#[tokio::test]
async fn a_version_goes_in_five_steps_and_its_number_stays_taken() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let ana = registry.ana();
    let mut document = pear(&registry).await;
    document["versions"].as_object_mut().unwrap().shift_remove("1.1.0");
    document["dist-tags"]["latest"] = "1.0.0".into();
    let revision = text(&document, "_rev").to_owned();
    let answer = ana.put(&format!("/pear/-rev/{revision}"), &document).await;
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
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
      {"principal":"ana","package":"pear","kind":"unpublished","versions":["1.1.0"]}
    "#);

    let packument = pear(&registry).await;
    assert_eq!(packument["dist-tags"]["latest"], "1.0.0");
    let revision = text(&packument, "_rev");
    let answer = ana.delete(&format!("/pear/-/pear-1.1.0.tgz/-rev/{revision}")).await;
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
      pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz
      pear/index.json

    events:
    "#);

    let _ = ana.get("/pear/-/pear-1.1.0.tgz").await.assert_status(404);
    let answer = ana.publish(&PublishDocument::new("pear", "1.1.0")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    403 Forbidden
    cache-control: no-cache
    content-type: application/json

    {
      "error": "You cannot publish over the previously published versions: 1.1.0. A version number cannot be reused, not even after an unpublish: raise the version in package.json",
      "message": "You cannot publish over the previously published versions: 1.1.0. A version number cannot be reused, not even after an unpublish: raise the version in package.json"
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
async fn a_package_goes_whole() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let revision = text(&pear(&registry).await, "_rev").to_owned();
    let answer = registry.ana().delete(&format!("/pear/-rev/{revision}")).await;
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
      pear/index.json

    events:
      {"principal":"ana","package":"pear","kind":"package-unpublished","versions":["1.0.0","1.1.0"]}
    "#);
    let answer = registry.anonymous().get("/pear").await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    404 Not Found
    cache-control: no-cache
    content-type: application/json

    {
      "error": "Unpublished on 2026-01-02T03:04:05.000Z: the package pear does not exist any more",
      "message": "Unpublished on 2026-01-02T03:04:05.000Z: the package pear does not exist any more"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _search/07.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/index.json

    events:
    "#);
}

#[tokio::test]
async fn a_package_comes_back_with_its_owners_and_other_versions() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let revision = text(&pear(&registry).await, "_rev").to_owned();
    let _ = registry.ana().delete(&format!("/pear/-rev/{revision}")).await.assert_status(200);

    let answer = registry.user("ben").await.publish(&PublishDocument::new("pear", "2.0.0")).await;
    assert_eq!(answer.status, 403);
    let answer = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await;
    assert!(answer.error().contains("A version number cannot be reused"), "{}", answer.error());
    forget_events(&registry).await;
    let answer = registry.ana().publish(&PublishDocument::new("pear", "2.0.0")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    201 Created
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "pear",
      "rev": "4-63811059bf1f823cb2ff8786380dffa7"
    }

    store:
      _accounts/ana.json
      _accounts/ben.json
      _names/ana.json
      _names/ben.json
      _search/07.json
      _tokens/6ea1bea7fe9362ef928f96a6e9a90c49a86ef9f1677e19588de487dfcb9445ea.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/a3f0511a3d80645ea1c885db78da293d/pear-2.0.0.tgz
      pear/index.json

    events:
      {"principal":"ana","package":"pear","kind":"published","version":"2.0.0","tag":"latest","integrity":"sha512-o/BRGj2AZF6hyIXbeNopPUf7e7C0bnXf9UlWHA9TDrz/fIt+Hhb6vAa3tRgivDqmDijmvBHF/s7W8THqW7G39A=="}
    "#);
    let packument = registry.anonymous().get("/pear").await;
    assert_snapshot!(registry.snapshot_of(&packument).await, @r##"
    200 OK
    cache-control: no-cache
    content-type: application/json
    etag: "982db2a8200e06fe9ac6437f21931d31"
    vary: accept, accept-encoding

    {
      "_id": "pear",
      "_rev": "4-63811059bf1f823cb2ff8786380dffa7",
      "name": "pear",
      "readme": "# pear\n",
      "dist-tags": {
        "latest": "2.0.0"
      },
      "versions": {
        "2.0.0": {
          "name": "pear",
          "version": "2.0.0",
          "readmeFilename": "README.md",
          "_id": "pear@2.0.0",
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
            "integrity": "sha512-o/BRGj2AZF6hyIXbeNopPUf7e7C0bnXf9UlWHA9TDrz/fIt+Hhb6vAa3tRgivDqmDijmvBHF/s7W8THqW7G39A==",
            "shasum": "5cf980147720179749ee04d15e7b73f1d2520628",
            "tarball": "http://registry.example/pear/-/pear-2.0.0.tgz",
            "fileCount": 1,
            "unpackedSize": 43
          }
        }
      },
      "time": {
        "created": "2026-01-02T03:04:05.000Z",
        "modified": "2026-01-02T03:04:05.000Z",
        "2.0.0": "2026-01-02T03:04:05.000Z"
      },
      "maintainers": [
        {
          "name": "ana",
          "email": "ana@registry.example"
        }
      ]
    }

    store:
      _accounts/ana.json
      _accounts/ben.json
      _names/ana.json
      _names/ben.json
      _search/07.json
      _tokens/6ea1bea7fe9362ef928f96a6e9a90c49a86ef9f1677e19588de487dfcb9445ea.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      pear/-/a3f0511a3d80645ea1c885db78da293d/pear-2.0.0.tgz
      pear/index.json

    events:
    "##);
}

#[tokio::test]
async fn a_tarball_does_not_go_while_its_version_is_there() {
    let registry = with_pear(&["1.0.0"]).await;
    let revision = text(&pear(&registry).await, "_rev").to_owned();
    let answer = registry.ana().delete(&format!("/pear/-/pear-1.0.0.tgz/-rev/{revision}")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    400 Bad Request
    cache-control: no-cache
    content-type: application/json

    {
      "error": "the tarball of pear@1.0.0 cannot be removed while the version is published: run `npm unpublish pear@1.0.0`",
      "message": "the tarball of pear@1.0.0 cannot be removed while the version is published: run `npm unpublish pear@1.0.0`"
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

/// npm removes the tarball after the version, and takes a 404 for done. So of a version that never was there is a 404.
#[tokio::test]
async fn a_tarball_that_never_was_is_not_removed() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let ana = registry.ana();
    let mut document = pear(&registry).await;
    document["versions"].as_object_mut().unwrap().shift_remove("1.1.0");
    let _ = ana.put(&format!("/pear/-rev/{}", text(&document, "_rev")), &document).await.assert_status(200);
    for (version, status) in [("1.1.0", 200), ("9.9.9", 404), ("1.1.0", 200)] {
        let revision = text(&pear(&registry).await, "_rev").to_owned();
        let answer = ana.delete(&format!("/pear/-/pear-{version}.tgz/-rev/{revision}")).await;
        let _ = answer.assert_status(status);
    }
    let stranger = registry.user("ben").await.delete("/pear/-/pear-9.9.9.tgz/-rev/1-0").await;
    assert_eq!(stranger.status, 403, "who may not remove it is not told");
}

#[tokio::test]
async fn only_owners_unpublish() {
    let registry = with_pear(&["1.0.0"]).await;
    let revision = text(&pear(&registry).await, "_rev").to_owned();
    let answer = registry.user("ben").await.delete(&format!("/pear/-rev/{revision}")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    403 Forbidden
    cache-control: no-cache
    content-type: application/json

    {
      "error": "you do not have permission to administer pear, which you do not own: ask one of its owners, or the registry's operator",
      "message": "you do not have permission to administer pear, which you do not own: ask one of its owners, or the registry's operator"
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
      {"principal":"ben","package":"pear","kind":"denied","action":"administer","by":"ownership"}
    "#);
}

/// What `latest` is to be after its version went is the registry's to say, whatever the client proposes.
#[tokio::test]
async fn latest_moves_to_the_highest_stable_version_or_else_prerelease() {
    let published = ["2.1.3", "2.1.4", "3.0.0-feat-b.4", "2.2.0-feat-a.1"];
    for (gone, proposed, latest) in [
        (&["2.1.4"][..], "3.0.0-feat-b.4", "2.1.3"),
        (&["2.1.4"], "2.1.4", "2.1.3"),
        (&["2.1.4", "2.1.3"], "2.2.0-feat-a.1", "3.0.0-feat-b.4"),
        (&["2.1.3"], "2.1.4", "2.1.4"),
    ] {
        let registry = with_pear(&published[..1]).await;
        for (version, tag) in published.iter().zip(["", "latest", "feat-b", "feat-a"]).skip(1) {
            let document = PublishDocument::new("pear", version).tag(tag);
            let _ = registry.ana().publish(&document).await.assert_status(201);
        }
        let old = registry.ana().put("/-/package/pear/dist-tags/old", &json!("2.1.4")).await;
        let _ = old.assert_status(200);
        let mut document = pear(&registry).await;
        let revision = text(&document, "_rev").to_owned();
        for version in gone {
            document["versions"].as_object_mut().unwrap().shift_remove(*version);
        }
        document["dist-tags"]["latest"] = proposed.into();
        let _ = registry.ana().put(&format!("/pear/-rev/{revision}"), &document).await.assert_status(200);
        let tags = &pear(&registry).await["dist-tags"];
        assert_eq!(tags["latest"], latest, "{gone:?} {proposed}");
        assert_eq!(tags.get("old").is_some(), !gone.contains(&"2.1.4"), "{gone:?}");
    }
}

#[tokio::test]
async fn tags_that_come_with_an_unpublish_are_checked_like_every_other() {
    for (tag, version) in [
        ("1.x", "1.0.0"),
        ("1.1.0", "1.0.0"),
        ("v1", "1.0.0"),
        ("a\u{1b}b", "1.0.0"),
        ("a b", "1.0.0"),
        ("", "1.0.0"),
        ("next", "1.1.0"),
        ("next", "9.9.9"),
        ("next", "nope"),
    ] {
        let registry = with_pear(&["1.0.0", "1.1.0"]).await;
        let mut document = pear(&registry).await;
        let revision = text(&document, "_rev").to_owned();
        document["versions"].as_object_mut().unwrap().shift_remove("1.1.0");
        document["dist-tags"] = json!({ "latest": "1.0.0", tag: version });
        let before = registry.stored().await;
        let answer = registry.ana().put(&format!("/pear/-rev/{revision}"), &document).await;
        assert_eq!(answer.status, 400, "{tag:?} {version}");
        assert_eq!(registry.stored().await, before, "{tag:?} {version}");
    }
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let mut document = pear(&registry).await;
    let revision = text(&document, "_rev").to_owned();
    document["versions"].as_object_mut().unwrap().shift_remove("1.1.0");
    document["dist-tags"] = json!({ "latest": "1.0.0", "next": "1.0.0" });
    let _ = registry.ana().put(&format!("/pear/-rev/{revision}"), &document).await.assert_status(200);
    assert_eq!(pear(&registry).await["dist-tags"], json!({ "latest": "1.0.0", "next": "1.0.0" }));
}
