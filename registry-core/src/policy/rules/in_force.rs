use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use chrono::{DateTime, Utc};

use crate::domain::PackageName;
use crate::measurements::{Count, PolicyMeasurements};
use crate::policy::{PolicyConcern, PolicyDecision, VersionFacts, VersionOrigin, VersionPolicy};

use super::PolicyRules;

/// For how many milliseconds the files are not looked at again.
const BETWEEN_LOOKS: i64 = 1000;

/// The rules of the settings, which may be replaced while the registry runs.
#[derive(Debug, Default)]
pub(in crate::policy) struct RulesInForce {
    rules: RwLock<Numbered>,
    /// When the files of the rules were looked at last, in milliseconds since 1970; 0 for never.
    looked: AtomicI64,
    failed_reads: Count,
}

#[derive(Debug, Clone, Default)]
struct Numbered {
    rules: PolicyRules,
    /// How often they were replaced.
    replaced: u32,
}

impl RulesInForce {
    pub(crate) fn new(rules: PolicyRules) -> Self {
        Self { rules: RwLock::new(Numbered { rules, replaced: 0 }), ..Self::default() }
    }

    /// Replaces the rules for reads that begin from now on.
    pub(crate) fn replace(&self, rules: PolicyRules) {
        let mut known = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        *known = Numbered { rules, replaced: known.replaced.wrapping_add(1) };
    }

    /// Reads the files of the rules again that changed, at most once a second: a read of a package costs a comparison, and once a
    /// second a lookup of each file's metadata.
    pub(crate) fn look_at_files(&self, now: DateTime<Utc>) {
        let rules = self.now().rules;
        if !rules.have_files() {
            return;
        }
        let (millis, last) = (now.timestamp_millis(), self.looked.load(Ordering::Relaxed));
        // Of a clock that went back, no age is believed.
        let is_recent = (last..last.saturating_add(BETWEEN_LOOKS)).contains(&millis);
        if is_recent
            || self.looked.compare_exchange(last, millis, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            return;
        }
        let failed = rules.files().filter(|file| file.look(now.into())).count();
        self.failed_reads.add(failed as u64);
    }

    /// Whether a file must be read to decide about a package, and cannot be.
    pub(crate) fn lack_a_file(&self, package: &PackageName, origin: VersionOrigin<'_>) -> bool {
        self.now().rules.lack_a_file(package, origin)
    }

    /// Returns how many files cannot be used, and how often one could not.
    pub(crate) fn measurements(&self) -> PolicyMeasurements {
        let unreadable = self.now().rules.files().filter(|file| file.is_unreadable()).count() as u64;
        PolicyMeasurements::new(unreadable, self.failed_reads.get())
    }

    fn now(&self) -> Numbered {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl VersionPolicy for RulesInForce {
    fn concern(&self, package: &PackageName, origin: VersionOrigin<'_>) -> Option<PolicyConcern> {
        let Numbered { rules, replaced } = self.now();
        let concern = rules.concern(package, origin)?;
        let mut hash = DefaultHasher::new();
        (replaced, concern.state).hash(&mut hash);
        Some(PolicyConcern { state: hash.finish(), ..concern })
    }

    fn decide(&self, facts: &VersionFacts<'_>, now: DateTime<Utc>) -> PolicyDecision {
        self.now().rules.decide(facts, now)
    }
}
