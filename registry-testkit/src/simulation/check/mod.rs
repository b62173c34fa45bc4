//! Whether what clients and sinks saw is what the registry promises.

mod events;
mod feed;
mod fields;
mod registers;
mod revisions;
mod versions;

use std::fmt;

use super::history::{Happening, History};
use super::operation::PACKAGES;
use super::outcome::{Outcome, Seen};

/// What a registry promises to its clients, however many write and whatever goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Promise {
    /// An acknowledged change is visible ever after, on every replica, until another change takes its place.
    AcknowledgedIsVisible,
    /// Name and version mean one content for ever.
    OneContent,
    /// A dist-tag names a version that is there, and a package with versions has the tag `latest`.
    TagsPointAtVersions,
    /// `_rev` only grows, and each change has a revision of its own.
    RevisionsGrow,
    /// What is unpublished never comes back.
    UnpublishedStaysAway,
    /// A read that began after another one had ended shows no older state, whichever replicas they ask.
    ReadsAreMonotone,
    /// A change that was refused left nothing behind.
    RefusedLeavesNothing,
    /// Events tell of changes that happened, once, and of each that was acknowledged by a replica that lived on.
    EventsAreTrue,
    /// The change feed has each change once, in order and without gaps, also of replicas that crashed.
    FeedIsComplete,
    /// Data is never damaged: a version that is visible has its tarball.
    NothingIsDamaged,
    /// Every client of a live replica gets an answer.
    EveryOperationEnds,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The setting.
    pub promise: Promise,
    /// What was seen, and next to which other operations.
    pub evidence: String,
}

impl fmt::Display for Promise {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AcknowledgedIsVisible => "an acknowledged change is visible ever after",
            Self::OneContent => "name and version mean one content for ever",
            Self::TagsPointAtVersions => "a dist-tag names a version that is there",
            Self::RevisionsGrow => "the revision only grows, and each change has its own",
            Self::UnpublishedStaysAway => "what is unpublished never comes back",
            Self::ReadsAreMonotone => "a later read shows no older state",
            Self::RefusedLeavesNothing => "a change that was refused left nothing behind",
            Self::EventsAreTrue => "events tell of what happened, once",
            Self::FeedIsComplete => "the change feed has each change once, in order",
            Self::NothingIsDamaged => "data is never damaged",
            Self::EveryOperationEnds => "every client gets an answer",
        })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "broken promise: {}\n{}", self.promise, self.evidence)
    }
}

/// Every promise that was broken.
pub(super) fn check(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    for unended in &history.unended {
        violations.push(broken(Promise::EveryOperationEnds, format!("this never ended: {unended}")));
    }
    for happening in &history.happenings {
        violations.extend(check_alone(happening));
    }
    for package in PACKAGES {
        let of_it: Vec<_> =
            history.happenings.iter().filter(|happening| happening.operation.package == package).collect();
        let sightings = fields::sightings(&of_it);
        violations.extend(revisions::check(&of_it));
        violations.extend(registers::check(&of_it, &sightings));
        violations.extend(versions::check(&of_it, &sightings));
        violations.extend(events::check(package, history, &of_it, &sightings));
    }
    violations.extend(feed::check(history));
    violations
}

fn broken(promise: Promise, evidence: String) -> Violation {
    Violation { promise, evidence }
}

/// What can be seen of one operation without any other.
fn check_alone(happening: &Happening) -> Option<Violation> {
    match &happening.outcome {
        Outcome::Broken(_) => {
            Some(broken(Promise::NothingIsDamaged, format!("a client was told so: {happening}")))
        }
        Outcome::Unknown(_) if happening.is_audit => {
            let evidence = format!("nothing went wrong any more, and there was no answer: {happening}");
            Some(broken(Promise::EveryOperationEnds, evidence))
        }
        Outcome::Saw(Seen::Package(Some(state))) => {
            let dangling = state.tags.iter().find(|(_, version)| !state.versions.contains_key(*version));
            let evidence = match dangling {
                Some((tag, version)) => {
                    format!("the tag {tag} names {version}, which is not there: {happening}")
                }
                None if state.tags.contains_key("latest") => return None,
                None => format!("there is no tag latest: {happening}"),
            };
            Some(broken(Promise::TagsPointAtVersions, evidence))
        }
        _ => None,
    }
}
