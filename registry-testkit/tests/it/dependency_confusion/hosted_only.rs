use serde_json::{Value, json};

use super::question::Question;
use super::{Fate, House, ask_with_faults};

/// Rules of every kind that keep names here, before one that does not.
fn rules() -> Value {
    let rule = |pattern, origin: Value| json!({ "match": pattern, "read": ["@all"], "publish": ["@authenticated"], "origin": origin });
    json!([
        rule("exactly", json!(["hosted"])),
        rule("@acme/exactly", json!(["hosted"])),
        rule("@acme/public-*", json!(["hosted", "npm"])),
        rule("@acme/*", json!(["hosted"])),
        rule("internal-*", json!(["hosted"])),
        rule("**", json!(["hosted", "npm"])),
    ])
}

/// Nothing comes from elsewhere by default.
fn everything() -> Value {
    json!([{ "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["hosted"] }])
}

#[tokio::test(start_paused = true)]
async fn no_request_leaves() {
    let names = ["exactly", "@acme/exactly", "@acme/web", "internal-tools"];
    let all = names.map(|name| (rules(), name)).into_iter().chain([(everything(), "left-pad")]);
    for (rules, name) in all {
        for fate in Fate::ALL {
            for question in Question::all(name) {
                let house = House::start(&rules).await;
                house.prepare(name, fate).await;
                house.ask(&question, &format!("{question}, {fate:?}")).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_request_leaves_from_a_missing_package_of_a_store_that_fails() {
    ask_with_faults(&rules(), "@acme/web", Fate::Missing).await;
}

#[tokio::test(start_paused = true)]
async fn no_request_leaves_from_a_published_package_of_a_store_that_fails() {
    ask_with_faults(&rules(), "@acme/web", Fate::Published).await;
}

#[tokio::test(start_paused = true)]
async fn no_request_leaves_from_an_unpublished_package_of_a_store_that_fails() {
    ask_with_faults(&rules(), "@acme/web", Fate::Unpublished).await;
}

/// That these tests can fail: what the rules let out is asked for.
#[tokio::test]
async fn names_beside_the_patterns_are_asked_for() {
    for name in ["exactly-not", "@acme/public-web", "@acmee/web", "internal"] {
        let house = House::start(&rules()).await;
        house.prepare(name, Fate::Missing).await;
        let _ = Question::all(name)[0].ask(&house.registry.ana()).await.assert_status(200);
        assert_eq!(house.upstream.take_asked(), [format!("packument {name}")]);
    }
}
