//! Policies on versions: what they refuse is neither listed nor served, on any way, hosted or not.

mod administrators;
mod advisories;
mod advisories_missing;
mod boundary;
mod changes;
mod check;
mod documents;
mod embedders;
mod fail_closed;
mod files;
mod property;
mod recall;
mod recall_by_advisory;
mod replicas;
mod similar_names;
mod simulate;
mod trust;
mod ways;

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use registry_core::access::{AccessRules, RuleSettings};
use registry_core::auth::{PasswordCost, Principal};
use registry_core::domain::publication::Publication;
use registry_core::domain::{DistTag, Integrity, PackageName};
use registry_core::limits::Limits;
use registry_core::policy::{BlockListSettings, BlockRequest, PolicyRules, PolicyTable, UnreadableBlockList};
use registry_core::storage::ObjectStoreBlobs;
use registry_core::{Body, Registry, RegistryBuilder};
use registry_testkit::faulty::{FaultPlan, Faulty};
use registry_testkit::http_client::TestResponse;
use registry_testkit::tarball::Tarball;
use registry_testkit::test_registry::TestClient;
use registry_testkit::{FixedClock, RecordedEvents, ScriptedUpstream};
use serde_json::{Value, json};

const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";
/// Where the list of administrators is stored.
const LIST: &str = "_policy/blocked.json";

/// A registry in front of an upstream, with the name `@ours/*` for itself.
struct World {
    registry: Registry,
    upstream: ScriptedUpstream,
    store: Arc<Faulty<ObjectStoreBlobs>>,
    clock: Arc<FixedClock>,
    events: RecordedEvents,
}

impl World {
    /// With these `[[policy]]` tables.
    fn new(policy: &Value) -> Self {
        Self::with(policy, |builder| builder)
    }

    fn with(policy: &Value, finish: impl FnOnce(RegistryBuilder) -> RegistryBuilder) -> Self {
        let store = Arc::new(Faulty::new(ObjectStoreBlobs::in_memory(), FaultPlan::NONE));
        let (upstream, clock) = (ScriptedUpstream::default(), Arc::new(FixedClock::default()));
        Self::on(store, upstream, clock, policy, finish)
    }

    fn on(
        store: Arc<Faulty<ObjectStoreBlobs>>,
        upstream: ScriptedUpstream,
        clock: Arc<FixedClock>,
        policy: &Value,
        finish: impl FnOnce(RegistryBuilder) -> RegistryBuilder,
    ) -> Self {
        let rules: Vec<RuleSettings> = serde_json::from_value(json!([
            { "match": "@ours/*", "read": ["@all"], "publish": ["@authenticated"], "administer": ["user:ada"] },
            { "match": "**", "read": ["@all"], "administer": ["user:ada"], "origin": ["hosted", "npm"] },
        ]))
        .unwrap();
        let events = RecordedEvents::default();
        let builder = Registry::builder(Arc::clone(&store) as _)
            .upstream("npm", Arc::new(upstream.clone()))
            .access(AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap())
            .local_accounts_with(|accounts| accounts.with_password_cost(PasswordCost::cheapest()))
            .clock(Arc::<FixedClock>::clone(&clock))
            .event_sink(Arc::new(events.clone()))
            .path_prefix("/registry")
            .legacy_prefixes(["/api/npm/npm-local".to_owned()])
            .policy_rules(rules_of(policy));
        Self { registry: finish(builder).build(), upstream, store, clock, events }
    }

    /// Another registry on the same store and in front of the same upstream.
    fn replica(&self, policy: &Value, finish: impl FnOnce(RegistryBuilder) -> RegistryBuilder) -> Self {
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        Self::on(store, self.upstream.clone(), clock, policy, finish)
    }

    fn client(&self) -> TestClient {
        TestClient::new(self.registry.clone(), None)
    }

    async fn get(&self, path: &str) -> TestResponse {
        self.client().get(path).await
    }

    async fn abbreviated(&self, path: &str) -> TestResponse {
        let request = Request::get(path).header("accept", ABBREVIATED).body(Body::empty()).unwrap();
        self.client().send(request).await
    }

    /// Publishes a hosted version now.
    async fn publish(&self, name: &str, version: &str, manifest: &Value) {
        let mut fields = json!({ "name": name, "version": version });
        fields.as_object_mut().unwrap().extend(manifest.as_object().cloned().unwrap_or_default());
        let tarball = Tarball::of_manifest(fields);
        let publication =
            Publication::from_tarball(tarball.pack().into(), DistTag::latest(), &Limits::default()).unwrap();
        self.registry.publish(&Principal::user("ana").into(), publication).await.unwrap();
    }

    async fn block(&self, name: &str, versions: &str) {
        let mut request = BlockRequest::new(PackageName::parse(name).unwrap(), "it is bad");
        request.versions = Some(versions.to_owned());
        self.registry.block_versions(None, request).await.unwrap();
    }
}

fn rules_of(policy: &Value) -> PolicyRules {
    let tables: Vec<PolicyTable> = serde_json::from_value(policy.clone()).unwrap();
    PolicyRules::compile(&tables).unwrap()
}

/// A list that is read every 5 seconds.
fn listed(unreadable: UnreadableBlockList) -> impl FnOnce(RegistryBuilder) -> RegistryBuilder {
    let settings = BlockListSettings { cached_for: Duration::from_secs(5), unreadable };
    move |builder| builder.block_list(Some(settings))
}

/// Lets the upstream have a package of these versions, each with its publish time (or none) and more of its manifest. The last
/// one is `latest`.
fn serve(upstream: &ScriptedUpstream, name: &str, versions: &[(&str, Option<&str>, Value)]) {
    let mut packument = json!({ "name": name, "dist-tags": {}, "versions": {}, "time": {} });
    for (version, published, more) in versions {
        let bytes = format!("the tarball of {name}@{version}");
        let url = format!("https://registry.example/files/{name}-{version}.tgz");
        upstream.set_tarball(&url, bytes.as_bytes());
        let integrity = Integrity::of(bytes.as_bytes()).to_string();
        let mut manifest =
            json!({ "name": name, "version": version, "dist": { "tarball": url, "integrity": integrity } });
        manifest.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        packument["versions"][version] = manifest;
        packument["dist-tags"]["latest"] = (*version).into();
        if let Some(published) = published {
            packument["time"][version] = (*published).into();
            packument["time"]["modified"] = (*published).into();
        }
    }
    upstream.set_packument(name, packument);
}

/// The versions that a packument lists.
fn versions(packument: &TestResponse) -> Vec<String> {
    let packument = packument.json();
    packument["versions"].as_object().unwrap().keys().cloned().collect()
}

/// The path of a tarball, as a client would spell it.
fn tarball(name: &str, version: &str) -> String {
    format!("/{name}/-/{}-{version}.tgz", name.rsplit('/').next().unwrap())
}
