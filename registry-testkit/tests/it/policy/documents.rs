use super::*;

/// What readers see of a package on each way that tells of its versions.
async fn told(world: &World, name: &str) -> String {
    let mut told = Vec::new();
    let full = world.get(&format!("/{name}")).await;
    let abbreviated = world.abbreviated(&format!("/{name}")).await;
    for (what, answer) in [("full", &full), ("abbreviated", &abbreviated)] {
        if answer.status == 200 {
            let packument = answer.json();
            let times: Vec<_> =
                packument["time"].as_object().into_iter().flat_map(|time| time.keys()).collect();
            told.push(format!("{what}: {:?} {} {times:?}", versions(answer), packument["dist-tags"]));
        } else {
            told.push(format!("{what}: {} {}", answer.status.as_u16(), answer.error()));
        }
    }
    let tags = world.get(&format!("/-/package/{name}/dist-tags")).await;
    told.push(format!("dist-tags: {}", tags.text()));
    for selector in ["latest", "next", "1.0.0", "2.0.0", "^2.0.0", "1.x", "*", "9.9.9"] {
        let answer = world.get(&format!("/{name}/{selector}")).await;
        let found = if answer.status == 200 {
            answer.json()["version"].as_str().unwrap().to_owned()
        } else {
            format!("{} {}", answer.status.as_u16(), answer.error())
        };
        told.push(format!("{selector}: {found}"));
    }
    told.join("\n")
}

#[tokio::test]
async fn every_document_of_an_upstream_s_package_leaves_refused_versions_out() {
    let world = World::new(&json!([{ "match": "**", "minimum_age": "7 days" }]));
    serve(
        &world.upstream,
        "pear",
        &[
            ("1.0.0", Some("2025-11-01T00:00:00.000Z"), json!({})),
            ("3.0.0-rc.1", Some("2025-11-02T00:00:00.000Z"), json!({})),
            ("1.1.0", Some("2025-11-03T00:00:00.000Z"), json!({})),
            ("2.0.0", Some("2026-01-01T00:00:00.000Z"), json!({})),
        ],
    );
    world.upstream.tag("pear", "next", "3.0.0-rc.1");
    insta::assert_snapshot!(told(&world, "pear").await, @r#"
    full: ["1.0.0", "3.0.0-rc.1", "1.1.0"] {"latest":"1.1.0","next":"3.0.0-rc.1"} ["1.0.0", "modified", "3.0.0-rc.1", "1.1.0"]
    abbreviated: ["1.0.0", "3.0.0-rc.1", "1.1.0"] {"latest":"1.1.0","next":"3.0.0-rc.1"} ["1.0.0", "modified", "3.0.0-rc.1", "1.1.0"]
    dist-tags: {"latest":"1.1.0","next":"3.0.0-rc.1"}
    latest: 1.1.0
    next: 3.0.0-rc.1
    1.0.0: 1.0.0
    2.0.0: 403 pear@2.0.0 was published on 2026-01-01T00:00:00Z and waits for 7 days (rule minimum_age, until 2026-01-08T00:00:00Z). To use it now, ask an administrator of this registry for an exception
    ^2.0.0: 403 pear@2.0.0 was published on 2026-01-01T00:00:00Z and waits for 7 days (rule minimum_age, until 2026-01-08T00:00:00Z). To use it now, ask an administrator of this registry for an exception
    1.x: 1.1.0
    *: 1.1.0
    9.9.9: 404 version not found: 9.9.9
    "#);
}

#[tokio::test]
async fn every_document_of_a_hosted_package_leaves_refused_versions_out() {
    let world =
        World::new(&json!([{ "match": "**", "block": ["@ours/fig@>=2.0.0"], "contact": "ask #security" }]));
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        world.publish("@ours/fig", version, &json!({})).await;
    }
    insta::assert_snapshot!(told(&world, "@ours/fig").await, @r#"
    full: ["1.0.0", "1.1.0"] {"latest":"1.1.0"} ["created", "modified", "1.0.0", "1.1.0"]
    abbreviated: ["1.0.0", "1.1.0"] {"latest":"1.1.0"} ["created", "modified", "1.0.0", "1.1.0"]
    dist-tags: {"latest":"1.1.0"}
    latest: 1.1.0
    next: 404 version not found: next. Is the registry URL right? This registry answers at http://registry.example/
    1.0.0: 1.0.0
    2.0.0: 403 @ours/fig@2.0.0 is blocked by @ours/fig@>=2.0.0 (rule block, it does not end by itself). To use it now, ask #security
    ^2.0.0: 403 @ours/fig@2.0.0 is blocked by @ours/fig@>=2.0.0 (rule block, it does not end by itself). To use it now, ask #security
    1.x: 1.1.0
    *: 1.1.0
    9.9.9: 404 version not found: 9.9.9
    "#);
}

#[tokio::test]
async fn a_package_of_which_everything_is_refused_says_why() {
    let world = World::new(&json!([{ "match": "**", "licenses": ["MIT"] }]));
    serve(&world.upstream, "pear", &[("1.0.0", Some("2025-11-01T00:00:00.000Z"), json!({}))]);
    world.publish("@ours/fig", "1.0.0", &json!({ "license": "WTFPL" })).await;
    for name in ["pear", "@ours/fig"] {
        for answer in [world.get(&format!("/{name}")).await, world.abbreviated(&format!("/{name}")).await] {
            let answer = answer.assert_status(403);
            assert!(answer.error().starts_with(&format!("this registry refuses every version of {name}.")));
            assert!(answer.error().contains("rule licenses"), "{}", answer.error());
        }
        let _ = world.get(&format!("/{name}/latest")).await.assert_status(403);
        assert_eq!(world.get(&format!("/-/package/{name}/dist-tags")).await.text(), "{}");
    }
}

#[tokio::test]
async fn searches_show_the_version_that_is_served() {
    let world =
        World::new(&json!([{ "match": "**", "block": ["@ours/fig@2.0.0", "@ours/plum", "jam-of-worms"] }]));
    world.publish("@ours/fig", "1.0.0", &json!({ "description": "jam, the first" })).await;
    world.publish("@ours/fig", "2.0.0", &json!({ "description": "jam, the second" })).await;
    world.publish("@ours/plum", "1.0.0", &json!({ "description": "jam of plums" })).await;
    serve(&world.upstream, "jam-of-worms", &[("1.0.0", None, json!({}))]);
    serve(&world.upstream, "jam", &[("1.0.0", None, json!({}))]);
    let found = world.get("/-/v1/search?text=jam").await.assert_status(200).json();
    let hits: Vec<_> = found["objects"].as_array().unwrap().iter().map(|hit| &hit["package"]).collect();
    let hits: Vec<_> =
        hits.iter().map(|hit| (hit["name"].as_str().unwrap(), hit["version"].as_str().unwrap())).collect();
    assert_eq!(hits, [("@ours/fig", "1.0.0"), ("jam", "1.0.0")]);
    assert!(!found.to_string().contains("the second"));
}

#[tokio::test]
async fn npm_is_told_of_hidden_versions_and_others_may_cache() {
    let world = World::new(&json!([{ "match": "**", "minimum_age": "7 days" }]));
    let old = ("1.0.0", Some("2025-11-01T00:00:00.000Z"), json!({}));
    serve(&world.upstream, "pear", &[old.clone(), ("2.0.0", Some("2026-01-01T00:00:00.000Z"), json!({}))]);
    serve(&world.upstream, "plum", &[old]);
    let ask = async |path: &str, agent: &str| {
        let request = Request::get(path).header("user-agent", agent).body(Body::empty()).unwrap();
        let answer = world.client().send(request).await.assert_status(200);
        let header = |name: &str| answer.header(name).unwrap_or_default().to_owned();
        (header("npm-notice"), header("cache-control"))
    };
    let (notice, cached) = ask("/pear", "npm/11.0.0 node/v24.0.0").await;
    assert!(notice.starts_with("pear@2.0.0 is hidden: it was published on 2026-01-01T00:00:00Z"), "{notice}");
    assert!(notice.contains("until 2026-01-08T00:00:00Z"), "{notice}");
    assert_eq!(cached, "no-store", "npm shows no notice of what it may cache");
    assert_eq!(ask("/pear", "pnpm/11.0.0").await, (String::new(), "no-cache".to_owned()));
    assert_eq!(ask("/plum", "npm/11.0.0").await, (String::new(), "no-cache".to_owned()));
}

#[tokio::test]
async fn attestations_of_a_refused_version_are_refused() {
    let world = World::new(&json!([{ "match": "**", "block": ["pear@2.0.0"] }]));
    let (old, new) = (("1.0.0", None, json!({})), ("2.0.0", None, json!({})));
    serve(&world.upstream, "pear", &[old, new]);
    for version in ["1.0.0", "2.0.0"] {
        world.upstream.tell(&format!("attestations pear@{version}"), "{\"attestations\":[]}");
    }
    let _ = world.get("/-/npm/v1/attestations/pear@1.0.0").await.assert_status(200);
    let _ = world.get("/-/npm/v1/attestations/pear@2.0.0").await.assert_status(403);
}
