use super::*;

/// `FixedClock` starts at 2026-01-02T03:04:05Z, and what is published then waits for a day.
const RELEASE: &str = "2026-01-03T03:04:05.000Z";

async fn require_released_on_time(world: &World, name: &str) {
    let (path, day) = (format!("/{name}"), Duration::from_hours(24));
    world.clock.advance(day.checked_sub(Duration::from_millis(1)).unwrap());
    let (full, short) = (world.get(&path).await, world.abbreviated(&path).await);
    assert_eq!((versions(&full), versions(&short)), (vec!["1.0.0".to_owned()], vec!["1.0.0".to_owned()]));
    assert_eq!(full.json()["dist-tags"], json!({ "latest": "1.0.0" }));
    let refused = world.get(&tarball(name, "2.0.0")).await.assert_status(403);
    assert!(refused.error().contains("rule minimum_age, until 2026-01-03T03:04:05Z"), "{}", refused.error());
    let tags = world.get(&format!("/-/package/{name}/dist-tags")).await;

    world.clock.advance(Duration::from_millis(1));
    let (full_then, short_then) = (world.get(&path).await, world.abbreviated(&path).await);
    assert_eq!(versions(&full_then), ["1.0.0", "2.0.0"]);
    assert_eq!(versions(&short_then), ["1.0.0", "2.0.0"]);
    assert_eq!(full_then.json()["dist-tags"], json!({ "latest": "2.0.0" }));
    let _ = world.get(&tarball(name, "2.0.0")).await.assert_status(200);
    assert_eq!(world.get(&format!("/{name}/latest")).await.json()["version"], "2.0.0");
    let tags_then = world.get(&format!("/-/package/{name}/dist-tags")).await;
    assert_ne!(tags.header("etag"), tags_then.header("etag"));
    for (before, then) in [(&full, &full_then), (&short, &short_then)] {
        assert_ne!(before.header("etag"), then.header("etag"));
        assert_eq!(then.json()["time"]["modified"], RELEASE);
        assert_ne!(before.json()["time"]["modified"], RELEASE);
        let known = before.header("etag").unwrap();
        let again = Request::get(&path).header("if-none-match", known).header("accept", ABBREVIATED);
        let again = world.client().send(again.body(Body::empty()).unwrap()).await;
        assert_eq!(again.status, 200, "what was hidden before is not unchanged");
    }
    // Nothing else happens, so the document stays the same.
    world.clock.advance(day);
    assert_eq!(world.get(&path).await.header("etag"), full_then.header("etag"));
}

#[tokio::test]
async fn an_upstream_s_version_leaves_its_waiting_time_at_the_minute() {
    let world = World::new(&json!([{ "match": "**", "minimum_age": "1 day" }]));
    let old = ("1.0.0", Some("2025-11-01T00:00:00.000Z"), json!({}));
    serve(&world.upstream, "pear", &[old, ("2.0.0", Some("2026-01-02T03:04:05.000Z"), json!({}))]);
    require_released_on_time(&world, "pear").await;
}

#[tokio::test]
async fn a_hosted_version_leaves_its_waiting_time_at_the_minute() {
    let world = World::new(&json!([{ "match": "**", "minimum_age": "1 day", "exempt": ["@ours/*@1.x"] }]));
    world.publish("@ours/fig", "1.0.0", &json!({})).await;
    world.publish("@ours/fig", "2.0.0", &json!({})).await;
    let hidden = world.get("/@ours/fig").await;
    assert_eq!(hidden.header("last-modified"), None, "a date does not tell what is hidden");
    require_released_on_time(&world, "@ours/fig").await;
    let released = world.get("/@ours/fig").await;
    assert_eq!(released.header("last-modified"), Some("Sat, 03 Jan 2026 03:04:05 GMT"));
    for (since, status) in [("Fri, 02 Jan 2026 03:04:06 GMT", 200), ("Sat, 03 Jan 2026 03:04:05 GMT", 304)] {
        let request = Request::get("/@ours/fig").header("if-modified-since", since);
        let answer = world.client().send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{since}");
    }
}

#[tokio::test]
async fn a_block_ends_by_itself() {
    let world = World::with(&json!([]), listed(UnreadableBlockList::Refuse));
    let (old, new) = (("1.0.0", None, json!({})), ("2.0.0", None, json!({})));
    serve(&world.upstream, "pear", &[old, new]);
    let mut request = BlockRequest::new(PackageName::parse("pear").unwrap(), "under review");
    request.versions = Some("2.0.0".to_owned());
    request.until = "2026-01-02T04:00:00Z".parse().ok();
    world.registry.block_versions(None, request).await.unwrap();
    let path = tarball("pear", "2.0.0");
    let refused = world.get(&path).await.assert_status(403);
    assert!(refused.error().contains("is blocked: under review (rule block, until 2026-01-02T04:00:00Z)"));
    assert_eq!(versions(&world.get("/pear").await), ["1.0.0"]);
    world.clock.advance(Duration::from_secs(55 * 60 + 55));
    let _ = world.get(&path).await.assert_status(200);
    assert_eq!(versions(&world.get("/pear").await), ["1.0.0", "2.0.0"]);
}
