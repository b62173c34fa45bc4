use async_trait::async_trait;
use http::Method;
use object_store::path::Path;
use object_store::signer::Signer;
use registry_core::auth::Caller;
use registry_core::domain::Version;
use url::Url;

use super::*;

/// Hosted and upstream packages: 1.0.0 is allowed, and 2.0.0 is not.
const PACKAGES: [&str; 4] = ["pear", "@acme/pear", "@ours/fig", "Pear"];

/// A signer whose URLs show their arguments.
#[derive(Debug)]
struct Signing;

#[async_trait]
impl Signer for Signing {
    async fn signed_url(&self, _: Method, path: &Path, _: Duration) -> object_store::Result<Url> {
        Ok(format!("https://bucket.example/{path}").parse().unwrap())
    }
}

/// The spellings of a tarball's path.
fn spellings(name: &str, version: &str) -> Vec<String> {
    let base = name.rsplit('/').next().unwrap();
    let file = format!("{base}-{version}.tgz");
    let escaped = name.replace('/', "%2f");
    let mut spellings = vec![
        format!("/{name}/-/{file}"),
        format!("/{name}/-/{file}/"),
        format!("/{name}/-/{file}?cache=no"),
        format!("/{name}/-/{}", file.replace('.', "%2e")),
        format!("/{name}/-/{}", file.replacen('-', "%2D", 1)),
        format!("/{name}/%2d/{file}"),
        format!("/{escaped}/-/{file}"),
        format!("/{}/-/{file}", escaped.replace("%2f", "%2F")),
        format!("/{}/-/{file}", name.replace('@', "%40")),
        format!("/{name}/-/{name}-{version}.tgz"),
        format!("/{escaped}/-/{escaped}-{version}.tgz"),
        format!("/registry/{name}/-/{file}"),
        format!("/registry/{escaped}/-/{file}"),
        format!("/api/npm/npm-local/{name}/-/{file}"),
        format!("/api/npm/npm-local/{escaped}/-/{file}"),
    ];
    spellings.sort();
    spellings.dedup();
    spellings
}

async fn fill(world: &World) {
    for name in ["pear", "@acme/pear", "Pear"] {
        let old = ("1.0.0", Some("2025-12-01T00:00:00.000Z"), json!({}));
        serve(&world.upstream, name, &[old, ("2.0.0", Some("2025-12-02T00:00:00.000Z"), json!({}))]);
    }
    for version in ["1.0.0", "2.0.0"] {
        world.publish("@ours/fig", version, &json!({})).await;
    }
}

/// Asks on every way, and returns how many there were.
async fn ask_everywhere(world: &World, expected: u16, version: &str, what: &str) -> usize {
    let mut asked = 0;
    for name in PACKAGES {
        for path in spellings(name, version) {
            for (method, header) in [
                (Method::GET, None),
                (Method::HEAD, None),
                (Method::GET, Some(("range", "bytes=0-0"))),
                (Method::GET, Some(("if-none-match", "*"))),
                (Method::GET, Some(("accept-encoding", "gzip"))),
            ] {
                let mut request = Request::builder().method(method.clone()).uri(&path);
                if let Some((name, value)) = header {
                    request = request.header(name, value);
                }
                let answer = world.client().send(request.body(Body::empty()).unwrap()).await;
                asked += 1;
                let way = format!("{what}: {method} {path} {header:?}: {} {}", answer.status, answer.text());
                if expected == 403 {
                    assert_eq!(answer.status, 403, "{way}");
                    assert!(answer.header("location").is_none() && answer.header("etag").is_none(), "{way}");
                    assert!(method == Method::HEAD || answer.error().contains("rule block"), "{way}");
                } else {
                    assert!([200, 206, 302, 304].contains(&answer.status.as_u16()), "{way}");
                }
            }
        }
        let (name, version) = (PackageName::parse(name).unwrap(), Version::parse(version).unwrap());
        let found = world.registry.find_tarball(&Caller::anonymous(), &name, &version).await;
        assert_eq!(found.is_err(), expected == 403, "{what}: by a typed call");
    }
    asked
}

#[tokio::test]
async fn every_way_to_a_refused_tarball_is_closed() {
    let policy = json!([{ "match": "**", "block": ["**@2.0.0"] }]);
    let none = json!([]);

    // The registry has seen nothing of the packages: an install by a lockfile.
    let cold = World::new(&policy);
    fill(&cold).await;
    let ways = ask_everywhere(&cold, 403, "2.0.0", "cold").await;
    assert!(ways >= 12 * PACKAGES.len(), "{ways} ways");

    // Another replica without the policy has cached all, and the tarballs are in the store.
    let open = cold.replica(&none, |builder| builder);
    assert_eq!(ask_everywhere(&open, 200, "2.0.0", "without a policy").await, ways);
    ask_everywhere(&cold, 403, "2.0.0", "with warm caches in the store").await;
    ask_everywhere(&cold.replica(&policy, |builder| builder), 403, "2.0.0", "a new process").await;
    ask_everywhere(&cold, 200, "1.0.0", "the version beside it").await;

    // The rules come while the process has all in memory.
    open.registry.set_policy_rules(rules_of(&policy));
    ask_everywhere(&open, 403, "2.0.0", "with warm caches in memory").await;
    open.registry.set_policy_rules(rules_of(&none));
    ask_everywhere(&open, 200, "2.0.0", "once the rules are gone").await;

    // The upstream is down, or took the version back.
    cold.upstream.set_down(true);
    ask_everywhere(&cold, 403, "2.0.0", "while the upstream is down").await;
    cold.upstream.set_down(false);

    // The list of administrators.
    let listed = cold.replica(&none, listed(UnreadableBlockList::Refuse));
    for name in PACKAGES {
        listed.block(name, "2.0.0").await;
    }
    ask_everywhere(&listed, 403, "2.0.0", "by the list").await;
}

#[tokio::test]
async fn no_signed_url_leads_to_a_refused_tarball() {
    let policy = json!([{ "match": "**", "block": ["**@2.0.0"] }]);
    let memory = ObjectStoreBlobs::in_memory().with_signer(Arc::new(Signing));
    let store = Arc::new(Faulty::new(memory, FaultPlan::NONE));
    let (upstream, clock) = (ScriptedUpstream::default(), Arc::new(FixedClock::default()));
    let signing = |builder: RegistryBuilder| builder.redirect_tarballs_above(Some(0));
    let open = World::on(Arc::clone(&store), upstream, clock, &json!([]), signing);
    fill(&open).await;
    let redirected = open.get(&tarball("pear", "2.0.0")).await.assert_status(302);
    assert!(redirected.header("location").unwrap().starts_with("https://bucket.example/"));
    let closed = open.replica(&policy, signing);
    ask_everywhere(&closed, 403, "2.0.0", "with signed URLs").await;
    ask_everywhere(&closed, 200, "1.0.0", "the version beside it").await;
}
