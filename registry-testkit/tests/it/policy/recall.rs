use http::header::USER_AGENT;
use registry_core::auth::Caller;
use registry_core::changes::ChangeFeedSettings;
use registry_core::domain::Version;
use registry_core::downloads::DownloadSettings;
use registry_core::policy::{RecallRequest, RecallSettings, WithdrawnVersions};

use super::administrators::signed_in;
use super::*;

const OLD: (&str, Option<&str>) = ("1.0.0", Some("2025-11-01T00:00:00.000Z"));

fn pear() -> PackageName {
    PackageName::parse("pear").unwrap()
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

/// With a change feed, counts and events of downloads, and an audit log.
fn recording(builder: RegistryBuilder) -> RegistryBuilder {
    listed(UnreadableBlockList::Refuse)(builder)
        .change_feed(ChangeFeedSettings::default())
        .downloads(DownloadSettings::default())
        .download_events(true)
        .audit_log()
}

fn serve_three(world: &World) {
    let newer = |version| (version, Some("2025-11-02T00:00:00.000Z"), json!({}));
    serve(&world.upstream, "pear", &[(OLD.0, OLD.1, json!({})), newer("1.2.0-rc.1"), newer("1.1.0")]);
}

/// What the change feed says, as package, kind and version.
async fn feed(world: &World) -> Vec<String> {
    world.registry.flush_events().await;
    let page = world.registry.changes(&Caller::from(Principal::user("ada")), 0, 100).await.unwrap();
    let line = |change: &registry_core::changes::Change| {
        let change = serde_json::to_value(change).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let event = &change["event"];
        format!("{} {} {}", text(&change["id"]), text(&event["kind"]), text(&event["version"]))
    };
    page.changes.iter().map(line).collect()
}

#[tokio::test]
async fn an_administrator_recalls_a_version_on_all_replicas_and_undoes_it() {
    let world = World::with(&json!([{ "match": "**", "allow": ["**"] }]), recording);
    let other = world.replica(&json!([]), recording);
    serve_three(&world);
    world.publish("@ours/fig", "1.0.0", &json!({})).await;
    world.publish("@ours/fig", "1.1.0", &json!({})).await;
    let (ada, ana) = (signed_in(&world, "ada").await, signed_in(&world, "ana").await);
    for world in [&world, &other] {
        for name in ["pear", "@ours/fig"] {
            let _ = world.get(&tarball(name, "1.1.0")).await.assert_status(200);
        }
    }
    for name in ["pear", "@ours/fig"] {
        let body = json!({ "package": name, "version": "1.1.0", "reason": "steals tokens" });
        let _ = world.client().post("/-/policy/recalls", &body).await.assert_status(401);
        let _ = ana.post("/-/policy/recalls", &body).await.assert_status(403);
        let made = ada.post("/-/policy/recalls", &body).await.assert_status(201).json();
        assert_eq!(
            (&made["versions"], &made["by"], &made["recalled"]),
            (&json!("1.1.0"), &json!("ada"), &json!("request"))
        );
        let refused = world.get(&tarball(name, "1.1.0")).await.assert_status(403);
        assert!(refused.error().contains("was recalled: steals tokens (rule recall"), "{}", refused.error());
        let _ = other.get(&tarball(name, "1.1.0")).await.assert_status(200);
    }
    world.clock.advance(Duration::from_secs(5));
    for world in [&world, &other] {
        for name in ["pear", "@ours/fig"] {
            let _ = world.get(&tarball(name, "1.1.0")).await.assert_status(403);
            for document in
                [world.get(&format!("/{name}")).await, world.abbreviated(&format!("/{name}")).await]
            {
                assert_eq!(
                    document.json()["dist-tags"],
                    json!({ "latest": "1.0.0" }),
                    "latest is no prerelease"
                );
                assert!(document.json()["versions"].get("1.1.0").is_none());
            }
        }
    }
    let listed = ada.get("/-/policy/recalls").await.assert_status(200).json();
    assert_eq!(listed["recalled"].as_array().unwrap().len(), 2, "{listed}");
    assert_eq!(ana.get("/-/policy/recalls").await.json()["recalled"], json!([]), "she administers none");
    let _ = ada.delete("/-/policy/blocks/pear?versions=1.1.0").await.assert_status(404);

    let _ = ana.delete("/-/policy/recalls/pear?version=1.1.0").await.assert_status(403);
    let _ = ada.delete("/-/policy/recalls/pear").await.assert_status(400);
    let missing = ada.delete("/-/policy/recalls/pear?version=9.9.9").await.assert_status(404);
    assert!(missing.error().contains("pear@9.9.9 is not recalled"), "{}", missing.error());
    let _ = ada.delete("/-/policy/recalls/pear?version=1.1.0").await.assert_status(200);
    let _ = world.get(&tarball("pear", "1.1.0")).await.assert_status(200);
    assert_eq!(world.get("/pear").await.json()["dist-tags"]["latest"], "1.1.0");
    let _ = world.get(&tarball("@ours/fig", "1.1.0")).await.assert_status(403);
    assert_eq!(
        feed(&world).await,
        [
            "@ours/fig published 1.0.0",
            "@ours/fig published 1.1.0",
            "pear recalled 1.1.0",
            "@ours/fig recalled 1.1.0",
            "pear recall-undone 1.1.0",
        ]
    );
    let events: Vec<_> =
        world.events.take().iter().map(|event| serde_json::to_value(event).unwrap()).collect();
    let recalled: Vec<_> = events.iter().filter(|event| event["kind"] == "recalled").collect();
    assert_eq!(recalled.len(), 2);
    assert_eq!((&recalled[0]["principal"], &recalled[0]["reason"]), (&json!("ada"), &json!("steals tokens")));
}

#[tokio::test]
async fn the_event_of_a_recall_survives_a_crash() {
    let world = World::with(&json!([]), recording);
    serve_three(&world);
    // The replica that recalls never writes to the feed.
    let crashing = world.replica(&json!([]), recording);
    let head = |path: &str| path.starts_with("_changes/");
    for _ in 0..50 {
        crashing.store.fail_next_at(
            registry_testkit::faulty::Operation::Put,
            head,
            registry_testkit::faulty::Fault::BeforeEffect,
        );
    }
    let request = RecallRequest::new(pear(), version("1.1.0"), "steals tokens");
    let _ = crashing.registry.recall_version(None, request).await.unwrap();
    drop(crashing);
    let path = registry_core::storage::BlobPath::parse(LIST).unwrap();
    let stored = registry_core::storage::BlobStore::get(&*world.store, &path).await.unwrap().unwrap();
    let stored: Value = serde_json::from_slice(&stored.bytes).unwrap();
    assert_eq!(stored["_outbox"][0]["event"]["kind"], "recalled", "it is part of the commit: {stored}");
}

#[tokio::test]
async fn a_report_says_who_downloaded_a_version_and_what_is_not_recorded() {
    let world = World::with(&json!([]), recording);
    serve_three(&world);
    let (ada, ana) = (signed_in(&world, "ada").await, signed_in(&world, "ana").await);
    let _ = ana.get(&tarball("pear", "1.1.0")).await.assert_status(200);
    world.clock.advance(Duration::from_hours(24));
    let _ = ana.get(&tarball("pear", "1.1.0")).await.assert_status(200);
    let request =
        Request::get(tarball("pear", "1.1.0")).header(USER_AGENT, "npm/11.0.0").body(Body::empty()).unwrap();
    let _ = world.client().send(request).await.assert_status(200);
    let _ = ana.get(&tarball("pear", "1.0.0")).await.assert_status(200);
    world.registry.flush_downloads().await.unwrap();
    world.registry.flush_events().await;

    let report = world.registry.fetch_report(None, &pear(), &version("1.1.0")).await.unwrap();
    assert_eq!((report.downloads, report.days.len()), (3, 2));
    let fetchers: Vec<_> = report
        .fetchers
        .iter()
        .map(|fetcher| (fetcher.principal.as_deref(), fetcher.client.as_deref(), fetcher.downloads))
        .collect();
    assert_eq!(fetchers, [(Some("ana"), None, 2), (None, Some("npm/11.0.0"), 1)]);
    let gaps = report.not_recorded.join("\n");
    assert!(gaps.contains("counts are kept since") && gaps.contains("caches of clients"), "{gaps}");
    assert!(!gaps.contains("who made"), "{gaps}");

    let told = ada.get("/-/policy/recalls/pear?version=1.1.0").await.assert_status(200).json();
    assert_eq!(
        (&told["downloads"], &told["fetchers"]),
        (&json!(3), &json!([])),
        "the audit log is for operators"
    );
    let _ = ana.get("/-/policy/recalls/pear?version=1.1.0").await.assert_status(403);
    let _ = world.client().get("/-/policy/recalls/pear?version=1.1.0").await.assert_status(401);

    let silent = world.replica(&json!([]), |builder| listed(UnreadableBlockList::Refuse)(builder));
    let report = silent.registry.fetch_report(None, &pear(), &version("1.1.0")).await.unwrap();
    assert_eq!(report.downloads, 0);
    let gaps = report.not_recorded.join("\n");
    assert!(
        gaps.contains("downloads are not counted") && gaps.contains("[log] downloads is false"),
        "{gaps}"
    );
}

#[tokio::test]
async fn a_version_that_an_upstream_withdraws_is_recalled_if_the_settings_say_so() {
    for (withdrawn, comes_back) in [(WithdrawnVersions::Unlist, true), (WithdrawnVersions::Recall, false)] {
        let settings = RecallSettings::default().withdrawn(withdrawn);
        let world =
            World::with(&json!([]), |builder| listed(UnreadableBlockList::Refuse)(builder).recall(settings));
        serve_three(&world);
        let _ = world.get("/pear").await.assert_status(200);
        let _ = world.get(&tarball("pear", "1.1.0")).await.assert_status(200);
        let before = world.get("/pear").await.json();
        world.upstream.withdraw("pear", "1.1.0");
        world.upstream.tag("pear", "latest", "1.0.0");
        world.clock.advance(Duration::from_hours(1));
        assert_eq!(versions(&world.get("/pear").await), ["1.0.0", "1.2.0-rc.1"]);
        let gone = world.get(&tarball("pear", "1.1.0")).await;
        assert!([403, 404].contains(&gone.status.as_u16()), "{withdrawn:?}: {}", gone.status);

        // The upstream lists it again, perhaps another one of that number.
        serve_three(&world);
        assert!(before["versions"].get("1.1.0").is_some());
        world.clock.advance(Duration::from_hours(1));
        let listed = versions(&world.get("/pear").await).contains(&"1.1.0".to_owned());
        assert_eq!(listed, comes_back, "{withdrawn:?}");
        let answer = world.get(&tarball("pear", "1.1.0")).await;
        if comes_back {
            assert_eq!(answer.status, 200);
            assert!(world.registry.blocked_versions(None).await.unwrap().is_empty());
            continue;
        }
        let refused = answer.assert_status(403);
        assert!(
            refused.error().contains("was recalled: the upstream npm withdrew it"),
            "{}",
            refused.error()
        );
        let _ = world.registry.undo_recall(None, &pear(), &version("1.1.0")).await.unwrap();
        let _ = world.get(&tarball("pear", "1.1.0")).await.assert_status(200);
    }
}

#[tokio::test]
async fn a_package_that_is_missing_for_a_while_is_not_recalled() {
    let settings = RecallSettings::default().withdrawn(WithdrawnVersions::Recall);
    let world =
        World::with(&json!([]), |builder| listed(UnreadableBlockList::Refuse)(builder).recall(settings));
    serve_three(&world);
    let _ = world.get("/pear").await.assert_status(200);
    world.upstream.remove("pear");
    world.clock.advance(Duration::from_hours(1));
    let _ = world.get(&tarball("pear", "1.1.0")).await.assert_status(404);
    serve_three(&world);
    world.clock.advance(Duration::from_hours(1));
    let _ = world.get(&tarball("pear", "1.1.0")).await.assert_status(200);
}

#[tokio::test]
async fn a_recall_that_says_too_little_changes_nothing() {
    let world = World::with(&json!([]), listed(UnreadableBlockList::Refuse));
    let ada = signed_in(&world, "ada").await;
    for (body, said) in [
        (json!({ "package": "pear", "version": "1.0.0" }), "reason"),
        (json!({ "package": "pear", "reason": "x" }), "version"),
        (json!({ "package": "pear", "version": "1.x", "reason": "x" }), "version"),
        (json!({ "package": "pear", "version": "1.0.0", "reason": " " }), "needs a reason"),
    ] {
        let refused = ada.post("/-/policy/recalls", &body).await.assert_status(400);
        assert!(refused.text().contains(said), "{body}: {}", refused.text());
    }
    assert!(world.registry.blocked_versions(None).await.unwrap().is_empty());
    let off = World::new(&json!([]));
    let request = RecallRequest::new(pear(), version("1.0.0"), "x");
    let error = off.registry.recall_version(None, request).await.unwrap_err().to_string();
    assert!(error.contains("no list of blocked versions"), "{error}");
}
