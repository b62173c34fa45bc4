use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroU64;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::value::RawValue;

use crate::advisories::{AdvisoryNeed, AdvisoryView, KnownAdvisories};
use crate::clock::Clock;
use crate::domain::packument::{PackumentForm, VersionDecisions};
use crate::domain::{PackageName, Version, VersionRefusal};

use super::facts::add_earlier_trust;
use super::{ExplainedVersion, PolicyRules, VersionFacts, VersionOrigin, VersionPolicy};

/// All policies at one moment.
#[derive(Debug)]
pub(super) struct PolicySet {
    pub(super) policies: Vec<Arc<dyn VersionPolicy>>,
    pub(super) clock: Arc<dyn Clock>,
}

/// The policies that concern one package, at the moment at which a read of it began. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct PackagePolicy(Option<InForce>);

#[derive(Debug, Clone)]
struct InForce {
    stamp: NonZeroU64,
    reads_manifests: bool,
    need: Option<AdvisoryNeed>,
    advisories: AdvisoryView,
    set: Arc<PolicySet>,
}

/// A version as a document lists it.
pub(crate) struct ListedVersion<'a> {
    pub(crate) version: &'a str,
    pub(crate) manifest: &'a RawValue,
    /// When it was published, as the document says it.
    pub(crate) published: Option<Cow<'a, str>>,
}

impl PackagePolicy {
    /// Allows every version: for operations on what is stored.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(super) fn new(set: &Arc<PolicySet>, package: &PackageName, origin: VersionOrigin<'_>) -> Self {
        let mut hash = DefaultHasher::new();
        let (mut is_concerned, mut reads_manifests, mut need) = (false, false, None);
        for (number, policy) in set.policies.iter().enumerate() {
            let Some(concern) = policy.concern(package, origin) else { continue };
            (number, concern.state).hash(&mut hash);
            is_concerned = true;
            reads_manifests |= concern.reads_manifests;
            need = need.max(concern.advisories);
        }
        let stamp = NonZeroU64::new(hash.finish()).unwrap_or(NonZeroU64::MIN);
        let in_force = || {
            let (advisories, set) = (AdvisoryView::NotRead, Arc::clone(set));
            InForce { stamp, reads_manifests, need, advisories, set }
        };
        Self(is_concerned.then(in_force))
    }

    /// Says whether a policy asks for advisories, and what for.
    pub(super) fn advisory_need(&self) -> Option<AdvisoryNeed> {
        self.0.as_ref().and_then(|policy| policy.need)
    }

    /// Decides by these advisories. What they say of the package is part of the state of the policies.
    pub(super) fn with_advisories(self, package: &PackageName, advisories: AdvisoryView) -> Self {
        Self(self.0.map(|policy| {
            let mut hash = DefaultHasher::new();
            policy.stamp.hash(&mut hash);
            advisories.hash(package, &mut hash);
            let stamp = NonZeroU64::new(hash.finish()).unwrap_or(NonZeroU64::MIN);
            InForce { stamp, advisories, ..policy }
        }))
    }

    /// The policy of rules that are not in force, to try them.
    pub(crate) fn of_rules(
        rules: &PolicyRules,
        clock: &Arc<dyn Clock>,
        package: &PackageName,
        origin: VersionOrigin<'_>,
    ) -> Self {
        let policies = vec![Arc::new(rules.clone()) as Arc<dyn VersionPolicy>];
        Self::new(&Arc::new(PolicySet { policies, clock: Arc::clone(clock) }), package, origin)
    }

    /// Decides on versions of a document that were used, as at the end of each day on which they were, or now if that is earlier:
    /// what was refused only for a part of a day counts as allowed.
    pub(crate) fn try_on_days<'a>(
        &self,
        package: &'a PackageName,
        origin: VersionOrigin<'a>,
        versions: impl Iterator<Item = ListedVersion<'a>>,
        used: &BTreeMap<Version, BTreeMap<NaiveDate, u64>>,
        mut tell: impl FnMut(&Version, NaiveDate, Option<VersionRefusal>),
    ) {
        let Some(policy) = &self.0 else {
            for listed in versions {
                let number = Version::parse(listed.version).ok();
                let Some((number, days)) = number.and_then(|number| used.get_key_value(&number)) else {
                    continue;
                };
                for day in days.keys() {
                    tell(number, *day, None);
                }
            }
            return;
        };
        let (now, concerned) = (policy.set.clock.now(), policy.concerned(package, origin));
        for facts in policy.facts(package, origin, versions) {
            let Some((number, days)) = facts.number.as_ref().and_then(|number| used.get_key_value(number))
            else {
                continue;
            };
            for day in days.keys() {
                let end = day.succ_opt().and_then(|next| next.and_hms_opt(0, 0, 0)).map(|end| end.and_utc());
                let at = end.map_or(now, |end| end.min(now));
                let refusal = concerned.iter().find_map(|policy| policy.decide(&facts, at).into_refusal());
                tell(number, *day, refusal);
            }
        }
    }

    /// Identifies the state of the policies, in keys of caches; 0 where none concerns the package.
    pub(crate) fn stamp(&self) -> u64 {
        self.0.as_ref().map_or(0, |policy| policy.stamp.get())
    }

    /// Whether a policy reads more than the number of a version, which only full packuments have.
    pub(crate) fn reads_manifests(&self) -> bool {
        self.0.as_ref().is_some_and(|policy| policy.reads_manifests)
    }

    /// Returns the form of an upstream's packument to decide by, where `form` is wanted.
    pub(crate) fn source_form(&self, form: PackumentForm) -> PackumentForm {
        if self.reads_manifests() { PackumentForm::Full } else { form }
    }

    /// Whether what was decided until `end` must be decided again.
    pub(crate) fn has_passed(&self, end: Option<DateTime<Utc>>) -> bool {
        match (&self.0, end) {
            (Some(policy), Some(end)) => policy.set.clock.now() >= end,
            _ => false,
        }
    }

    /// Decides on the versions of a document; `None` where no policy concerns the package.
    pub(crate) fn decide<'a>(
        &self,
        package: &'a PackageName,
        origin: VersionOrigin<'a>,
        versions: impl Iterator<Item = ListedVersion<'a>>,
    ) -> Option<VersionDecisions> {
        let policy = self.0.as_ref()?;
        let now = policy.set.clock.now();
        let concerned = policy.concerned(package, origin);
        let mut decisions = VersionDecisions::default();
        for facts in policy.facts(package, origin, versions) {
            let advisories_changed = match &facts.advisories {
                KnownAdvisories::Known(known) => known.changed,
                KnownAdvisories::NotRead | KnownAdvisories::Unavailable => None,
            };
            for policy in &concerned {
                let (refusal, since, until) = policy.decide(&facts, now).into_parts();
                let is_refused = refusal.is_some();
                let since = since.max(advisories_changed).filter(|since| *since <= now);
                decisions.add(facts.version, refusal, since, until);
                if is_refused {
                    break;
                }
            }
        }
        Some(decisions)
    }

    /// Decides on one version of which a document says only some facts.
    pub(crate) fn allows(&self, facts: &VersionFacts<'_>) -> bool {
        self.refusal_of(facts).is_none()
    }

    /// Returns the advisories for one version, if they were read for these policies.
    pub(crate) fn advisories_for(&self, facts: &VersionFacts<'_>) -> KnownAdvisories {
        self.0.as_ref().map_or(KnownAdvisories::NotRead, |policy| {
            policy.advisories.of(facts.package, (facts.version, facts.number.as_ref()), None)
        })
    }

    /// Says why one version is refused of which only some facts are known.
    pub(crate) fn refusal_of(&self, facts: &VersionFacts<'_>) -> Option<VersionRefusal> {
        let policy = self.0.as_ref()?;
        let now = policy.set.clock.now();
        let facts = VersionFacts { advisories: self.advisories_for(facts), ..facts.clone() };
        let concerned = policy.concerned(facts.package, facts.origin);
        concerned.iter().find_map(|policy| policy.decide(&facts, now).into_refusal())
    }

    /// Says what is decided about each version, and by which rule.
    pub(crate) fn explain<'a>(
        &self,
        package: &'a PackageName,
        origin: VersionOrigin<'a>,
        versions: impl Iterator<Item = ListedVersion<'a>>,
    ) -> Vec<ExplainedVersion> {
        let versions: Vec<_> = versions.collect();
        let explain =
            |listed: &ListedVersion<'_>| ExplainedVersion::new(listed.version, listed.published.as_deref());
        let mut explained: Vec<_> = versions.iter().map(explain).collect();
        let Some(policy) = &self.0 else { return explained };
        let (now, concerned) = (policy.set.clock.now(), policy.concerned(package, origin));
        for (facts, explained) in
            policy.facts(package, origin, versions.into_iter()).iter().zip(&mut explained)
        {
            for policy in &concerned {
                explained.add(policy.decide(facts, now));
            }
        }
        explained
    }
}

impl InForce {
    fn concerned(&self, package: &PackageName, origin: VersionOrigin<'_>) -> Vec<&dyn VersionPolicy> {
        let policies = self.set.policies.iter().map(|policy| &**policy);
        policies.filter(|policy| policy.concern(package, origin).is_some()).collect()
    }

    /// Returns the facts of all versions of a document, in its order.
    fn facts<'a>(
        &self,
        package: &'a PackageName,
        origin: VersionOrigin<'a>,
        versions: impl Iterator<Item = ListedVersion<'a>>,
    ) -> Vec<VersionFacts<'a>> {
        let facts = versions.map(|listed| {
            let facts =
                VersionFacts::new(package, listed.version, origin).published_at(listed.published.as_deref());
            if self.reads_manifests { facts.with_manifest(listed.manifest) } else { facts }
        });
        let mut facts: Vec<_> = facts.collect();
        if self.reads_manifests {
            add_earlier_trust(&mut facts);
        }
        if self.need.is_some() {
            self.add_advisories(package, &mut facts);
        }
        facts
    }

    fn add_advisories(&self, package: &PackageName, facts: &mut [VersionFacts<'_>]) {
        let mut numbers: Vec<_> = facts.iter().filter_map(|facts| facts.number.clone()).collect();
        numbers.sort_unstable();
        for facts in facts {
            let number = facts.number.as_ref();
            let before = number.and_then(|number| before(&numbers, number));
            facts.advisories = self.advisories.of(package, (facts.version, number), before);
        }
    }
}

/// Returns the highest of the versions, which are sorted, that is below this one.
fn before<'a>(numbers: &'a [Version], number: &Version) -> Option<&'a Version> {
    let is_below = |known: &Version| known.parsed().cmp_precedence(number.parsed()).is_lt();
    numbers[..numbers.partition_point(is_below)].last()
}

impl fmt::Debug for ListedVersion<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.version)
    }
}
