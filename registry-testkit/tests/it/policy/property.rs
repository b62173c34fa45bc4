//! What the packument lists is exactly what the tarball route serves, whatever the rules, the times and the versions.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use registry_testkit::amount;

use super::*;

/// How many stories are told unless `PROPTEST_CASES` says otherwise. The same number tells the same stories.
const CASES: u32 = 120;

const NUMBERS: [&str; 6] = ["1.0.0", "1.1.0-rc.1", "1.1.0", "1.2.0", "2.0.0-rc.1", "2.0.0"];
const SELECTORS: [&str; 8] =
    ["pear", "@ours/fig", "**@1.x", "**@>=1.1.0 <2.0.0", "pear@2.0.0", "@*/*@<1.2.0", "*@2.0.0-rc.1", "plum"];
const LICENSES: [&str; 4] = ["MIT", "ISC", "MIT OR GPL-3.0-only", ""];

/// A version: hours before the start at which it was published (none if not known), license, whether it has a script.
type Drawn = (Option<u64>, usize, bool);

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Block(usize, usize),
    Unblock(usize, usize),
    Rules(Vec<Value>),
}

fn selectors() -> impl Strategy<Value = Vec<&'static str>> {
    vec(proptest::sample::select(SELECTORS.to_vec()), 0..3)
}

fn table() -> impl Strategy<Value = Value> {
    let lists = (selectors(), selectors(), selectors(), any::<bool>());
    let others = (0..4_u64, 0..4_u64, any::<bool>(), any::<bool>(), any::<bool>(), 0..4_u8);
    (lists, others).prop_map(
        |((block, allow, exempt, has_allow), (age, freeze, scripts, licenses, unknown, which))| {
            let pattern = ["**", "pear", "@ours/*", "**"][usize::from(which)];
            let mut table = json!({ "match": pattern, "block": block });
            if which == 3 {
                table["origin"] = json!(["npm"]);
            }
            if age > 0 {
                table["minimum_age"] = format!("{} hours", age * 10).into();
            }
            if freeze > 0 {
                table["freeze"] = format!("2026-01-0{freeze}T00:00:00Z").into();
            }
            if age + freeze > 0 {
                table["exempt"] = json!(exempt);
            }
            if has_allow && !allow.is_empty() {
                table["allow"] = json!(allow);
            }
            if scripts {
                table["install_scripts"] = "refuse".into();
            }
            if licenses {
                table["licenses"] = json!(["MIT"]);
            }
            if unknown {
                table["unknown_time"] = "allow".into();
            }
            table
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let names = (0..2_usize, 0..4_usize);
    prop_oneof![
        3 => (1..40_u64).prop_map(Step::Wait),
        1 => names.clone().prop_map(|(name, range)| Step::Block(name, range)),
        1 => names.prop_map(|(name, range)| Step::Unblock(name, range)),
        1 => vec(table(), 0..3).prop_map(Step::Rules),
    ]
}

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let hours = proptest::option::weighted(0.8, 0..80_u64);
    vec((hours, 0..LICENSES.len(), any::<bool>()), NUMBERS.len())
}

const PACKAGES: [&str; 2] = ["pear", "@ours/fig"];
const RANGES: [&str; 4] = ["*", "1.x", "2.0.0", ">=1.1.0"];

fn more(license: usize, scripted: bool) -> Value {
    let mut more = json!({});
    if !LICENSES[license].is_empty() {
        more["license"] = LICENSES[license].into();
    }
    if scripted {
        more["scripts"] = json!({ "postinstall": "node x.js" });
    }
    more
}

async fn begin(versions: &[Drawn], tables: &[Value]) -> World {
    let world = World::with(&json!(tables), listed(UnreadableBlockList::Refuse));
    let start: chrono::DateTime<chrono::Utc> = "2026-01-02T03:04:05Z".parse().unwrap();
    let times: Vec<_> = versions
        .iter()
        .map(|(hours, ..)| {
            hours.map(|hours| {
                (start - Duration::from_hours(hours)).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
            })
        })
        .collect();
    let listed: Vec<_> = NUMBERS
        .iter()
        .zip(versions)
        .zip(&times)
        .map(|((number, (_, license, scripted)), time)| (*number, time.as_deref(), more(*license, *scripted)))
        .collect();
    serve(&world.upstream, "pear", &listed);
    for (number, (_, license, scripted)) in NUMBERS.iter().zip(versions) {
        world.publish("@ours/fig", number, &more(*license, *scripted)).await;
    }
    world
}

/// Fails unless each document lists exactly the versions whose tarballs are served, and each tag names one of them.
async fn require_agreement(world: &World) -> Result<(), TestCaseError> {
    for name in PACKAGES {
        let mut served = Vec::new();
        for number in NUMBERS {
            let answer = world.get(&tarball(name, number)).await;
            match answer.status.as_u16() {
                200 => served.push(number.to_owned()),
                403 => {}
                other => {
                    return Err(TestCaseError::fail(format!("{name}@{number}: {other} {}", answer.text())));
                }
            }
        }
        let documents = [world.get(&format!("/{name}")).await, world.abbreviated(&format!("/{name}")).await];
        for document in &documents {
            if served.is_empty() {
                prop_assert_eq!(document.status.as_u16(), 403, "{}: {}", name, document.text());
                continue;
            }
            prop_assert_eq!(document.status.as_u16(), 200, "{}: {}", name, document.text());
            prop_assert_eq!(versions(document), served.clone(), "{}", name);
            let tags = document.json()["dist-tags"].clone();
            for (tag, version) in tags.as_object().unwrap() {
                let version = version.as_str().unwrap();
                prop_assert!(served.iter().any(|served| served == version), "{} {}", tag, version);
                // The package's own `latest` is 2.0.0.
                prop_assert!(
                    tag != "latest" || !version.contains('-'),
                    "latest is the prerelease {}",
                    version
                );
            }
            let times = document.json()["time"].clone();
            for number in NUMBERS {
                let is_told = times.get(number).is_some();
                prop_assert!(!is_told || served.iter().any(|served| served == number), "time of {}", number);
            }
        }
        let explained = world.get(&format!("/-/package/{name}/policy")).await.json();
        let allowed =
            explained["versions"].as_array().unwrap().iter().filter(|version| version["allowed"] == true);
        let allowed: Vec<_> =
            allowed.map(|version| version["version"].as_str().unwrap().to_owned()).collect();
        prop_assert_eq!(allowed, served, "what is explained of {}", name);
    }
    Ok(())
}

#[test]
fn the_packument_lists_exactly_what_the_tarball_route_serves() {
    let cases = amount("PROPTEST_CASES", CASES);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 1024, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let stories = (drawn(), vec(table(), 0..3), vec(step(), 0..6));
    let told = runner.run(&stories, |(versions, tables, steps)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = begin(&versions, &tables).await;
            require_agreement(&world).await?;
            for step in steps {
                match step {
                    Step::Wait(hours) => world.clock.advance(Duration::from_hours(hours)),
                    Step::Block(name, range) => world.block(PACKAGES[name], RANGES[range]).await,
                    Step::Unblock(name, range) => {
                        let name = PackageName::parse(PACKAGES[name]).unwrap();
                        let _ = world.registry.unblock_versions(None, &name, Some(RANGES[range])).await;
                    }
                    Step::Rules(tables) => world.registry.set_policy_rules(rules_of(&json!(tables))),
                }
                require_agreement(&world).await?;
            }
            Ok(())
        })
    });
    if let Err(failed) = told {
        panic!("{failed}");
    }
}
