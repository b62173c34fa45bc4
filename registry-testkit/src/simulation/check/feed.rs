use std::collections::{BTreeSet, HashSet};

use registry_core::events::{Event, EventKind};

use super::super::client::integrity;
use super::super::history::{Happening, History};
use super::super::operation::{PACKAGES, Task};
use super::super::outcome::Outcome;
use super::{Promise, Violation, broken};

/// Compares the change feed with what happened, crashes or not.
pub(super) fn check(history: &History) -> Vec<Violation> {
    let Some(feed) = &history.feed else { return Vec::new() };
    let mut violations = Vec::new();
    let mut ids = HashSet::new();
    for (expected, (seq, event)) in (1..).zip(&feed.changes) {
        if *seq != expected {
            violations.push(untrue(format!("change {expected} of the feed has the number {seq}")));
        }
        if !ids.insert(&event.id) {
            violations.push(untrue(format!("change {seq} is in the feed twice: {:?}", event.kind)));
        }
    }
    for package in PACKAGES {
        let is_of_it = |event: &&Event| event.package.as_ref().is_some_and(|name| name.as_str() == package);
        let events: Vec<_> = feed.changes.iter().map(|(_, event)| event).filter(is_of_it).collect();
        let happenings: Vec<_> =
            history.happenings.iter().filter(|happening| happening.operation.package == package).collect();
        violations.extend(happenings.iter().filter_map(|happening| is_missing(happening, &events)));
        violations.extend(events.iter().filter_map(|event| is_invented(event, &happenings)));
        violations.extend(differs_from_the_end(package, &events, &feed.versions[package]));
    }
    violations
}

fn untrue(evidence: String) -> Violation {
    broken(Promise::FeedIsComplete, evidence)
}

/// An acknowledged change that is not in the feed exactly once.
fn is_missing(happening: &Happening, events: &[&Event]) -> Option<Violation> {
    if !matches!(happening.outcome, Outcome::Changed(_)) {
        return None;
    }
    let found = match happening.operation.task {
        Task::Publish { version, content, .. } => {
            let expected = integrity(happening.operation.package, version, content);
            let is_it = |event: &&&Event| match &event.kind {
                EventKind::Published { version: of, integrity, .. } => {
                    of.as_str() == version && *integrity == expected
                }
                _ => false,
            };
            events.iter().filter(is_it).count()
        }
        Task::Unpublish { version } => {
            events.iter().filter(|event| removed(event).any(|removed| removed == version)).count()
        }
        _ => return None,
    };
    (found != 1).then(|| untrue(format!("the feed has this {found} times: {happening}")))
}

/// A change in the feed that no client made.
fn is_invented(event: &Event, happenings: &[&Happening]) -> Option<Violation> {
    let EventKind::Published { version, integrity: published, .. } = &event.kind else { return None };
    let is_cause = |happening: &&&Happening| match happening.operation.task {
        Task::Publish { version: of, content, .. } => {
            of == version.as_str()
                && !matches!(happening.outcome, Outcome::Refused { .. })
                && integrity(happening.operation.package, of, content) == *published
        }
        _ => false,
    };
    let is_invented = happenings.iter().find(is_cause).is_none();
    is_invented.then(|| untrue(format!("no client made this change of the feed: {:?}", event.kind)))
}

/// Whether the changes of the feed, one after the other, lead to what is in the store in the end.
fn differs_from_the_end(package: &str, events: &[&Event], seen: &BTreeSet<String>) -> Option<Violation> {
    let mut told = BTreeSet::new();
    for event in events {
        if let EventKind::Published { version, .. } = &event.kind {
            told.insert(version.to_string());
        }
        for version in removed(event) {
            if !told.remove(version) {
                return Some(untrue(format!(
                    "{package}@{version} is removed in the feed before it is published"
                )));
            }
        }
    }
    (told != *seen).then(|| untrue(format!("{package} has {seen:?}, and by the feed it has {told:?}")))
}

fn removed(event: &Event) -> impl Iterator<Item = &str> {
    let versions = match &event.kind {
        EventKind::Unpublished { versions } | EventKind::PackageUnpublished { versions } => {
            versions.as_slice()
        }
        _ => &[],
    };
    versions.iter().map(registry_core::domain::Version::as_str)
}
