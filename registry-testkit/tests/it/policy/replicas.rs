use super::*;

#[tokio::test]
async fn a_block_counts_on_every_replica_within_its_seconds() {
    let one = World::with(&json!([]), listed(UnreadableBlockList::Refuse));
    let other = one.replica(&json!([]), listed(UnreadableBlockList::Refuse));
    let (old, new) = (("1.0.0", None, json!({})), ("2.0.0", None, json!({})));
    serve(&one.upstream, "pear", &[old, new]);
    one.publish("@ours/fig", "2.0.0", &json!({})).await;
    let paths = [tarball("pear", "2.0.0"), tarball("@ours/fig", "2.0.0")];
    for world in [&one, &other] {
        for path in &paths {
            let _ = world.get(path).await.assert_status(200);
        }
        assert_eq!(versions(&world.get("/pear").await), ["1.0.0", "2.0.0"]);
    }
    one.block("pear", "2.0.0").await;
    one.block("@ours/fig", "*").await;
    for path in &paths {
        let _ = one.get(path).await.assert_status(403);
    }
    assert_eq!(versions(&one.get("/pear").await), ["1.0.0"]);
    let _ = one.get("/@ours/fig").await.assert_status(403);

    one.clock.advance(Duration::from_millis(4999));
    for path in &paths {
        let _ = other.get(path).await.assert_status(200);
    }
    one.clock.advance(Duration::from_millis(1));
    for path in &paths {
        let _ = other.get(path).await.assert_status(403);
    }
    let before = other.get("/pear").await;
    assert_eq!(versions(&before), ["1.0.0"]);

    let pear = PackageName::parse("pear").unwrap();
    let lifted = other.registry.unblock_versions(None, &pear, Some("2.0.0")).await.unwrap();
    assert_eq!(lifted.reason, "it is bad");
    let _ = other.get(&paths[0]).await.assert_status(200);
    let _ = other.get(&paths[1]).await.assert_status(403);
    let after = other.get("/pear").await;
    assert_ne!(before.header("etag"), after.header("etag"));
    one.clock.advance(Duration::from_secs(5));
    let _ = one.get(&paths[0]).await.assert_status(200);
    assert_eq!(versions(&one.get("/pear").await), ["1.0.0", "2.0.0"]);
}

#[tokio::test]
async fn replicas_that_block_at_once_lose_no_block() {
    let one = World::with(&json!([]), listed(UnreadableBlockList::Refuse));
    let other = one.replica(&json!([]), listed(UnreadableBlockList::Refuse));
    let names: Vec<String> = (0..10).map(|number| format!("pear-{number}")).collect();
    let both = names.iter().zip([&one, &other].into_iter().cycle());
    futures::future::join_all(both.map(|(name, world)| world.block(name, "1.x"))).await;
    let mut blocked: Vec<_> = one.registry.blocked_versions(None).await.unwrap();
    blocked.sort_by(|one, other| one.package.cmp(&other.package));
    let blocked: Vec<_> = blocked.iter().map(|block| block.package.to_string()).collect();
    assert_eq!(blocked, names);
}

#[tokio::test]
async fn a_block_of_one_package_renders_no_other_anew() {
    let world = World::with(&json!([]), listed(UnreadableBlockList::Refuse));
    serve(&world.upstream, "pear", &[("1.0.0", None, json!({}))]);
    serve(&world.upstream, "plum", &[("1.0.0", None, json!({}))]);
    let before = world.get("/plum").await;
    world.block("pear", "*").await;
    let misses = |world: &World| {
        let caches = world.registry.measurements().caches;
        caches.iter().find(|cache| cache.cache == "packuments").unwrap().misses
    };
    let known = misses(&world);
    assert_eq!(world.get("/plum").await.header("etag"), before.header("etag"));
    assert_eq!(misses(&world), known);
}

#[tokio::test]
async fn warm_reads_ask_the_store_for_the_list_once_in_its_seconds_and_for_nothing_without_one() {
    let without = World::new(&json!([]));
    serve(&without.upstream, "pear", &[("1.0.0", None, json!({}))]);
    let with = without
        .replica(&json!([{ "match": "plum", "block": ["plum"] }]), listed(UnreadableBlockList::Refuse));
    let asked = |world: &World| {
        let calls = world.store.take_calls();
        calls.into_iter().filter(|(_, path)| path == LIST).count()
    };
    for _ in 0..10 {
        let _ = without.get("/pear").await.assert_status(200);
    }
    assert_eq!(asked(&without), 0);
    for round in 0..3 {
        for _ in 0..10 {
            let _ = with.get("/pear").await.assert_status(200);
            let _ = with.get(&tarball("pear", "1.0.0")).await.assert_status(200);
        }
        assert_eq!(asked(&with), 1, "round {round}");
        with.clock.advance(Duration::from_secs(5));
    }
}
