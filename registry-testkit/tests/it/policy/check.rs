//! The question of scanners: what policies say of versions that are about to be installed.

use registry_core::clock::Clock as _;
use registry_core::policy::{SimilarNameSettings, SimilarNamesAction};

use super::administrators::signed_in;
use super::advisories::{load, vulnerable};
use super::*;

async fn checked(client: &TestClient, asked: &[(&str, &str, bool)]) -> Vec<Value> {
    let asked = asked.iter().map(
        |(name, version, elsewhere)| json!({ "name": name, "version": version, "elsewhere": elsewhere }),
    );
    let asked = json!({ "packages": asked.collect::<Vec<_>>() });
    let answer = client.post("/-/policy/check", &asked).await.assert_status(200).json();
    answer["packages"].as_array().unwrap().clone()
}

/// What administrators wrote about a package of others would tell that it is there.
#[tokio::test]
async fn a_package_that_the_caller_may_not_see_is_answered_like_one_that_is_not_there() {
    let table = json!([{ "match": "**", "advisories": "low" }]);
    let world = World::with(&table, listed(UnreadableBlockList::Refuse));
    for name in ["@ours/fig", "@ours/open"] {
        world.publish(name, "1.0.0", &json!({})).await;
        world.block(name, "1.0.0").await;
    }
    let databases = ["@ours/fig", "@ours/none"].map(|name| vulnerable("GHSA-1", name, "LOW", "1.0.0"));
    load(&world, &databases).await;
    let ana = signed_in(&world, "ana").await;
    let restrict = json!({ "access": "restricted" });
    let _ = ana.post("/-/package/@ours%2ffig/access", &restrict).await.assert_status(200);
    for name in ["@ours/fig", "@ours/open"] {
        let own = vulnerable(&name.replace("@ours/", "OURS-"), name, "HIGH", "3.0.0").to_string();
        let _ = world.registry.add_advisory(own.as_bytes()).await.unwrap();
    }
    let versions = [("0.9.0", false), ("1.0.0", false), ("1.0.0", true), ("2.0.0", false)];
    let of = |name: &'static str| versions.map(|(version, elsewhere)| (name, version, elsewhere));
    let named = |checked: Vec<Value>, name: &str| {
        serde_json::to_string_pretty(&checked).unwrap().replace(name, "@ours/NAME")
    };

    let stranger = world.client();
    let bob = signed_in(&world, "bob").await;
    for client in [&stranger, &bob] {
        let hidden = named(checked(client, &of("@ours/fig")).await, "@ours/fig");
        assert_eq!(hidden, named(checked(client, &of("@ours/none")).await, "@ours/none"));
        assert!(hidden.contains("GHSA-1") && !hidden.contains("is bad"), "{hidden}");
    }
    let allowed = |checked: &[Value]| checked.iter().map(|one| one["allowed"] == true).collect::<Vec<_>>();
    assert_eq!(allowed(&checked(&bob, &of("@ours/fig")).await), [false, true, true, true]);

    // Who sees it is told everything.
    let seen = checked(&ana, &of("@ours/fig")).await;
    assert_eq!(allowed(&seen), [false; 4]);
    assert!(seen[1]["reason"].as_str().unwrap().contains("it is bad"), "{seen:?}");
    let open = checked(&stranger, &of("@ours/open")).await;
    assert_eq!(allowed(&open), [false; 4]);
}

#[tokio::test]
async fn versions_are_judged_as_the_registry_serves_them_and_others_by_name_and_number() {
    let world = World::with(
        &json!([{ "match": "**", "minimum_age": "7 days", "block": ["plum@2"] }]),
        listed(UnreadableBlockList::Refuse),
    );
    let young = world.clock.now().to_rfc3339();
    serve(
        &world.upstream,
        "pear",
        &[("1.0.0", Some("2020-01-01T00:00:00Z"), json!({})), ("1.1.0", Some(&young), json!({}))],
    );
    let asked = [
        ("pear", "1.0.0", false),
        ("pear", "1.1.0", false),
        ("pear", "1.1.0", true),
        ("plum", "2.0.0", true),
        ("plum", "3.0.0", true),
    ];
    let checked = checked(&world.client(), &asked).await;
    let allowed: Vec<_> = checked.iter().map(|one| one["allowed"] == true).collect();
    assert_eq!(allowed, [true, false, true, false, true]);
    assert_eq!(checked[1]["refusal"]["rule"], "minimum_age");
    let asked = world.upstream.take_asked();
    assert!(!asked.iter().any(|asked| asked.contains("plum")), "its name is told to no upstream: {asked:?}");
}

#[tokio::test]
async fn a_question_has_a_limit() {
    let world = World::new(&json!([]));
    let ana = signed_in(&world, "ana").await;
    let post = async |client: &TestClient, packages: Vec<Value>| {
        client.post("/-/policy/check", &json!({ "packages": packages })).await
    };
    let names = |count: usize| {
        let names =
            (0..count).map(|number| json!({ "name": format!("@ours/n{number}"), "version": "1.0.0" }));
        names.collect::<Vec<_>>()
    };
    let versions = |count: usize| {
        let versions =
            (0..count).map(|number| json!({ "name": "@ours/fig", "version": format!("1.0.{number}") }));
        versions.collect::<Vec<_>>()
    };
    for (client, packages, limit) in [
        (world.client(), names(5001), "at most 5000 versions"),
        (ana.clone(), names(20_001), "at most 20000 versions"),
        (ana.clone(), versions(501), "at most 500 versions of one package: @ours/fig"),
    ] {
        let refused = post(&client, packages).await.assert_status(400);
        assert!(refused.error().contains(limit), "{}", refused.error());
    }
    let _ = post(&ana, names(5001)).await.assert_status(200);
    let _ = post(&ana, versions(500)).await.assert_status(200);
}

#[tokio::test]
async fn a_name_that_is_refused_does_not_hide_what_is_said_of_others() {
    let mut settings = SimilarNameSettings::new(SimilarNamesAction::Refuse);
    settings.popular = vec![PackageName::parse("express").unwrap()];
    let world = World::with(&json!([]), |builder| builder.similar_names(Some(settings)));
    serve(&world.upstream, "plum", &[("1.0.0", None, json!({}))]);
    let checked = checked(&world.client(), &[("expres", "1.0.0", false), ("plum", "1.0.0", false)]).await;
    assert_eq!((&checked[0]["allowed"], &checked[1]["allowed"]), (&json!(false), &json!(true)));
    assert!(checked[0]["reason"].as_str().unwrap().contains("looks like express"), "{checked:?}");
}
