use http::{Method, StatusCode};
use registry_core::Registry;
use registry_core::limits::Limits;
use registry_testkit::TestRegistry;
use registry_testkit::tarball::gzip;
use serde_json::{Value, json};

use super::{BULK, Front, answer, assert_refused};

const QUICK: &str = "/-/npm/v1/security/audits/quick";

async fn post(registry: &Registry, path: &str, encoding: &str, body: &[u8]) -> (StatusCode, Value) {
    answer(registry, Method::POST, path, &[("content-encoding", encoding)], body.to_vec()).await
}

#[tokio::test]
async fn a_body_may_be_compressed() {
    let front = Front::start();
    front.npm.tell("advisories", "{}");
    let body = gzip(json!({ "pear": ["1.0.0"] }).to_string().as_bytes());
    for encoding in ["gzip", "GZIP", "x-gzip"] {
        assert_eq!(post(&front.registry, BULK, encoding, &body).await, (StatusCode::OK, json!({})));
        assert_eq!(front.take_asked()[0], [r#"advisories {"pear":["1.0.0"]}"#]);
    }
    let tree = gzip(json!({ "dependencies": { "pear": { "version": "1.0.0" } } }).to_string().as_bytes());
    assert_eq!(post(&front.registry, QUICK, "gzip", &tree).await.0, 200);
    assert_eq!(front.take_asked()[0], [r#"advisories {"pear":["1.0.0"]}"#]);
}

#[tokio::test]
async fn an_unreadable_body_is_rejected_and_sent_to_no_upstream() {
    let front = Front::start();
    let good = json!({ "pear": ["1.0.0"] }).to_string();
    let cut = gzip(good.as_bytes());
    let cut = &cut[..cut.len() - 9];
    for path in [BULK, QUICK] {
        let send = async |encoding: &str, body: &[u8]| post(&front.registry, path, encoding, body).await;
        assert_refused(send("gzip", good.as_bytes()).await, 400, "declared as gzip, but is not");
        assert_refused(send("gzip", cut).await, 400, "declared as gzip, but is not");
        assert_refused(send("br", good.as_bytes()).await, 400, "encoded as \"br\": send it with gzip");
        assert_refused(send("identity", b"").await, 400, "not valid JSON");
        assert_refused(send("identity", b"{\"pear\":").await, 400, "not valid JSON");
        assert_refused(send("gzip", &gzip(b"{\"pear\":")).await, 400, "not valid JSON");
        assert_refused(send("identity", br#"{"pear":[],"pear":[]}"#).await, 400, "duplicate key");
        assert_refused(send("identity", "[".repeat(1000).as_bytes()).await, 400, "deeper than 127");
        assert_refused(send("identity", b"7").await, 400, "send the packages to audit as");
    }
    for body in [r#"{"pear":"1.0.0"}"#, r#"{"pear":[1]}"#, r#"{"pear":null}"#, "[]"] {
        let refused = post(&front.registry, BULK, "identity", body.as_bytes()).await;
        assert_refused(refused, 400, r#"send the packages to audit as {"name": ["1.0.0"]}"#);
    }
    for body in [r#"{"dependencies":[7]}"#, r#"{"dependencies":{"pear":"1.0.0"}}"#] {
        let refused = post(&front.registry, QUICK, "identity", body.as_bytes()).await;
        assert_refused(refused, 400, r#"send the packages to audit as {"dependencies""#);
    }
    let only_ranges = post(&front.registry, QUICK, "identity", br#"{"requires":{"pear":"^1.0.0"}}"#).await;
    assert_refused(only_ranges, 400, "not its installed versions");
    assert_eq!(front.take_asked(), [vec![], Vec::<String>::new()]);
}

#[tokio::test]
async fn a_bomb_is_refused() {
    let mut limits = Limits::default();
    limits.other_body_bytes = 100_000;
    let registry = TestRegistry::builder().limits(limits).start().await;
    let bomb = gzip(" ".repeat(50_000_000).as_bytes());
    assert!(bomb.len() < 100_000);
    for path in [BULK, QUICK] {
        assert_refused(
            post(registry.registry(), path, "gzip", &bomb).await,
            413,
            "larger than the 100000 bytes",
        );
        let long = " ".repeat(100_001);
        let refused = post(registry.registry(), path, "identity", long.as_bytes()).await;
        assert_refused(refused, 413, "larger than the 100000 bytes");
    }
}

#[tokio::test]
async fn too_many_packages_are_rejected() {
    let front = Front::start();
    let names = || (0..20_001).map(|number| format!("p{number}"));
    let bulk: Value = names().map(|name| (name, json!(["1.0.0"]))).collect();
    assert_refused(front.post(BULK, &bulk).await, 400, "more than 20000 packages: ");
    let tree: Value = names().map(|name| (name, json!({ "version": "1.0.0" }))).collect();
    let refused = front.post(QUICK, &json!({ "dependencies": tree })).await;
    assert_refused(refused, 400, "more than 20000 packages: ");
    assert_eq!(front.take_asked(), [vec![], Vec::<String>::new()]);
}
