use std::sync::Arc;

use http::{Method, Request};
use insta::assert_snapshot;
use registry_core::Body;
use registry_core::access::AccessRules;
use registry_testkit::codebox_npm::CodeboxNpm;
use registry_testkit::{ScriptedUpstream, TestRegistry};

use super::{moved, packages_in};

/// Each package and its versions.
const VERSIONS: [(&str, &[&str]); 4] = [
    ("left-pear", &["1.0.0", "1.1.0", "2.0.0-beta.1"]),
    ("@acme/tools", &["1.0.0", "1.1.0"]),
    ("OldPear", &["0.1.0"]),
    ("no-endpoint", &["1.0.0"]),
];

const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

fn request(method: &Method, path: &str, accept: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("host", "npm.registry.example");
    request.header("accept", accept).body(Body::empty()).unwrap()
}

/// The ways in which clients, old lock files among them, spell where a tarball is.
fn tarballs(name: &str, version: &str) -> Vec<String> {
    let (encoded, base) = (name.replace('/', "%2f"), name.rsplit('/').next().unwrap());
    let as_codebox = name.replace('@', "%40").replace('/', "%2F");
    vec![
        format!("/{name}/-/{base}-{version}.tgz"),
        format!("/{encoded}/-/{base}-{version}.tgz"),
        format!("/prod/registry/{encoded}/-/{as_codebox}-{version}.tgz"),
        format!("/prod/registry/{name}/-/{name}-{version}.tgz"),
    ]
}

#[tokio::test]
async fn everything_is_read_from_the_first_request_and_no_object_is_changed() {
    let registry = moved().await;
    let codebox = CodeboxNpm::sample();
    let stranger = registry.anonymous();
    for (name, versions) in VERSIONS {
        let encoded = name.replace('/', "%2f");
        let old = codebox.package(&encoded).body;
        for accept in ["application/json", ABBREVIATED] {
            let asked = request(&Method::GET, &format!("/prod/registry/{encoded}"), accept);
            let packument = stranger.send(asked).await.assert_status(200).json();
            let found: Vec<&String> = packument["versions"].as_object().unwrap().keys().collect();
            assert_eq!(found, versions, "{name}");
            assert_eq!(packument["dist-tags"]["latest"], old["dist-tags"]["latest"], "{name}");
            let _ = stranger
                .send(request(&Method::HEAD, &format!("/{encoded}"), accept))
                .await
                .assert_status(200);
        }
        let _ = stranger.get(&format!("/-/package/{encoded}/dist-tags")).await.assert_status(200);
        for version in versions {
            let manifest = stranger.get(&format!("/{encoded}/{version}")).await.assert_status(200).json();
            let mut expected = old["versions"][version].clone();
            expected["dist"]["tarball"] = manifest["dist"]["tarball"].clone();
            assert_eq!(manifest, expected, "more than the address differs");
            let bytes = &codebox.objects()[&format!("{name}/{version}.tgz")];
            for path in tarballs(name, version) {
                assert_eq!(stranger.get(&path).await.assert_status(200).body, bytes, "{path}");
                let mut part = request(&Method::GET, &path, "*/*");
                part.headers_mut().insert("range", "bytes=2-9".parse().unwrap());
                assert_eq!(stranger.send(part).await.assert_status(206).body, bytes[2..10], "{path}");
            }
            let url = manifest["dist"]["tarball"].as_str().unwrap();
            let path = url.strip_prefix("http://registry.example").unwrap();
            assert_eq!(stranger.get(path).await.assert_status(200).body, bytes, "{url}");
        }
        // A tarball that the index does not name is none, whatever lies there.
        let _ = stranger.get(&format!("/{encoded}/-/index.json")).await.assert_status(404);
    }
    let found = stranger.get("/-/v1/search?text=tools").await.assert_status(200).json();
    assert_eq!(found["objects"][0]["package"]["name"], "@acme/tools");
    let _ = stranger.get("/nothing").await.assert_status(404);

    assert_eq!(packages_in(&registry).await, *codebox.objects());
}

#[tokio::test]
async fn a_packument_has_no_attachment_no_dead_tag_and_addresses_of_here() {
    let registry = moved().await;
    let left_pear = registry.anonymous().get("/left-pear").await.assert_status(200).json();
    let mut told = String::new();
    super::tell(&mut told, "", Some(&CodeboxNpm::sample().package("left-pear").body), Some(&left_pear));
    assert_snapshot!(told, @r##"
    - /dist-tags/gone: "9.9.9"
    - /versions/1.0.0/dist/tarball: "https://old.registry.example/prod/registry/left-pear/-/left-pear-1.0.0.tgz"
    + /versions/1.0.0/dist/tarball: "http://registry.example/left-pear/-/left-pear-1.0.0.tgz"
    - /versions/1.1.0/dist/tarball: "https://old.registry.example/prod/registry/left-pear/-/left-pear-1.1.0.tgz"
    + /versions/1.1.0/dist/tarball: "http://registry.example/left-pear/-/left-pear-1.1.0.tgz"
    - /versions/2.0.0-beta.1/dist/tarball: "https://old.registry.example/prod/registry/left-pear/-/left-pear-2.0.0-beta.1.tgz"
    + /versions/2.0.0-beta.1/dist/tarball: "http://registry.example/left-pear/-/left-pear-2.0.0-beta.1.tgz"
    - /_attachments: {}
    + /_rev: "0-88329268e5a7961545a035c9cc28df7e"
    + /time: {}
    "##);

    let asked = request(&Method::GET, "/prod/registry/@acme%2ftools", ABBREVIATED);
    let answer = registry.anonymous().send(asked).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r##"
    200 OK
    cache-control: no-cache
    content-type: application/vnd.npm.install-v1+json
    etag: "dbf7835eeb9277ee210385d153f687e4"
    vary: accept, accept-encoding

    {
      "name": "@acme/tools",
      "dist-tags": {
        "latest": "1.1.0"
      },
      "versions": {
        "1.0.0": {
          "name": "@acme/tools",
          "version": "1.0.0",
          "dependencies": {
            "left-pear": "^1.0.0"
          },
          "bin": {
            "tools": "index.js"
          },
          "dist": {
            "integrity": "sha512-QrB3U7hmf3Nt4b/z9FSN8PmNc8F0jiKQAwr/PNNqjL5bGt3IBIg+ZGwRRFNc7txBLUDC3FB5LWClkgVPAng6qw==",
            "shasum": "ccb596aa762c938547c232acc6433de85e46a77c",
            "tarball": "http://npm.registry.example/prod/registry/@acme/tools/-/tools-1.0.0.tgz"
          }
        },
        "1.1.0": {
          "name": "@acme/tools",
          "version": "1.1.0",
          "dependencies": {
            "left-pear": "^1.0.0"
          },
          "bin": {
            "tools": "index.js"
          },
          "dist": {
            "integrity": "sha512-7bu7Cnd1NZU+UDUZJrr6ld4OCH55MttI8RgnmjY5SoTIZAOzrTSMzCBVoz6nYV9nWcum4840Mc9+ZT/qWZNJjA==",
            "shasum": "13519f7e1e2f32ff4a9c7a72fc073df9fa20ecb4",
            "tarball": "http://npm.registry.example/prod/registry/@acme/tools/-/tools-1.1.0.tgz"
          }
        }
      }
    }

    store:
      @acme/tools/1.0.0.tgz
      @acme/tools/1.1.0.tgz
      @acme/tools/index.json
      OldPear/0.1.0.tgz
      OldPear/index.json
      _accounts/ana.json
      _names/ana.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      left-pear/1.0.0.tgz
      left-pear/1.1.0.tgz
      left-pear/2.0.0-beta.1.tgz
      left-pear/index.json
      no-endpoint/1.0.0.tgz
      no-endpoint/index.json

    events:
    "##);
}

#[tokio::test]
async fn what_it_did_not_host_comes_from_its_upstream_and_the_rest_never() {
    let upstream = ScriptedUpstream::default();
    upstream.publish("fig", "1.0.0", b"a fig");
    upstream.publish("left-pear", "7.0.0", b"of a stranger");
    let registry = TestRegistry::builder().access(AccessRules::open_to_all_in_front_of("npm"));
    let registry = registry.upstream("npm", Arc::new(upstream)).start().await;
    CodeboxNpm::sample().copy_to(registry.store()).await.unwrap();
    let stranger = registry.anonymous();
    assert_eq!(stranger.get("/fig/-/fig-1.0.0.tgz").await.assert_status(200).body, "a fig");
    let packument = stranger.get("/left-pear").await.assert_status(200).json();
    assert_eq!(packument["dist-tags"]["latest"], "1.1.0");
    let _ = stranger.get("/left-pear/-/left-pear-7.0.0.tgz").await.assert_status(404);
}
