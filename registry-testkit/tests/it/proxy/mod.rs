//! In front of another registry: what is asked of it, what is kept, and what is served when it fails.

mod abbreviated_time;
mod eviction;
mod freshness;
mod newer_versions;
mod odd_documents;
mod publish_guard;
mod tarballs;

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use registry_core::access::{AccessRules, RuleSettings};
use registry_core::auth::{Caller, Principal};
use registry_core::storage::{BlobStore, ObjectStoreBlobs};
use registry_core::{Body, Registry};
use registry_testkit::{FixedClock, RecordedEvents, ScriptedUpstream};
use serde_json::{Value, json};

/// The bytes that stand for a tarball upstream. No code looks into those.
const TARBALL: &[u8] = b"the bytes of a tarball";
const PATH: &str = "/pear/-/pear-1.0.0.tgz";

/// A registry in front of an upstream that has `pear` 1.0.0.
struct Proxy {
    registry: Registry,
    upstream: ScriptedUpstream,
    store: Arc<dyn BlobStore>,
    clock: Arc<FixedClock>,
    events: RecordedEvents,
}

impl Proxy {
    fn start() -> Self {
        Self::with_rules(&json!([{
            "match": "@ours/*", "read": ["@all"], "publish": ["@authenticated"], "origin": ["hosted"]
        }, {
            "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["hosted", "npm"]
        }]))
    }

    fn with_rules(rules: &Value) -> Self {
        let upstream = ScriptedUpstream::default();
        upstream.publish("pear", "1.0.0", TARBALL);
        let store: Arc<dyn BlobStore> = Arc::new(ObjectStoreBlobs::in_memory());
        let (clock, events) = (Arc::new(FixedClock::default()), RecordedEvents::default());
        let registry = registry_on(&store, &upstream, &clock, &events, rules);
        Self { registry, upstream, store, clock, events }
    }

    async fn get(&self, path: &str) -> (StatusCode, Vec<u8>) {
        read(self.registry.handle(request(path)).await).await
    }

    async fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }
}

fn registry_on(
    store: &Arc<dyn BlobStore>,
    upstream: &ScriptedUpstream,
    clock: &Arc<FixedClock>,
    events: &RecordedEvents,
    rules: &Value,
) -> Registry {
    let rules: Vec<RuleSettings> = serde_json::from_value(rules.clone()).unwrap();
    Registry::builder(Arc::clone(store))
        .upstream("npm", Arc::new(upstream.clone()))
        .access(AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap())
        .clock(Arc::<FixedClock>::clone(clock))
        .event_sink(Arc::new(events.clone()))
        .build()
}

fn request(path: &str) -> Request<Body> {
    Request::get(path).header("host", "here.example").body(Body::empty()).unwrap()
}

/// The status and the body; a body that breaks off gives nothing.
async fn read(response: Response<Body>) -> (StatusCode, Vec<u8>) {
    let status = response.status();
    let body = response.into_body().collect().await.map(|body| body.to_bytes().to_vec());
    (status, body.unwrap_or_default())
}

fn ana() -> Caller {
    Principal::user("ana").into()
}
