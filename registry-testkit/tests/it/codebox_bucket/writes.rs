use http::{Method, Request};
use insta::assert_snapshot;
use registry_core::Body;
use registry_testkit::TestRegistry;
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{differences, moved, packages_in};

/// The answer, the keys but those of codebox-npm, the events, and what the write did to what codebox-npm had stored.
async fn wrote(write: impl AsyncFn(&TestRegistry) -> TestResponse) -> String {
    let registry = moved().await;
    registry.registry().flush_events().await;
    registry.events().take();
    let before = packages_in(&registry).await;
    let answer = write(&registry).await;
    let snapshot = registry.snapshot_of(&answer).await;
    let snapshot: Vec<_> = snapshot.lines().filter(|line| !before.contains_key(line.trim())).collect();
    let snapshot = snapshot.join("\n");
    format!("{snapshot}\n\ndifferences:\n{}", differences(&before, &packages_in(&registry).await))
}

#[tokio::test]
async fn a_dist_tag_is_added() {
    let wrote = wrote(async |registry| {
        registry.ana().put("/-/package/@acme%2ftools/dist-tags/stable", &json!("1.0.0")).await
    })
    .await;
    // The attachment is a copy of the tarball beside the index, which no reader was ever given.
    assert_snapshot!(wrote, @r##"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "@acme/tools",
      "dist-tags": {
        "latest": "1.1.0",
        "stable": "1.0.0"
      }
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
      {"principal":"ana","package":"@acme/tools","kind":"dist-tag-set","tag":"stable","version":"1.0.0"}

    differences:
    changed: @acme/tools/index.json
      + /dist-tags/stable: "1.0.0"
      - /_attachments: {"@acme/tools-1.1.0.tgz":{"content_type":"application/octet-stream","data":"H4sIAAAAAAAA/+2UwUrEMBCGc+5TjPGwF02n3bYLFWGfREibUbO2SUnauovsu0vbFUUFL66i2+8SmP8fJgz808jyQd5R2Eyv2Hhr2DeDiJglyaf1gTjLGC7TDKMoyzBhiBEu05j9CJ1vpWOI7DR5CgC4kTXxHPhaljWFrbWV5xeD0JPz2ppBi0QkcKoq8qXTTXtQHu9lC9ST2xVW7cAQqUO7ooaMIlNq8jyHYRYAr+i2vWxIuqH5JhIokAcA+7Gl0ObVOf0kB66Noq3Y+NEX7IPf3tr/4ZD78GXDx5jxVf5xFb/LP67S+KP/KJx4/s/Pws67sNAmJNODsYqC2qquIkHbxrrWwzUs3hyG9XgIFldzBmdmZmbYX+YZ9rlugQAMAAA=","length":290}}
      + /_rev: "1-4687e96568c4e2109c442a5c3c97d714"
      + /time: {"modified":"2026-01-02T03:04:05.000Z"}
      + /maintainers: []
      + /_history: ["1-4687e96568c4e2109c442a5c3c97d714"]
    "##);
}

#[tokio::test]
async fn a_tag_of_a_version_that_never_was_is_removed() {
    let wrote =
        wrote(async |registry| registry.ana().delete("/-/package/left-pear/dist-tags/gone").await).await;
    assert_snapshot!(wrote, @r##"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "left-pear",
      "dist-tags": {
        "latest": "1.1.0",
        "beta": "2.0.0-beta.1",
        "stable": "1.0.0"
      }
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
      {"principal":"ana","package":"left-pear","kind":"dist-tag-removed","tag":"gone"}

    differences:
    changed: left-pear/index.json
      - /dist-tags/gone: "9.9.9"
      - /_attachments: {}
      + /_rev: "1-4687e96568c4e2109c442a5c3c97d714"
      + /time: {"modified":"2026-01-02T03:04:05.000Z"}
      + /_history: ["1-4687e96568c4e2109c442a5c3c97d714"]
    "##);
}

#[tokio::test]
async fn a_version_is_deprecated_as_npm_does_it() {
    let wrote = wrote(async |registry| {
        let mut seen = registry.ana().get("/left-pear?write=true").await.assert_status(200).json();
        seen["versions"]["1.1.0"]["deprecated"] = json!("eat figs");
        registry.ana().put("/left-pear", &seen).await
    })
    .await;
    assert_snapshot!(wrote, @r##"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "left-pear"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _search/02.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
      {"principal":"ana","package":"left-pear","kind":"deprecated","versions":["1.1.0"],"message":"eat figs"}

    differences:
    changed: left-pear/index.json
      + /versions/1.1.0/deprecated: "eat figs"
      - /_attachments: {}
      + /_rev: "1-4687e96568c4e2109c442a5c3c97d714"
      + /time: {"modified":"2026-01-02T03:04:05.000Z"}
      + /_history: ["1-4687e96568c4e2109c442a5c3c97d714"]
    "##);
}

#[tokio::test]
async fn a_version_is_published() {
    let wrote =
        wrote(async |registry| registry.ana().publish(&PublishDocument::new("left-pear", "1.2.0")).await)
            .await;
    assert_snapshot!(wrote, @r##"
    201 Created
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "left-pear",
      "rev": "1-4687e96568c4e2109c442a5c3c97d714"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _search/02.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      left-pear/-/9d09493920eb4657d9025f3b6c1ceb67/left-pear-1.2.0.tgz

    events:
      {"principal":"ana","package":"left-pear","kind":"published","version":"1.2.0","tag":"latest","integrity":"sha512-nQlJOSDrRlfZAl87bBzrZ/vCXUv/89i/P2fpb+zFZdUpSL8m5M/H2eCQOKwjM3ZVfz12L0BypBoOADR8ZNKQ6A=="}

    differences:
    changed: left-pear/index.json
      - /description: null
      - /dist-tags/latest: "1.1.0"
      + /dist-tags/latest: "1.2.0"
      + /versions/1.2.0: {"name":"left-pear","version":"1.2.0","readmeFilename":"README.md","_id":"left-pear@1.2.0","_nodeVersion":"24.21.0","_npmVersion":"11.21.2","_npmUser":{"name":"ana","email":"ana@registry.example"},"maintainers":[{"name":"jon","email":"jon@registry.example"}],"dist":{"integrity":"sha512-nQlJOSDrRlfZAl87bBzrZ/vCXUv/89i/P2fpb+zFZdUpSL8m5M/H2eCQOKwjM3ZVfz12L0BypBoOADR8ZNKQ6A==","shasum":"718402a43f97e92b7c7540ed9bc5b4091fa52b9d","tarball":"left-pear/-/left-pear-1.2.0.tgz","fileCount":1,"unpackedSize":48}}
      - /_attachments: {}
      - /readme: "# As it was first published\n"
      + /readme: "# left-pear\n"
      + /_rev: "1-4687e96568c4e2109c442a5c3c97d714"
      + /time: {"modified":"2026-01-02T03:04:05.000Z","1.2.0":"2026-01-02T03:04:05.000Z"}
      + /_history: ["1-4687e96568c4e2109c442a5c3c97d714"]
    new: left-pear/-/9d09493920eb4657d9025f3b6c1ceb67/left-pear-1.2.0.tgz
    "##);
}

#[tokio::test]
async fn a_version_under_plain_capitals_is_published() {
    let wrote =
        wrote(async |registry| registry.ana().publish(&PublishDocument::new("OldPear", "0.2.0")).await).await;
    assert_snapshot!(wrote, @r##"
    201 Created
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "OldPear",
      "rev": "1-4687e96568c4e2109c442a5c3c97d714"
    }

    store:
      =old=pear/-/24d0c946f68f9c71c35a5e3859484eb3/=old=pear-0.2.0.tgz
      =old=pear/index.json
      _accounts/ana.json
      _names/ana.json
      _search/01.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
      {"principal":"ana","package":"OldPear","kind":"published","version":"0.2.0","tag":"latest","integrity":"sha512-JNDJRvaPnHHDWl44WUhOsxKVFhxsnwxjcoQfmq036OgCgdkBOnixfitpodJBfHLG3y4Xsw1MjJtuaUpx9vapEg=="}

    differences:
    new: =old=pear/-/24d0c946f68f9c71c35a5e3859484eb3/=old=pear-0.2.0.tgz
    new: =old=pear/index.json
    "##);
}

#[tokio::test]
async fn a_version_that_is_there_is_refused_and_nothing_is_changed() {
    let wrote =
        wrote(async |registry| registry.ana().publish(&PublishDocument::new("left-pear", "1.1.0")).await)
            .await;
    assert_snapshot!(wrote, @r##"
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
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:

    differences:
    "##);
}

#[tokio::test]
async fn a_version_is_unpublished_as_npm_does_it() {
    let wrote = wrote(async |registry| {
        let ana = registry.ana();
        let mut seen = ana.get("/left-pear?write=true").await.assert_status(200).json();
        let revision = seen["_rev"].as_str().unwrap().to_owned();
        seen["versions"].as_object_mut().unwrap().shift_remove("1.0.0");
        seen["dist-tags"].as_object_mut().unwrap().shift_remove("stable");
        ana.put(&format!("/left-pear/-rev/{revision}"), &seen).await
    })
    .await;
    assert_snapshot!(wrote, @r##"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "left-pear"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
      {"principal":"ana","package":"left-pear","kind":"unpublished","versions":["1.0.0"]}

    differences:
    gone: left-pear/1.0.0.tgz
    changed: left-pear/index.json
      - /description: null
      - /dist-tags/stable: "1.0.0"
      - /dist-tags/gone: "9.9.9"
      - /versions/1.0.0: {"name":"left-pear","version":"1.0.0","readme":"# left-pear\n","readmeFilename":"README.md","_id":"left-pear@1.0.0","_nodeVersion":"24.21.0","_npmVersion":"4.6.1","dist":{"shasum":"1f908d28dcc13969353d09bee51705639d2dcf61","tarball":"https://old.registry.example/prod/registry/left-pear/-/left-pear-1.0.0.tgz"},"_npmUser":{"name":"jon","email":"jon@registry.example"},"maintainers":[{"name":"jon","email":"jon@registry.example"}],"_shasum":"1f908d28dcc13969353d09bee51705639d2dcf61","deprecated":"it is not ripe"}
      - /_attachments: {}
      + /_rev: "1-4687e96568c4e2109c442a5c3c97d714"
      + /time: {"modified":"2026-01-02T03:04:05.000Z"}
      + /_tombstones: {"1.0.0":"2026-01-02T03:04:05.000Z"}
      + /_history: ["1-4687e96568c4e2109c442a5c3c97d714"]
    "##);
}

#[tokio::test]
async fn a_package_is_unpublished_as_npm_does_it() {
    let wrote = wrote(async |registry| {
        let ana = registry.ana();
        let seen = ana.get("/@acme%2ftools?write=true").await.assert_status(200).json();
        let path = format!("/@acme%2ftools/-rev/{}", seen["_rev"].as_str().unwrap());
        let request = Request::builder().method(Method::DELETE).uri(path).body(Body::empty()).unwrap();
        ana.send(request).await
    })
    .await;
    assert_snapshot!(wrote, @r##"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "@acme/tools"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _search/0c.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
      {"principal":"ana","package":"@acme/tools","kind":"package-unpublished","versions":["1.0.0","1.1.0"]}

    differences:
    gone: @acme/tools/1.0.0.tgz
    gone: @acme/tools/1.1.0.tgz
    changed: @acme/tools/index.json
      - /dist-tags/latest: "1.1.0"
      - /versions/1.0.0: {"name":"@acme/tools","version":"1.0.0","description":"what everybody needs","dependencies":{"left-pear":"^1.0.0"},"bin":{"tools":"index.js"},"readme":"# @acme/tools\n","readmeFilename":"README.md","_id":"@acme/tools@1.0.0","_nodeVersion":"24.21.0","_npmVersion":"11.21.2","dist":{"integrity":"sha512-QrB3U7hmf3Nt4b/z9FSN8PmNc8F0jiKQAwr/PNNqjL5bGt3IBIg+ZGwRRFNc7txBLUDC3FB5LWClkgVPAng6qw==","shasum":"ccb596aa762c938547c232acc6433de85e46a77c","tarball":"https://old.registry.example/prod/registry/@acme%2ftools/-/%40acme%2Ftools-1.0.0.tgz"}}
      - /versions/1.1.0: {"name":"@acme/tools","version":"1.1.0","description":"what everybody needs","dependencies":{"left-pear":"^1.0.0"},"bin":{"tools":"index.js"},"readme":"# @acme/tools\n","readmeFilename":"README.md","_id":"@acme/tools@1.1.0","_nodeVersion":"24.21.0","_npmVersion":"11.21.2","dist":{"integrity":"sha512-7bu7Cnd1NZU+UDUZJrr6ld4OCH55MttI8RgnmjY5SoTIZAOzrTSMzCBVoz6nYV9nWcum4840Mc9+ZT/qWZNJjA==","shasum":"13519f7e1e2f32ff4a9c7a72fc073df9fa20ecb4","tarball":"https://old.registry.example/prod/registry/@acme%2ftools/-/%40acme%2Ftools-1.1.0.tgz"}}
      - /_attachments: {"@acme/tools-1.1.0.tgz":{"content_type":"application/octet-stream","data":"H4sIAAAAAAAA/+2UwUrEMBCGc+5TjPGwF02n3bYLFWGfREibUbO2SUnauovsu0vbFUUFL66i2+8SmP8fJgz808jyQd5R2Eyv2Hhr2DeDiJglyaf1gTjLGC7TDKMoyzBhiBEu05j9CJ1vpWOI7DR5CgC4kTXxHPhaljWFrbWV5xeD0JPz2ppBi0QkcKoq8qXTTXtQHu9lC9ST2xVW7cAQqUO7ooaMIlNq8jyHYRYAr+i2vWxIuqH5JhIokAcA+7Gl0ObVOf0kB66Noq3Y+NEX7IPf3tr/4ZD78GXDx5jxVf5xFb/LP67S+KP/KJx4/s/Pws67sNAmJNODsYqC2qquIkHbxrrWwzUs3hyG9XgIFldzBmdmZmbYX+YZ9rlugQAMAAA=","length":290}}
      + /_rev: "1-4687e96568c4e2109c442a5c3c97d714"
      + /time: {"modified":"2026-01-02T03:04:05.000Z","unpublished":"2026-01-02T03:04:05.000Z"}
      + /maintainers: []
      + /_tombstones: {"1.0.0":"2026-01-02T03:04:05.000Z","1.1.0":"2026-01-02T03:04:05.000Z"}
      + /_history: ["1-4687e96568c4e2109c442a5c3c97d714"]
    "##);
}
