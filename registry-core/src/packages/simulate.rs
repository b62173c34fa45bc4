use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use futures::{StreamExt as _, stream};
use serde::Serialize;

use crate::Error;
use crate::domain::packument::{ForeignDocument, Packument};
use crate::domain::{DownloadPeriod, PackageName, Version, VersionRefusal};
use crate::packages::Packages;
use crate::policy::{PackagePolicy, PolicyRules, VersionOrigin};

/// How many packages have their counts in memory at a time.
const PACKAGES_AT_ONCE: usize = 5000;
/// How many packages are judged concurrently.
const AT_ONCE: usize = 8;

/// What rules would have refused of the downloads of a period.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PolicySimulation {
    /// The downloads that were counted.
    pub downloads: u64,
    /// Those that the rules would have refused.
    pub refused: u64,
    /// Those of versions that cannot be judged: no document lists them any more, or it cannot be had.
    pub unknown: u64,
    /// What would have been refused, by package and version.
    pub refusals: Vec<SimulatedRefusal>,
}

/// A version that rules would have refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SimulatedRefusal {
    /// The package.
    pub package: PackageName,
    /// The version.
    pub version: Version,
    /// Where it comes from: `hosted`, or the name of an upstream.
    pub origin: String,
    /// Its downloads that would have been refused.
    pub downloads: u64,
    /// The first day with one of them.
    pub first: NaiveDate,
    /// The last day with one of them.
    pub last: NaiveDate,
    /// Why, on the last day.
    pub refusal: VersionRefusal,
}

type DaysOfVersions = BTreeMap<Version, BTreeMap<NaiveDate, u64>>;

impl PolicySimulation {
    fn merge(&mut self, other: Self) {
        self.downloads = self.downloads.saturating_add(other.downloads);
        self.refused = self.refused.saturating_add(other.refused);
        self.unknown = self.unknown.saturating_add(other.unknown);
        self.refusals.extend(other.refusals);
    }
}

impl Packages {
    /// Says what rules would have refused of the downloads of a period, on the days on which they were. Asks upstreams for packuments
    /// that are not cached, and for nothing else.
    pub(crate) async fn simulate_policy(
        &self,
        rules: &PolicyRules,
        period: DownloadPeriod,
    ) -> Result<PolicySimulation, Error> {
        let counts = &self.parts.downloads.counts;
        let names = counts.names(period).await?;
        let mut simulation = PolicySimulation::default();
        for names in names.chunks(PACKAGES_AT_ONCE) {
            let counted = counts.by_day(names, period).await?;
            let judged = stream::iter(counted).map(|(name, days)| self.simulate_package(rules, name, days));
            let mut judged = judged.buffered(AT_ONCE);
            while let Some(part) = judged.next().await {
                simulation.merge(part);
            }
        }
        Ok(simulation)
    }

    async fn simulate_package(
        &self,
        rules: &PolicyRules,
        name: PackageName,
        days: DaysOfVersions,
    ) -> PolicySimulation {
        let judged = Box::pin(self.try_simulate_package(rules, &name, &days)).await;
        judged.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(package = %name, error, "the downloads of a package cannot be judged");
            let downloads = total(&days);
            PolicySimulation { downloads, unknown: downloads, ..PolicySimulation::default() }
        })
    }

    async fn try_simulate_package(
        &self,
        rules: &PolicyRules,
        name: &PackageName,
        days: &DaysOfVersions,
    ) -> Result<PolicySimulation, Error> {
        let policies = &self.parts.catalog.policies;
        let catalog = self.catalog();
        let mut trials = Trials::new(name, days);
        if let Some(stored) = catalog.if_hosted(name, || catalog.read_packument(name)).await? {
            let policy = policies.trial(rules, name, VersionOrigin::Hosted).await?;
            let packument = Packument::parse(name, &stored.blob.bytes)?;
            policy.try_hosted(&packument, days, |version, day, refusal| {
                trials.add("hosted", version, day, refusal);
            });
            return Ok(trials.finish());
        }
        let concerned = |upstream: &Arc<str>| {
            let origin = VersionOrigin::Upstream(upstream);
            PackagePolicy::of_rules(rules, &self.parts.clock, name, origin).stamp() != 0
        };
        let upstreams: Vec<_> =
            self.proxy().upstreams_of(name).map(|upstream| Arc::clone(&upstream.id)).collect();
        if !upstreams.iter().any(concerned) {
            // Nothing must be read to know that all is allowed.
            return Ok(PolicySimulation { downloads: total(days), ..PolicySimulation::default() });
        }
        let (upstream, json) = self.proxy().kept_full_document(name).await?;
        let policy = policies.trial(rules, name, VersionOrigin::Upstream(&upstream)).await?;
        let document = ForeignDocument::parse(name, &json)?;
        policy.try_foreign(&upstream, name, &document, days, |version, day, refusal| {
            trials.add(&upstream, version, day, refusal);
        });
        Ok(trials.finish())
    }
}

fn total(days: &DaysOfVersions) -> u64 {
    days.values().flat_map(BTreeMap::values).copied().fold(0, u64::saturating_add)
}

/// Collects what was decided about the downloads of one package.
struct Trials<'a> {
    name: &'a PackageName,
    days: &'a DaysOfVersions,
    judged: u64,
    refusals: BTreeMap<Version, SimulatedRefusal>,
}

impl<'a> Trials<'a> {
    fn new(name: &'a PackageName, days: &'a DaysOfVersions) -> Self {
        Self { name, days, judged: 0, refusals: BTreeMap::new() }
    }

    fn add(&mut self, origin: &str, version: &Version, day: NaiveDate, refusal: Option<VersionRefusal>) {
        let downloads = self.days.get(version).and_then(|days| days.get(&day)).copied().unwrap_or_default();
        self.judged = self.judged.saturating_add(downloads);
        let Some(refusal) = refusal else { return };
        let found = self.refusals.entry(version.clone()).or_insert_with(|| SimulatedRefusal {
            package: self.name.clone(),
            version: version.clone(),
            origin: origin.to_owned(),
            downloads: 0,
            first: day,
            last: day,
            refusal: refusal.clone(),
        });
        found.downloads = found.downloads.saturating_add(downloads);
        (found.first, found.last) = (found.first.min(day), found.last.max(day));
        if found.last == day {
            found.refusal = refusal;
        }
    }

    fn finish(self) -> PolicySimulation {
        let downloads = total(self.days);
        let refusals: Vec<_> = self.refusals.into_values().collect();
        let refused = refusals.iter().map(|refusal| refusal.downloads).fold(0, u64::saturating_add);
        PolicySimulation { downloads, refused, unknown: downloads.saturating_sub(self.judged), refusals }
    }
}
