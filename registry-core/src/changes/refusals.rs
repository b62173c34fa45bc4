//! Changes that a receiver refuses while it accepts others: each holds up its package alone.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::concurrency::RetrySchedule;

/// From how many packages on a receiver that refuses changes is taken to fail as a whole.
const MOST_PACKAGES: usize = 32;
/// How many changes wait behind refused ones at most, so that the document that has them stays small.
const MOST_CHANGES: usize = 1000;
/// How long a refused change is tried again where the settings name no time.
const GIVE_UP_AFTER: Duration = Duration::from_hours(72);
/// The most characters of an error that are remembered.
const LONGEST_ERROR: usize = 500;

/// The changes that a receiver refuses, as they are stored: by package or organization.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Refusals(BTreeMap<String, Refusal>);

/// A refused change, and those of its package that wait for it to keep their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    #[serde(flatten)]
    schedule: RetrySchedule,
    error: String,
    /// Their numbers, the refused one first.
    changes: VecDeque<u64>,
}

impl Refusal {
    /// Since when the first change is refused.
    pub(crate) fn since(&self) -> DateTime<Utc> {
        self.schedule.since
    }

    /// What the last attempt failed with.
    pub(crate) fn error(&self) -> &str {
        &self.error
    }

    /// How many changes wait.
    pub(crate) fn waiting(&self) -> usize {
        self.changes.len()
    }

    /// The number of the refused change.
    pub(crate) fn first(&self) -> Option<u64> {
        self.changes.front().copied()
    }
}

impl Refusals {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Refusal)> {
        self.0.iter().map(|(subject, refusal)| (subject.as_str(), refusal))
    }

    /// How many changes wait.
    pub(crate) fn waiting(&self) -> usize {
        self.0.values().map(Refusal::waiting).sum()
    }

    /// Whether changes of this package have to wait.
    pub(crate) fn holds(&self, subject: &str) -> bool {
        self.0.contains_key(subject)
    }

    /// Whether this change waits.
    #[cfg(feature = "hooks")]
    pub(crate) fn has(&self, seq: u64) -> bool {
        self.0.values().any(|refusal| refusal.changes.contains(&seq))
    }

    /// Returns the package of this change, if it is the refused one.
    #[cfg(feature = "hooks")]
    pub(crate) fn subject_of(&self, seq: u64) -> Option<String> {
        let found = self.0.iter().find(|(_, refusal)| refusal.first() == Some(seq));
        found.map(|(subject, _)| subject.clone())
    }

    /// Whether another attempt at the refused change of a package is due.
    #[cfg(feature = "hooks")]
    pub(crate) fn is_due(&self, subject: &str, now: DateTime<Utc>) -> bool {
        self.0.get(subject).is_some_and(|refusal| refusal.schedule.next <= now)
    }

    /// Whether a change can wait here, behind others or as the refused one.
    pub(crate) fn has_room(&self, subject: &str) -> bool {
        self.waiting() < MOST_CHANGES && (self.holds(subject) || self.0.len() < MOST_PACKAGES)
    }

    /// Lets a change wait for the refused one of its package.
    pub(crate) fn hold(&mut self, subject: &str, seq: u64) {
        if let Some(refusal) = self.0.get_mut(subject).filter(|refusal| !refusal.changes.contains(&seq)) {
            refusal.changes.push_back(seq);
        }
    }

    /// Notes that the first change of a package was refused, for the first time or again. Returns whether it is given up,
    /// and so gone from here.
    pub(crate) fn refuse(
        &mut self,
        subject: &str,
        seq: u64,
        now: DateTime<Utc>,
        error: &str,
        give_up_after: Option<Duration>,
    ) -> bool {
        let refusal = self.0.entry(subject.to_owned()).or_insert_with(|| Refusal {
            schedule: RetrySchedule::begin(now),
            error: String::new(),
            changes: VecDeque::from([seq]),
        });
        refusal.schedule.fail_again(now);
        refusal.error = error.chars().take(LONGEST_ERROR).collect();
        let is_over = refusal.schedule.is_over(now, Some(give_up_after.unwrap_or(GIVE_UP_AFTER)));
        if is_over {
            self.settle(subject, now);
        }
        is_over
    }

    /// Returns a package whose refused change is due, and the number of that change.
    pub(crate) fn due(&self, now: DateTime<Utc>) -> Option<(String, u64)> {
        let due = self.0.iter().filter(|(_, refusal)| refusal.schedule.next <= now);
        let (subject, refusal) = due.min_by_key(|(_, refusal)| refusal.schedule.next)?;
        Some((subject.clone(), refusal.first()?))
    }

    /// Returns when the next refused change is due.
    pub(crate) fn next(&self) -> Option<DateTime<Utc>> {
        self.0.values().map(|refusal| refusal.schedule.next).min()
    }

    /// Removes the first change of a package, which was accepted or given up. The next one is due at once.
    pub(crate) fn settle(&mut self, subject: &str, now: DateTime<Utc>) {
        let Some(refusal) = self.0.get_mut(subject) else { return };
        refusal.changes.pop_front();
        refusal.schedule = RetrySchedule::begin(now);
        if refusal.changes.is_empty() {
            self.0.remove(subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    #[test]
    fn changes_wait_behind_a_refused_one_in_their_order() {
        let mut refusals = Refusals::default();
        assert!(!refusals.refuse("pear", 3, NOW, "no", None));
        for seq in [5, 5, 8] {
            refusals.hold("pear", seq);
        }
        refusals.hold("fig", 6);
        assert_eq!((refusals.waiting(), refusals.due(NOW)), (3, None));
        let later = NOW + chrono::TimeDelta::seconds(1);
        assert_eq!((refusals.next(), refusals.due(later)), (Some(later), Some(("pear".to_owned(), 3))));
        refusals.settle("pear", later);
        assert_eq!(refusals.due(later), Some(("pear".to_owned(), 5)));
        refusals.settle("pear", later);
        refusals.settle("pear", later);
        assert!(refusals.is_empty() && !refusals.holds("pear"));
    }

    #[test]
    fn a_refused_change_is_given_up_after_three_days_or_the_time_of_the_settings() {
        for (setting, hours) in [(None, 72), (Some(Duration::from_hours(2)), 2)] {
            let mut refusals = Refusals::default();
            let end = NOW + chrono::TimeDelta::hours(hours);
            assert!(!refusals.refuse("pear", 1, NOW, "no", setting));
            assert!(!refusals.refuse("pear", 1, end - chrono::TimeDelta::seconds(1), "no", setting));
            assert!(refusals.refuse("pear", 1, end, "no", setting));
            assert!(refusals.is_empty());
            assert!(refusals.refuse("pear", 1, NOW, "no", Some(Duration::ZERO)) && refusals.is_empty());
        }
    }

    #[test]
    fn the_document_stays_small() {
        let mut refusals = Refusals::default();
        for number in 0..MOST_PACKAGES {
            assert!(refusals.has_room(&format!("pear-{number}")));
            let _ = refusals.refuse(&format!("pear-{number}"), number as u64, NOW, &"x".repeat(9000), None);
        }
        assert!(!refusals.has_room("fig") && refusals.has_room("pear-0"));
        for seq in 100..100 + MOST_CHANGES as u64 {
            if refusals.has_room("pear-0") {
                refusals.hold("pear-0", seq);
            }
        }
        assert_eq!(refusals.waiting(), MOST_CHANGES);
        assert!(serde_json::to_vec(&refusals).unwrap().len() < 40_000);
    }
}
