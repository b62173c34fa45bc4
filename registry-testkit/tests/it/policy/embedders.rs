use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use registry_core::policy::{
    PolicyConcern, PolicyDecision, VersionFacts, VersionOrigin, VersionPolicy, VersionRefusal,
};

use super::*;

/// Wants signatures of what comes from upstreams, while it is on.
#[derive(Debug, Default)]
struct Signed {
    state: AtomicU64,
}

impl VersionPolicy for Signed {
    fn concern(&self, _: &PackageName, origin: VersionOrigin<'_>) -> Option<PolicyConcern> {
        (origin == VersionOrigin::Upstream("npm"))
            .then(|| PolicyConcern::new(self.state.load(Ordering::SeqCst)))
    }

    fn decide(&self, facts: &VersionFacts<'_>, _: DateTime<Utc>) -> PolicyDecision {
        let is_on = self.state.load(Ordering::SeqCst) % 2 == 1;
        if facts.has_signatures || !is_on {
            return PolicyDecision::allow();
        }
        let refusal = VersionRefusal::new("signed", "has no signature").contact("call the desk");
        PolicyDecision::refuse(refusal)
    }
}

#[tokio::test]
async fn a_policy_of_an_embedder_decides_with_the_others() {
    let signed = Arc::new(Signed { state: AtomicU64::new(1) });
    let policy = json!([{ "match": "**", "block": ["**@3.0.0"] }]);
    let world = World::with(&policy, |builder| builder.version_policy(Arc::clone(&signed) as _));
    let signature = json!({ "dist": {
        "tarball": "https://registry.example/files/pear-1.0.0.tgz", "signatures": [{ "keyid": "k", "sig": "s" }],
        "integrity": Integrity::of(b"the tarball of pear@1.0.0").to_string(),
    } });
    let others = |version| (version, None, json!({}));
    serve(&world.upstream, "pear", &[("1.0.0", None, signature), others("2.0.0"), others("3.0.0")]);
    world.publish("@ours/fig", "1.0.0", &json!({})).await;
    assert_eq!(versions(&world.get("/pear").await), ["1.0.0"]);
    assert_eq!(world.get("/pear").await.json()["dist-tags"], json!({ "latest": "1.0.0" }));
    let refused = world.get(&tarball("pear", "2.0.0")).await.assert_status(403);
    assert_eq!(
        refused.error(),
        "pear@2.0.0 has no signature (rule signed, it does not end by itself). To use it now, call the desk"
    );
    let _ = world.get(&tarball("pear", "1.0.0")).await.assert_status(200);
    let _ = world.get(&tarball("@ours/fig", "1.0.0")).await.assert_status(200);

    signed.state.store(2, Ordering::SeqCst);
    assert_eq!(versions(&world.get("/pear").await), ["1.0.0", "2.0.0"], "another state renders anew");
    let _ = world.get(&tarball("pear", "2.0.0")).await.assert_status(200);
    let _ = world.get(&tarball("pear", "3.0.0")).await.assert_status(403);
}
