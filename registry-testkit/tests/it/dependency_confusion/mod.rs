//! No server outside may answer for a name of ours: no request of any kind about a name that the rules call hosted
//! reaches an upstream, whatever becomes of the package and of the store.

mod ever_hosted;
mod hosted_only;
mod question;

use std::collections::HashSet;
use std::sync::Arc;

use registry_core::access::{AccessRules, RuleSettings};
use registry_testkit::faulty::{Fault, Operation};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{ScriptedUpstream, TestRegistry};
use serde_json::Value;

use question::Question;

const FAULTS: [Fault; 3] = [Fault::BeforeEffect, Fault::AfterEffect, Fault::Refused];

/// What has become of a package here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Missing,
    Published,
    Unpublished,
    /// Its packument was deleted from the store by hand.
    Lost,
}

impl Fate {
    const ALL: [Self; 4] = [Self::Missing, Self::Published, Self::Unpublished, Self::Lost];
}

struct House {
    registry: TestRegistry,
    upstream: ScriptedUpstream,
}

impl House {
    async fn start(rules: &Value) -> Self {
        let rules: Vec<RuleSettings> = serde_json::from_value(rules.clone()).unwrap();
        let rules = AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap();
        let upstream = ScriptedUpstream::default();
        let registry =
            TestRegistry::builder().downloads().access(rules).upstream("npm", Arc::new(upstream.clone()));
        Self { registry: registry.start().await, upstream }
    }

    /// Leads the package to its fate; then an upstream has one of its name, with a higher version.
    async fn prepare(&self, name: &str, fate: Fate) {
        if fate != Fate::Missing {
            let _ =
                self.registry.ana().publish(&PublishDocument::new(name, "1.0.0")).await.assert_status(201);
        }
        if fate == Fate::Unpublished {
            let (registry, name) = (self.registry.registry(), name.parse().unwrap());
            registry.unpublish_package(&question::ana(), &name, None).await.unwrap();
        }
        if fate == Fate::Lost {
            self.registry.remove(&format!("{name}/index.json")).await;
        }
        self.upstream.publish(name, "1.0.0", b"evil");
        self.upstream.publish(name, "99.0.0", b"evil");
        self.upstream.take_asked();
    }

    /// Asks, and checks that no server outside hears of it.
    async fn ask(&self, question: &Question, what: &str) {
        let answer = question.ask(&self.registry.ana()).await;
        let is_of_elsewhere = answer.text().contains("99.0.0") || answer.body == "evil";
        assert!(!(answer.status.is_success() && is_of_elsewhere), "{what}: {}", answer.text());
        let asked = self.upstream.take_asked();
        assert!(asked.is_empty(), "{what}, answered with {}: {asked:?}", answer.status);
    }
}

/// Whether a fault at this path is one at a package; who asks is known all the same.
fn is_of_a_package(path: &str) -> bool {
    !path.starts_with("_tokens/") && !path.starts_with("_accounts/")
}

/// Which kinds of operations the question needs of the store.
async fn operations_of(rules: &Value, name: &str, fate: Fate, question: &Question) -> Vec<Operation> {
    let house = House::start(rules).await;
    house.prepare(name, fate).await;
    let before = house.registry.store().calls().len();
    house.ask(question, "without a fault").await;
    let calls = house.registry.store().calls().split_off(before);
    let calls: HashSet<_> =
        calls.iter().filter(|(_, path)| is_of_a_package(path)).map(|call| call.0).collect();
    calls.into_iter().collect()
}

/// Asks with a store that fails: at each kind of operation by itself, and at all of them.
async fn ask_with_faults(rules: &Value, name: &str, fate: Fate) {
    for question in Question::all(name) {
        let operations = operations_of(rules, name, fate, &question).await;
        for fault in FAULTS {
            for failing in operations.iter().map(std::slice::from_ref).chain([&operations[..]]) {
                let house = House::start(rules).await;
                house.prepare(name, fate).await;
                for operation in failing {
                    for _ in 0..100 {
                        house.registry.store().fail_next_at(*operation, is_of_a_package, fault.clone());
                    }
                }
                let what = format!("{question}, {fate:?}, {fault:?} at {failing:?}");
                house.ask(&question, &what).await;
            }
        }
    }
}
