//! Tarballs that are too long to send are fetched from the store itself, by a URL that it signs.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{Method, Request};
use object_store::path::Path;
use object_store::signer::Signer;
use registry_core::access::AccessRules;
use registry_core::auth::Principal;
use registry_core::domain::publication::Publication;
use registry_core::domain::{DistTag, DownloadPeriod};
use registry_core::downloads::DownloadSettings;
use registry_core::limits::Limits;
use registry_core::storage::ObjectStoreBlobs;
use registry_core::{Body, Registry};
use registry_testkit::ScriptedUpstream;
use registry_testkit::tarball::Tarball;
use serde_json::json;
use url::Url;

/// A signer whose URLs show its arguments.
#[derive(Debug)]
struct Signing;

#[async_trait]
impl Signer for Signing {
    async fn signed_url(&self, method: Method, path: &Path, expires: Duration) -> object_store::Result<Url> {
        Ok(format!("https://bucket.example/{path}?{method}&{}", expires.as_secs()).parse().unwrap())
    }
}

fn registry(store: &ObjectStoreBlobs, upstream: &ScriptedUpstream) -> Registry {
    Registry::builder(Arc::new(store.clone()))
        .upstream("npm", Arc::new(upstream.clone()))
        .access(AccessRules::open_to_all_in_front_of("npm"))
        .redirect_tarballs_above(Some(1000))
        .downloads(DownloadSettings::default())
        .build()
}

/// What is told of where the tarball is and of how long that holds.
async fn ask(registry: &Registry, method: Method, path: &str, range: Option<&str>) -> String {
    let mut request = Request::builder().method(method).uri(path).header("host", "registry.example");
    if let Some(range) = range {
        request = request.header("range", range);
    }
    let answer = registry.handle(request.body(Body::empty()).unwrap()).await;
    let header = |name: &str| answer.headers().get(name).map_or("-", |value| value.to_str().unwrap());
    let told = ["location", "cache-control", "content-length", "content-type"].map(header).join(" | ");
    format!("{} {told}", answer.status().as_u16())
}

#[tokio::test]
async fn what_is_longer_is_fetched_from_the_store() {
    let memory = ObjectStoreBlobs::in_memory();
    let upstream = ScriptedUpstream::default();
    upstream.publish("long", "1.0.0", &[7; 5000]);
    upstream.publish("short", "1.0.0", &[7; 500]);
    let signing = registry(&memory.clone().with_signer(Arc::new(Signing)), &upstream);
    let noise: Vec<u8> = (0..4000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let ana = Principal::user("ana").into();
    for (name, files) in [("pear", vec![]), ("big", noise)] {
        let tarball =
            Tarball::of_manifest(json!({ "name": name, "version": "1.0.0" })).file("package/noise", &files);
        let publication =
            Publication::from_tarball(tarball.pack().into(), DistTag::latest(), &Limits::default());
        signing.publish(&ana, publication.unwrap()).await.unwrap();
    }

    let mut told = Vec::new();
    for (method, path, range) in [
        (Method::GET, "/pear/-/pear-1.0.0.tgz", None),
        (Method::GET, "/big/-/big-1.0.0.tgz", None),
        (Method::GET, "/big/-/big-1.0.0.tgz", Some("bytes=0-9")),
        // A signature is good for one method, and clients send what they were asked with.
        (Method::HEAD, "/big/-/big-1.0.0.tgz", None),
        (Method::GET, "/short/-/short-1.0.0.tgz", None),
        (Method::GET, "/long/-/long-1.0.0.tgz", None),
        (Method::GET, "/long/-/long-1.0.0.tgz", None),
        (Method::GET, "/long/-/long-9.0.0.tgz", None),
    ] {
        told.push(format!("{method} {path} {}", ask(&signing, method.clone(), path, range).await));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
GET /pear/-/pear-1.0.0.tgz 200 - | public, immutable, max-age=31536000 | 156 | application/octet-stream
GET /big/-/big-1.0.0.tgz 302 https://bucket.example/big/-/e23abf681e5af9e9098f33279c9924ed/big-1.0.0.tgz?GET&900 | private, max-age=300 | 0 | -
GET /big/-/big-1.0.0.tgz 302 https://bucket.example/big/-/e23abf681e5af9e9098f33279c9924ed/big-1.0.0.tgz?GET&900 | private, max-age=300 | 0 | -
HEAD /big/-/big-1.0.0.tgz 200 - | public, immutable, max-age=31536000 | 1744 | application/octet-stream
GET /short/-/short-1.0.0.tgz 200 - | public, immutable, max-age=31536000 | 500 | application/octet-stream
GET /long/-/long-1.0.0.tgz 302 https://bucket.example/_upstream/npm/long/-/bcad232e113e2916a0f6021349d1e2e7/long-1.0.0.tgz?GET&900 | private, max-age=300 | 0 | -
GET /long/-/long-1.0.0.tgz 302 https://bucket.example/_upstream/npm/long/-/bcad232e113e2916a0f6021349d1e2e7/long-1.0.0.tgz?GET&900 | private, max-age=300 | 0 | -
GET /long/-/long-9.0.0.tgz 404 - | no-cache | 83 | application/json
"#);
    // A redirect is a download, unlike a HEAD and a request for a part.
    signing.flush_downloads().await.unwrap();
    let today = DownloadPeriod::parse("last-day", signing.today()).unwrap();
    for (name, expected) in [("pear", 1), ("big", 1), ("short", 1), ("long", 2)] {
        let counts = signing.downloads(&ana, &name.parse().unwrap(), today).await.unwrap();
        assert_eq!(counts.total(), expected, "{name}");
    }

    // The one of the upstream is in the store before any client is sent there, and was fetched once.
    let fetched = upstream.take_asked().into_iter().filter(|asked| asked.contains("long-1.0.0.tgz")).count();
    assert_eq!(fetched, 1);

    // A store that cannot sign sends what it has.
    let plain = registry(&memory, &upstream);
    let answer = ask(&plain, Method::GET, "/big/-/big-1.0.0.tgz", None).await;
    assert!(answer.starts_with("200 - |"), "{answer}");
}
