//! Over random histories and rules, nothing goes that a tag names, that was fetched or published within its days, or that the rule
//! counts.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use registry_core::bulk::BulkMode;
use registry_core::domain::Version;
use registry_core::domain::retention::Keep;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{TestRegistry, amount};
use serde_json::json;

use super::{download, pass, publish, removed, retain};

/// How many stories are told unless `PROPTEST_CASES` says otherwise. The same number tells the same stories.
const CASES: u32 = 40;

const VERSIONS: [&str; 9] = [
    "1.0.0",
    "1.0.1",
    "1.1.0",
    "2.0.0-beta.1",
    "2.0.0-beta.2",
    "2.0.0-rc.1",
    "2.0.0",
    "3.0.0-beta.1",
    "2.1.0",
];
const TAGS: [&str; 3] = ["latest", "beta", "stable"];

/// What happens next. Versions that are not there are not tagged, fetched or published again.
#[derive(Debug, Clone)]
enum Step {
    Publish { version: usize, tag: usize },
    Tag { version: usize, tag: usize },
    Download { version: usize },
    Wait { days: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    let (version, tag) = (0..VERSIONS.len(), 0..TAGS.len());
    prop_oneof![
        5 => (version.clone(), tag.clone()).prop_map(|(version, tag)| Step::Publish { version, tag }),
        1 => (version.clone(), tag).prop_map(|(version, tag)| Step::Tag { version, tag }),
        3 => version.prop_map(|version| Step::Download { version }),
        3 => (0..6_u32).prop_map(|days| Step::Wait { days }),
    ]
}

fn keep() -> impl Strategy<Value = Keep> {
    let some = || proptest::option::weighted(0.8, 0..3_u32);
    let keep = (some(), some(), 0..6_u32, proptest::option::of(1..8_u32));
    let keep = keep.prop_map(|(releases, prereleases, published_days, downloaded_days)| Keep {
        releases,
        prereleases,
        published_days,
        downloaded_days,
    });
    keep.prop_filter("it limits nothing", Keep::limits_something)
}

/// What is known of a version besides what the registry says.
struct Known {
    /// Days since the beginning.
    published: u32,
    downloaded: Option<u32>,
}

struct World {
    registry: TestRegistry,
    today: u32,
    versions: BTreeMap<usize, Known>,
    tags: BTreeMap<&'static str, usize>,
}

impl World {
    async fn begin() -> Self {
        let registry = TestRegistry::builder().downloads().start().await;
        publish(&registry, &PublishDocument::new("plum", "1.0.0")).await;
        download(&registry, "plum", "1.0.0").await;
        // So that the counts are old enough for every rule.
        pass(&registry, 10).await;
        Self { registry, today: 0, versions: BTreeMap::new(), tags: BTreeMap::new() }
    }

    async fn live(&mut self, step: &Step) {
        match *step {
            Step::Publish { version, tag } if !self.versions.contains_key(&version) => {
                let document = PublishDocument::new("pear", VERSIONS[version]).tag(TAGS[tag]);
                publish(&self.registry, &document).await;
                let is_first = self.versions.is_empty();
                self.versions.insert(version, Known { published: self.today, downloaded: None });
                self.tags.insert(TAGS[tag], version);
                if is_first {
                    self.tags.insert("latest", version);
                }
            }
            Step::Tag { version, tag } if self.versions.contains_key(&version) => {
                let path = format!("/-/package/pear/dist-tags/{}", TAGS[tag]);
                let _ = self.registry.ana().put(&path, &json!(VERSIONS[version])).await.assert_status(200);
                self.tags.insert(TAGS[tag], version);
            }
            Step::Download { version } => {
                if let Some(known) = self.versions.get_mut(&version) {
                    download(&self.registry, "pear", VERSIONS[version]).await;
                    known.downloaded = Some(self.today);
                }
            }
            Step::Wait { days } => {
                pass(&self.registry, days).await;
                self.today += days;
            }
            Step::Publish { .. } | Step::Tag { .. } => {}
        }
    }

    /// What must stay, by the words of the rule.
    fn must_stay(&self, keep: &Keep) -> BTreeSet<&'static str> {
        let mut stays: BTreeSet<_> = self.tags.values().map(|version| VERSIONS[*version]).collect();
        for (version, known) in &self.versions {
            let is_prerelease = VERSIONS[*version].contains('-');
            let is_limited = if is_prerelease { keep.prereleases } else { keep.releases }.is_some();
            let is_young = self.today - known.published < keep.published_days;
            let is_used = keep
                .downloaded_days
                .zip(known.downloaded)
                .is_some_and(|(days, downloaded)| self.today - downloaded <= days);
            if !is_limited || is_young || is_used {
                stays.insert(VERSIONS[*version]);
            }
        }
        let present = || self.versions.keys().map(|version| VERSIONS[*version]);
        let mut releases: Vec<_> = present().filter(|version| !version.contains('-')).collect();
        releases.sort_by_key(|version| std::cmp::Reverse(Version::parse(version).unwrap()));
        stays.extend(releases.into_iter().take(keep.releases.unwrap_or_default() as usize));
        for channel in ["-beta", "-rc"] {
            let of_channel = |version: &&&'static str| version.contains(channel);
            let published = |version: &&'static str| {
                let index = VERSIONS.iter().position(|listed| listed == version).unwrap();
                (self.versions[&index].published, Version::parse(version).unwrap())
            };
            let mut prereleases: Vec<_> = present().collect();
            prereleases.retain(|version| of_channel(&version));
            prereleases.sort_by_key(|version| std::cmp::Reverse(published(version)));
            stays.extend(prereleases.into_iter().take(keep.prereleases.unwrap_or_default() as usize));
        }
        let highest =
            present().max_by_key(|version| (!version.contains('-'), Version::parse(version).unwrap()));
        stays.extend(highest);
        stays
    }
}

async fn tell(story: Vec<Step>, keep: Keep) {
    let mut world = World::begin().await;
    for step in &story {
        world.live(step).await;
    }
    let registry = &world.registry;
    if world.versions.is_empty() {
        assert_eq!(removed(registry, keep, BulkMode::Apply).await, [""; 0]);
        return;
    }
    let tags = || async { registry.anonymous().get("/-/package/pear/dist-tags").await.json() };
    let tags_before = tags().await;
    let planned = retain(registry, keep, BulkMode::DryRun).await;
    assert_eq!(retain(registry, keep, BulkMode::Apply).await, planned);
    let left: BTreeSet<_> = super::versions(registry, "pear").await.into_iter().collect();
    let stays: BTreeSet<_> = world.must_stay(&keep).into_iter().map(str::to_owned).collect();
    assert_eq!(left, stays);
    assert_eq!(tags().await, tags_before);
    assert_eq!(removed(registry, keep, BulkMode::Apply).await, [""; 0], "a second run has nothing to do");
}

#[test]
fn nothing_goes_that_anything_keeps() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = amount("PROPTEST_CASES", CASES);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let told = runner.run(&(vec(step(), 5..30), keep()), |(story, keep)| {
        runtime.block_on(tell(story, keep));
        Ok(())
    });
    told.unwrap_or_else(|error| panic!("{error}"));
}
