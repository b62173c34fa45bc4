use chrono::Days;
use registry_core::downloads::DownloadSettings;

use super::advisories::{load, malware, vulnerable};
use super::*;

#[tokio::test]
async fn a_simulation_says_what_rules_would_have_refused() {
    let counting = |builder: RegistryBuilder| builder.downloads(DownloadSettings::default());
    let world = World::with(&json!([]), counting);
    let (old, new) = (Some("2025-11-01T00:00:00.000Z"), Some("2025-12-31T12:00:00.000Z"));
    let script = json!({ "scripts": { "install": "make" } });
    serve(
        &world.upstream,
        "pear",
        &[("1.0.0", old, json!({})), ("1.1.0", new, json!({})), ("1.2.0", old, script)],
    );
    serve(&world.upstream, "plum", &[("1.0.0", old, json!({}))]);
    world.publish("@ours/fig", "1.0.0", &json!({})).await;
    let today = world.registry.today();
    for _ in 0..8 {
        for path in [tarball("pear", "1.0.0"), tarball("pear", "1.1.0"), tarball("@ours/fig", "1.0.0")] {
            let _ = world.get(&path).await.assert_status(200);
        }
        world.clock.advance(Duration::from_hours(24));
    }
    for path in [tarball("pear", "1.2.0"), tarball("plum", "1.0.0")] {
        let _ = world.get(&path).await.assert_status(200);
    }
    world.registry.flush_downloads().await.unwrap();
    // It is gone by now, so nothing can be said about it.
    world.upstream.remove("plum");
    world.clock.advance(Duration::from_hours(1));
    let _ = world.get("/plum").await.assert_status(404);

    let rules = rules_of(&json!([{
        "match": "**", "origin": ["npm"], "minimum_age": "7 days", "install_scripts": "refuse",
    }]));
    let simulation = world.registry.simulate_policy(&rules, today).await.unwrap();
    assert_eq!((simulation.downloads, simulation.unknown), (8 * 3 + 2, 1));
    let told: Vec<_> = simulation
        .refusals
        .iter()
        .map(|refusal| {
            let selector = format!("{}@{}", refusal.package, refusal.version);
            (selector, refusal.origin.as_str(), refusal.downloads, refusal.refusal.rule.as_str())
        })
        .collect();
    // It was old enough at noon of the sixth day with a download, so on five days it was refused all day.
    assert_eq!(
        told,
        [
            ("pear@1.1.0".to_owned(), "npm", 5, "minimum_age"),
            ("pear@1.2.0".to_owned(), "npm", 1, "install_scripts")
        ]
    );
    assert_eq!(simulation.refused, 6);
    let waiting = &simulation.refusals[0];
    assert_eq!((waiting.first, waiting.last), (today, today + Days::new(4)));

    // What is in force does not change, and rules that concern nothing read nothing.
    let _ = world.get(&tarball("pear", "1.2.0")).await.assert_status(200);
    world.upstream.set_down(true);
    let nothing = world.registry.simulate_policy(&rules_of(&json!([])), today).await.unwrap();
    assert_eq!((nothing.refused, nothing.unknown, nothing.downloads), (0, 0, 26));
}

/// Advisories judge what was used by what is known now.
#[tokio::test]
async fn a_simulation_looks_up_advisories() {
    let counting = |builder: RegistryBuilder| builder.downloads(DownloadSettings::default());
    let world = World::with(&json!([]), counting);
    let versions = ["1.0.0", "1.1.0"].map(|version| (version, None, json!({})));
    serve(&world.upstream, "pear", &versions);
    world.publish("@ours/fig", "1.0.0", &json!({})).await;
    for path in [tarball("pear", "1.0.0"), tarball("pear", "1.1.0"), tarball("@ours/fig", "1.0.0")] {
        let _ = world.get(&path).await.assert_status(200);
    }
    world.registry.flush_downloads().await.unwrap();
    let rules = rules_of(&json!([{ "match": "**", "advisories": "high" }]));
    let today = world.registry.today();
    // Without any, nothing can be judged.
    let blind = world.registry.simulate_policy(&rules, today).await.unwrap();
    assert_eq!((blind.downloads, blind.unknown, blind.refusals.len()), (3, 3, 0));
    load(&world, &[vulnerable("GHSA-1", "pear", "HIGH", "1.1.0"), malware("@ours/fig", "1.0.0")]).await;
    let simulation = world.registry.simulate_policy(&rules, today).await.unwrap();
    let mut told: Vec<_> = simulation
        .refusals
        .iter()
        .map(|refusal| format!("{}@{} {}", refusal.package, refusal.version, refusal.refusal.rule))
        .collect();
    told.sort();
    assert_eq!(told, ["@ours/fig@1.0.0 advisories", "pear@1.0.0 advisories"]);
    assert_eq!((simulation.downloads, simulation.refused, simulation.unknown), (3, 2, 0));
}
