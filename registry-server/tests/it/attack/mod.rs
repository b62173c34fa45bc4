//! The attack: a bad version of a package appears at an upstream, is installed, and is removed there. What real clients print and
//! install with each policy is a table in the guide.

mod refusals;
mod table;
mod world;

use std::fmt::Write as _;

use futures::future::join_all;
use registry_testkit::clients::{BUN, NPM, PNPM, PinnedClient, YARN_4};

use table::{Outcome, compare};
use world::{Stage, World};

/// A client, and how it installs.
struct Manager {
    name: &'static str,
    pinned: &'static PinnedClient,
    lock_file: &'static str,
    install: &'static [&'static str],
    frozen: &'static [&'static str],
}

const MANAGERS: [Manager; 4] = [
    Manager {
        name: "npm",
        pinned: &NPM,
        lock_file: "package-lock.json",
        install: &["install"],
        frozen: &["ci"],
    },
    Manager {
        name: "pnpm",
        pinned: &PNPM,
        lock_file: "pnpm-lock.yaml",
        install: &["install", "--no-frozen-lockfile"],
        frozen: &["install", "--frozen-lockfile"],
    },
    Manager {
        name: "yarn 4",
        pinned: &YARN_4,
        lock_file: "yarn.lock",
        install: &["install", "--no-immutable"],
        frozen: &["install", "--immutable"],
    },
    Manager {
        name: "bun",
        pinned: &BUN,
        lock_file: "bun.lock",
        install: &["install"],
        frozen: &["install", "--frozen-lockfile"],
    },
];

/// What stands between the clients and the upstream.
struct Defense {
    name: &'static str,
    settings: &'static str,
    /// What the operator runs once the bad version is known.
    command: &'static [&'static str],
}

const DEFENSES: [Defense; 6] = [
    Defense { name: "nothing", settings: "", command: &[] },
    Defense {
        name: "`minimum_age = \"7 days\"`",
        settings: "[[policy]]\nmatch = \"**\"\norigin = [\"npm\"]\nminimum_age = \"7 days\"\n",
        command: &[],
    },
    Defense {
        name: "`provenance = \"required\"`",
        settings: "[[policy]]\nmatch = \"**\"\norigin = [\"npm\"]\nprovenance = \"required\"\n",
        command: &[],
    },
    Defense {
        name: "`trust = \"no-downgrade\"`",
        settings: "[[policy]]\nmatch = \"**\"\norigin = [\"npm\"]\ntrust = \"no-downgrade\"\n",
        command: &[],
    },
    Defense {
        name: "`policy block pear@1.1.0`",
        settings: "",
        command: &["policy", "block", "pear@1.1.0", "--reason", "it steals tokens"],
    },
    Defense {
        name: "`recall pear@1.1.0`",
        settings: "",
        command: &["recall", "pear@1.1.0", "--reason", "it steals tokens"],
    },
];

/// What one client does behind one defense.
async fn story(manager: &Manager, defense: &Defense) -> [Outcome; 3] {
    let mut world = World::start(defense.settings).await;
    // A colleague whose registry has no policy wrote the lock file.
    let lock = world.lock_file(manager).await;
    world.warm().await;
    if !defense.command.is_empty() {
        world.operate(defense.command);
    }
    let by_range = world.install(manager, None).await;
    let by_lock = world.install(manager, Some(&lock)).await;
    world.set_stage(Stage::Removed);
    let afterwards = world.install(manager, Some(&lock)).await;
    [by_range, by_lock, afterwards]
}

#[tokio::test]
async fn a_bad_version_of_an_upstream_is_stopped_by_each_policy() {
    let mut rows = String::new();
    let mut said = String::new();
    for defense in &DEFENSES {
        let stories = MANAGERS.iter().map(|manager| story(manager, defense));
        for (manager, outcomes) in MANAGERS.iter().zip(join_all(stories).await) {
            let cells = outcomes.each_ref().map(Outcome::cell);
            writeln!(rows, "| {} | {} | {} |", defense.name, manager.name, cells.join(" | ")).unwrap();
            let [by_range, by_lock, afterwards] = &outcomes;
            if defense.name == "nothing" {
                assert_eq!(
                    (by_range.installed(), by_lock.installed()),
                    (Some("1.1.0"), Some("1.1.0")),
                    "{rows}"
                );
            } else {
                assert_eq!(by_range.installed(), Some("1.0.0"), "{}: {by_range:?}", manager.name);
                assert_eq!(by_lock.installed(), None, "{}: {by_lock:?}", manager.name);
            }
            assert_eq!(afterwards.installed(), None, "{}: {afterwards:?}", manager.name);
            if let Some(line) = by_lock.said() {
                writeln!(said, "{} behind {}: {line}", manager.name, defense.name.replace('`', "")).unwrap();
            }
        }
    }
    let head = "| behind | client | by range | by lock file | by lock file, once the upstream removed it |\n|---|---|---|---|---|\n";
    compare(
        "attack",
        &format!("{head}{rows}\nWhat the clients print for the lock file:\n\n```text\n{said}```\n"),
    );
}
