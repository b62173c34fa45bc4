use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chrono::{DateTime, Utc};

use crate::domain::range::Range;
use crate::domain::{PackageName, VersionRefusal};
use crate::policy::{PolicyConcern, PolicyDecision, VersionFacts, VersionOrigin, VersionPolicy};

use super::BlockedVersions;
use super::record::BlockRecord;

/// The list at one moment.
#[derive(Debug)]
pub(super) struct BlockPolicy {
    /// By the name in lowercase: a spelling of a name does not escape its block.
    packages: HashMap<PackageName, BlocksOfPackage>,
}

#[derive(Debug, Default)]
struct BlocksOfPackage {
    blocks: Vec<(BlockedVersions, Option<Range>)>,
    lifted: Option<DateTime<Utc>>,
    state: u64,
}

impl BlockPolicy {
    /// Returns `None` for an empty list.
    pub(super) fn of(record: BlockRecord) -> Option<Self> {
        let mut packages: HashMap<PackageName, BlocksOfPackage> = HashMap::new();
        for block in record.blocked {
            let range = Range::parse(&block.versions);
            packages.entry(block.package.folded()).or_default().blocks.push((block, range));
        }
        for package in packages.values_mut() {
            // A recall says more than a block, and lasts as long.
            package.blocks.sort_by_key(|(block, _)| block.recalled.is_none());
        }
        for lifted in record.lifted {
            let package = packages.entry(lifted.package.folded()).or_default();
            package.lifted = package.lifted.max(Some(lifted.at));
        }
        for package in packages.values_mut() {
            let mut hash = DefaultHasher::new();
            package.lifted.hash(&mut hash);
            for (block, _) in &package.blocks {
                let is_recalled = block.recalled.is_some();
                (&block.versions, &block.reason, block.since, block.until, is_recalled).hash(&mut hash);
            }
            package.state = hash.finish();
        }
        (!packages.is_empty()).then_some(Self { packages })
    }

    fn of_package(&self, package: &PackageName) -> Option<&BlocksOfPackage> {
        self.packages.get(package).or_else(|| self.packages.get(&package.folded()))
    }
}

impl VersionPolicy for BlockPolicy {
    fn concern(&self, package: &PackageName, _: VersionOrigin<'_>) -> Option<PolicyConcern> {
        self.of_package(package).map(|package| PolicyConcern::of_numbers(package.state))
    }

    fn decide(&self, facts: &VersionFacts<'_>, now: DateTime<Utc>) -> PolicyDecision {
        let Some(package) = self.of_package(facts.package) else { return PolicyDecision::allow() };
        let is_of = |(_, range): &&(BlockedVersions, Option<Range>)| {
            // What cannot be compared may be what was meant.
            let range = range.as_ref().zip(facts.number.as_ref());
            range.is_none_or(|(range, number)| range.spans(number))
        };
        let mut ended = package.lifted;
        let mut in_force: Option<&BlockedVersions> = None;
        for (block, _) in package.blocks.iter().filter(is_of) {
            match block.until {
                Some(until) if until <= now => ended = ended.max(Some(until)),
                // Of several blocks, the one that lasts longest.
                until => {
                    let lasts_longer = |known: &BlockedVersions| {
                        known.until.is_some_and(|known| until.is_none_or(|until| until > known))
                    };
                    if in_force.is_none_or(lasts_longer) {
                        in_force = Some(block);
                    }
                }
            }
        }
        let decision = match in_force {
            None => PolicyDecision::allow(),
            Some(block) => {
                let refusal = if block.recalled.is_some() {
                    VersionRefusal::new("recall", format!("was recalled: {}", block.reason))
                } else {
                    VersionRefusal::new("block", format!("is blocked: {}", block.reason))
                };
                let refusal = match block.until {
                    Some(until) => refusal.until(until),
                    None => refusal,
                };
                PolicyDecision::refuse(refusal).since(block.since)
            }
        };
        match ended.filter(|_| in_force.is_none()) {
            Some(ended) => decision.since(ended),
            None => decision,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(list: &str, package: &str, version: &str, now: &str) -> Option<String> {
        let record: BlockRecord = serde_json::from_str(list).unwrap();
        let (policy, package) = (BlockPolicy::of(record).unwrap(), PackageName::parse(package).unwrap());
        policy.concern(&package, VersionOrigin::Hosted)?;
        let facts = VersionFacts::new(&package, version, VersionOrigin::Hosted);
        let refusal = policy.decide(&facts, now.parse().unwrap()).into_refusal();
        Some(refusal.map_or_else(String::new, |refusal| refusal.explanation()))
    }

    #[test]
    fn a_block_holds_for_its_range_and_its_time() {
        let list = r#"{"blocked":[
            {"package":"pear","versions":">=1.0.0 <1.2.0","reason":"worm","since":"2026-11-01T00:00:00Z",
             "until":"2026-12-01T00:00:00Z"},
            {"package":"pear","versions":"1.1.0","reason":"worse","since":"2026-11-02T00:00:00Z"}]}"#;
        let refused = |version, now| decide(list, "pear", version, now).unwrap();
        let november = "2026-11-30T00:00:00Z";
        assert!(refused("1.0.0", november).contains("worm"));
        assert!(refused("1.0.0", november).contains("until 2026-12-01T00:00:00Z"));
        assert!(
            refused("1.1.0-rc.1", november).contains("worm"),
            "prereleases between the bounds are blocked"
        );
        assert!(refused("1.1.0", november).contains("worse"), "the block that lasts longest counts");
        assert_eq!(refused("1.2.0", november), "");
        assert_eq!(refused("1.0.0", "2026-12-01T00:00:00Z"), "");
        assert!(decide(list, "Pear", "1.0.0", november).unwrap().contains("worm"), "in any spelling");
        assert_eq!(decide(list, "fig", "1.0.0", november), None);
    }
}
