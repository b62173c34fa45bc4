use super::*;

fn attested() -> Value {
    json!({ "url": "https://registry.example/-/npm/v1/attestations/x", "provenance": { "predicateType": "slsa" } })
}

/// A version with these proofs. The manifest replaces `dist`, so it has the tarball again.
fn proven(name: &str, version: &str, has_provenance: bool, has_publisher: bool) -> Value {
    let url = format!("https://registry.example/files/{name}-{version}.tgz");
    let integrity = Integrity::of(format!("the tarball of {name}@{version}").as_bytes()).to_string();
    let mut dist = json!({ "tarball": url, "integrity": integrity });
    if has_provenance {
        dist["attestations"] = attested();
    }
    let mut manifest = json!({ "dist": dist });
    if has_publisher {
        manifest["_npmUser"] = json!({ "name": "GitHub Actions", "trustedPublisher": { "id": "github" } });
    }
    manifest
}

#[tokio::test]
async fn a_version_needs_attestations_where_provenance_is_required() {
    let world = World::new(&json!([{ "match": "**", "origin": ["npm"], "provenance": "required" }]));
    let with = proven("pear", "1.0.0", true, false);
    let mut without = proven("pear", "1.1.0", false, true);
    // Attestations of something else.
    without["dist"]["attestations"] = json!({ "url": "https://registry.example/x", "publish": { "x": 1 } });
    serve(&world.upstream, "pear", &[("1.0.0", OLD, with), ("1.1.0", OLD, without)]);
    world.publish("@ours/fig", "1.0.0", &json!({})).await;
    assert_eq!(versions(&world.abbreviated("/pear").await), ["1.0.0"]);
    let _ = world.get(&tarball("pear", "1.0.0")).await.assert_status(200);
    let refused = world.get(&tarball("pear", "1.1.0")).await.assert_status(403);
    assert!(
        refused.error().contains("has no attestations of its provenance (rule provenance"),
        "{}",
        refused.error()
    );
    let _ = world.get(&tarball("@ours/fig", "1.0.0")).await.assert_status(200);
    let everywhere = world.replica(&json!([{ "match": "**", "provenance": "required" }]), |builder| builder);
    let _ = everywhere.get(&tarball("@ours/fig", "1.0.0")).await.assert_status(403);
}

const OLD: Option<&str> = Some("2025-11-01T00:00:00.000Z");

#[tokio::test]
async fn a_version_that_proves_less_than_an_earlier_one_is_refused() {
    let world = World::new(&json!([{ "match": "**", "trust": "no-downgrade" }]));
    let at = |day: u32| format!("2025-11-{day:02}T00:00:00.000Z");
    let days: Vec<_> = (1..=7).map(at).collect();
    let told = |number: usize, version: &'static str, has_provenance, has_publisher| {
        (version, Some(days[number - 1].as_str()), proven("pear", version, has_provenance, has_publisher))
    };
    let mut all = vec![
        told(1, "1.0.0", false, false),
        told(2, "1.1.0", true, false),
        told(3, "2.0.0-rc.1", true, true),
        told(4, "1.2.0", true, false),
        told(5, "1.3.0", false, true),
        told(6, "2.0.0-rc.2", true, false),
    ];
    serve(&world.upstream, "pear", &all);
    assert_eq!(versions(&world.abbreviated("/pear").await), ["1.0.0", "1.1.0", "2.0.0-rc.1", "1.2.0"]);
    let refused = world.get(&tarball("pear", "1.3.0")).await.assert_status(403);
    assert!(
        refused
            .error()
            .contains("proves less of its origin (none) than 1.1.0 before it (provenance) (rule trust"),
        "a publisher without provenance proves nothing: {}",
        refused.error()
    );
    let refused = world.get(&tarball("pear", "2.0.0-rc.2")).await.assert_status(403);
    assert!(refused.error().contains("2.0.0-rc.1"), "{}", refused.error());

    all.push(("1.4.0", None, proven("pear", "1.4.0", true, true)));
    serve(&world.upstream, "pear", &all);
    world.clock.advance(Duration::from_hours(1));
    let refused = world.get(&tarball("pear", "1.4.0")).await.assert_status(403);
    assert!(refused.error().contains("has no known publish time"), "{}", refused.error());
}
