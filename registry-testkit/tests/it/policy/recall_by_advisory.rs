use registry_core::advisories::{AdvisoryDump, AdvisorySettings, AdvisorySeverity};
use registry_core::domain::Version;
use registry_core::packages::{AdvisoryRecall, AdvisoryRecalls};
use registry_core::policy::{RecallSettings, RecallingAdvisories};
use registry_core::storage::{BlobPath, BlobStore as _, When};
use registry_testkit::faulty::{Fault, Operation};

use super::advisories::{malware, vulnerable};
use super::*;

fn recalling(which: RecallingAdvisories) -> impl FnOnce(RegistryBuilder) -> RegistryBuilder {
    move |builder| {
        let builder = listed(UnreadableBlockList::Refuse)(builder);
        builder.recall(RecallSettings::default().advisories(which))
    }
}

/// With a hosted package, one that is cached, and one that was never asked for.
async fn world(which: RecallingAdvisories) -> World {
    let world = World::with(&json!([]), recalling(which));
    for name in ["pear", "plum"] {
        let versions = ["1.0.0", "1.1.0", "1.2.0"].map(|version| (version, None, json!({})));
        serve(&world.upstream, name, &versions);
    }
    let _ = world.get("/pear").await.assert_status(200);
    for version in ["1.0.0", "1.1.0"] {
        world.publish("@ours/fig", version, &json!({})).await;
    }
    world
}

async fn update(world: &World, advisories: &[Value]) -> Result<AdvisoryRecalls, registry_core::Error> {
    let mut dump = AdvisoryDump::new();
    for advisory in advisories {
        dump.add(advisory.to_string().as_bytes()).unwrap();
    }
    Ok(world.registry.update_advisories(dump, "a test", false).await?.recalls)
}

fn shown(recalls: &[AdvisoryRecall]) -> Vec<String> {
    let line = |one: &AdvisoryRecall| format!("{}@{} {}", one.package, one.version, one.advisory);
    recalls.iter().map(line).collect()
}

fn news() -> [Value; 4] {
    [
        malware("pear", "1.1.0"),
        malware("@ours/fig", "1.1.0"),
        malware("plum", "1.1.0"),
        vulnerable("GHSA-1", "pear", "CRITICAL", "1.1.0"),
    ]
}

async fn kinds(world: &World) -> Vec<String> {
    world.registry.flush_events().await;
    let events = world.events.take();
    let events = events.iter().map(|event| serde_json::to_value(event).unwrap());
    let line = |event: Value| {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let advisory = event["cause"]["advisory"].as_str().unwrap_or_default();
        format!("{} {} {advisory}", text("kind"), text("package")).trim_end().to_owned()
    };
    events.map(line).filter(|line| line.contains("recall") || line.contains("advisor")).collect()
}

#[tokio::test]
async fn malware_that_was_not_known_is_recalled_where_it_is_here() {
    let world = world(RecallingAdvisories::Malware).await;
    let other = world.replica(&json!([]), recalling(RecallingAdvisories::Malware));
    let _ = other.get(&tarball("pear", "1.1.0")).await.assert_status(200);
    let recalls = update(&world, &news()).await.unwrap();
    assert_eq!(shown(&recalls.recalled), ["@ours/fig@1.1.0 MAL-ours.fig", "pear@1.1.0 MAL-pear"]);
    assert_eq!(shown(&recalls.not_recalled), [""; 0]);
    for name in ["pear", "@ours/fig"] {
        let refused = world.get(&tarball(name, "1.1.0")).await.assert_status(403);
        assert!(refused.error().contains("was recalled: advisory MAL-"), "{}", refused.error());
        let _ = world.get(&tarball(name, "1.0.0")).await.assert_status(200);
    }
    world.clock.advance(Duration::from_secs(5));
    let _ = other.get(&tarball("pear", "1.1.0")).await.assert_status(403);
    assert_eq!(
        kinds(&world).await,
        ["recalled @ours/fig MAL-ours.fig", "recalled pear MAL-pear", "advisories-updated"]
    );

    // What was undone stays undone, whatever else the advisory comes to say.
    let (pear, number) = (PackageName::parse("pear").unwrap(), Version::parse("1.1.0").unwrap());
    let _ = world.registry.undo_recall(None, &pear, &number).await.unwrap();
    let recalls = update(&world, &news()).await.unwrap();
    assert_eq!(shown(&recalls.recalled), [""; 0]);
    let _ = world.get(&tarball("pear", "1.1.0")).await.assert_status(200);
    let mut changed = malware("pear", "1.1.0");
    changed["affected"][0]["versions"] = json!(["1.1.0", "1.2.0"]);
    let recalls = update(&world, &[changed]).await.unwrap();
    assert_eq!(shown(&recalls.recalled), ["pear@1.2.0 MAL-pear"]);
}

#[tokio::test]
async fn the_settings_say_which_advisories_recall() {
    for (which, expected) in [
        (RecallingAdvisories::None, &[][..]),
        (RecallingAdvisories::Malware, &["pear@1.1.0 MAL-pear"]),
        (RecallingAdvisories::From(AdvisorySeverity::High), &["pear@1.0.0 GHSA-2", "pear@1.1.0 MAL-pear"]),
        (
            RecallingAdvisories::From(AdvisorySeverity::Low),
            // One that is recalled is not recalled for another advisory.
            &["pear@1.0.0 GHSA-2", "pear@1.1.0 GHSA-1"],
        ),
    ] {
        let world = world(which).await;
        let mut found = vec![malware("pear", "1.1.0"), vulnerable("GHSA-2", "pear", "HIGH", "1.1.0")];
        let only = json!([{ "introduced": "1.1.0" }, { "fixed": "1.2.0" }]);
        found.push(vulnerable("GHSA-1", "pear", "LOW", "1.2.0"));
        found[2]["affected"][0]["ranges"][0]["events"] = only;
        let mut recalled = shown(&update(&world, &found).await.unwrap().recalled);
        recalled.sort();
        assert_eq!(recalled, expected, "{which:?}");
        let settings = AdvisorySettings { ignored: vec!["MAL-pear".into()], ..AdvisorySettings::default() };
        let ignoring = World::with(&json!([]), |builder| recalling(which)(builder).advisories(settings));
        serve(&ignoring.upstream, "pear", &[("1.1.0", None, json!({}))]);
        let _ = ignoring.get("/pear").await.assert_status(200);
        let recalls = update(&ignoring, &[malware("pear", "1.1.0")]).await.unwrap();
        assert_eq!(shown(&recalls.recalled), [""; 0], "{which:?}");
    }
}

#[tokio::test]
async fn an_advisory_of_an_administrator_recalls_too() {
    let world = world(RecallingAdvisories::Malware).await;
    let own = malware("@ours/fig", "1.0.0").to_string();
    let added = world.registry.add_advisory(own.as_bytes()).await.unwrap();
    assert_eq!(shown(&added.recalls.recalled), ["@ours/fig@1.0.0 MAL-ours.fig"]);
    let _ = world.get(&tarball("@ours/fig", "1.0.0")).await.assert_status(403);
    world.registry.remove_advisory("MAL-ours.fig").await.unwrap();
    let _ = world.get(&tarball("@ours/fig", "1.0.0")).await.assert_status(403);
    let (fig, number) = (PackageName::parse("@ours/fig").unwrap(), Version::parse("1.0.0").unwrap());
    let _ = world.registry.undo_recall(None, &fig, &number).await.unwrap();
    let again = world.registry.add_advisory(own.as_bytes()).await.unwrap();
    assert_eq!(shown(&again.recalls.recalled), [""; 0]);
    assert_eq!(
        kinds(&world).await,
        [
            "recalled @ours/fig MAL-ours.fig",
            "advisory-added",
            "advisory-removed",
            "recall-undone @ours/fig",
            "advisory-added"
        ]
    );
}

/// What an update recalls is known to be recalled only when the update is stored.
#[tokio::test]
async fn an_update_that_breaks_off_recalls_again() {
    for (path, fault) in [
        (LIST, Fault::BeforeEffect),
        (LIST, Fault::AfterEffect),
        ("_advisories/dumps/", Fault::BeforeEffect),
        ("_advisories/record.json", Fault::BeforeEffect),
    ] {
        let world = world(RecallingAdvisories::Malware).await;
        world.store.fail_next_at(Operation::Put, move |at| at.starts_with(path), fault);
        assert!(update(&world, &news()).await.is_err(), "{path}");
        let fresh = world.replica(&json!([]), recalling(RecallingAdvisories::Malware));
        let status = fresh.registry.advisory_status().await.unwrap();
        assert!(status.is_none_or(|status| status.database.is_none()), "{path}: nothing is in force yet");
        let _ = update(&fresh, &news()).await.unwrap();
        for name in ["pear", "@ours/fig"] {
            let _ = fresh.get(&tarball(name, "1.1.0")).await.assert_status(403);
        }
        let events = kinds(&world).await.len() + kinds(&fresh).await.len();
        assert!(events >= 2, "{path}");
    }
}

#[tokio::test]
async fn a_full_list_is_told_and_the_advisories_are_in_force() {
    let world = world(RecallingAdvisories::Malware).await;
    let entry = |number: usize| {
        json!({
            "package": format!("filler{number}"), "versions": "*", "reason": "full", "since": "2026-01-01T00:00:00Z",
        })
    };
    let full = json!({ "blocked": (0..8000).map(entry).collect::<Vec<_>>() });
    let path = BlobPath::parse(LIST).unwrap();
    let _ = world.store.put(&path, full.to_string().into(), When::Always).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    let recalls = update(&world, &news()).await.unwrap();
    assert_eq!(shown(&recalls.recalled), [""; 0]);
    assert_eq!(shown(&recalls.not_recalled), ["@ours/fig@1.1.0 MAL-ours.fig", "pear@1.1.0 MAL-pear"]);
    assert!(world.registry.advisory_status().await.unwrap().unwrap().database.is_some());
}
