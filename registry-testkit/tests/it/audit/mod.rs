//! Audits, signing keys and attestations: what is asked of which upstream, and what never is.

mod attestations;
mod bodies;
mod bulk;
mod keys;
mod local;
mod private_names;
mod report;
mod unavailable;

use std::sync::Arc;

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use registry_core::access::{AccessRules, RuleSettings};
use registry_core::audit::{AuditFallback, AuditSource};
use registry_core::auth::{Caller, Principal};
use registry_core::domain::DistTag;
use registry_core::domain::publication::Publication;
use registry_core::limits::Limits;
use registry_core::storage::ObjectStoreBlobs;
use registry_core::{Body, Registry};
use registry_testkit::faulty::{FaultPlan, Faulty};
use registry_testkit::tarball::Tarball;
use registry_testkit::{FixedClock, ScriptedUpstream};
use serde_json::{Value, json};

const BULK: &str = "/-/npm/v1/security/advisories/bulk";
const KEYS: &str = "/-/npm/v1/keys";

/// A registry in front of two others. `npm` has `pear` 1.0.0, `other` has `@both/kiwi` 1.0.0.
struct Front {
    registry: Registry,
    npm: ScriptedUpstream,
    other: ScriptedUpstream,
    store: Arc<Faulty<ObjectStoreBlobs>>,
    clock: Arc<FixedClock>,
}

impl Front {
    fn start() -> Self {
        Self::falling_back(AuditFallback::default())
    }

    fn falling_back(audit_fallback: AuditFallback) -> Self {
        Self::with(audit_fallback, AuditSource::Upstream)
    }

    fn with(audit_fallback: AuditFallback, source: AuditSource) -> Self {
        let rule = |pattern: &str, read: &str, origin: &[&str]| json!({ "match": pattern, "read": [read], "publish": ["@authenticated"], "origin": origin, "shadow": true });
        let rules = json!([
            rule("@ours/*", "@all", &["hosted"]),
            rule("@members/*", "@authenticated", &["hosted", "npm"]),
            rule("@other/*", "@all", &["other"]),
            rule("@both/*", "@all", &["hosted", "npm", "other"]),
            rule("**", "@all", &["hosted", "npm"]),
        ]);
        let rules: Vec<RuleSettings> = serde_json::from_value(rules).unwrap();
        let (npm, other) = (ScriptedUpstream::default(), ScriptedUpstream::default());
        npm.publish("pear", "1.0.0", b"the bytes of a tarball");
        other.publish("@both/kiwi", "1.0.0", b"the bytes of another");
        let store = Arc::new(Faulty::new(ObjectStoreBlobs::in_memory(), FaultPlan::NONE));
        let clock = Arc::new(FixedClock::default());
        let registry = Registry::builder(Arc::clone(&store) as _)
            .upstream("npm", Arc::new(npm.clone()))
            .upstream("other", Arc::new(other.clone()))
            .access(AccessRules::compile_with_upstreams(&rules, &["npm", "other"]).unwrap())
            .audit_fallback(audit_fallback)
            .audit_source(source)
            .clock(Arc::clone(&clock) as _)
            .path_prefix("/registry")
            .build();
        Self { registry, npm, other, store, clock }
    }

    async fn host(&self, name: &str) {
        let tarball = Tarball::new(name, "1.0.0").pack();
        let publication = Publication::from_tarball(tarball.into(), DistTag::latest(), &Limits::default());
        self.registry.publish(&ana(), publication.unwrap()).await.unwrap();
        self.take_asked();
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(&self.registry, Method::GET, path, &[], Vec::new()).await
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        answer(&self.registry, Method::POST, path, &[], body.to_string().into_bytes()).await
    }

    /// What both upstreams were asked since the last time.
    fn take_asked(&self) -> [Vec<String>; 2] {
        [self.npm.take_asked(), self.other.take_asked()]
    }
}

async fn answer(
    registry: &Registry,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> (StatusCode, Value) {
    let mut request = Request::builder().method(method).uri(path).header("host", "here.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = registry.handle(request.body(Body::from(body)).unwrap()).await;
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

/// An answer that says why, in the form that all clients read.
#[track_caller]
fn assert_refused((status, body): (StatusCode, Value), expected: u16, text: &str) {
    assert_eq!(status, expected, "{body}");
    assert!(body["error"].as_str().unwrap().contains(text), "{body}");
}

fn ana() -> Caller {
    Principal::user("ana").into()
}

fn advisory(id: u32, range: &str) -> Value {
    json!({
        "id": id,
        "url": format!("https://advisories.example/{id}"),
        "title": "It rots",
        "severity": "high",
        "vulnerable_versions": range,
        "cwe": ["CWE-1"],
        "cvss": { "score": 7, "vectorString": null },
    })
}
