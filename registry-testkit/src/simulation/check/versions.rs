use super::super::history::Happening;
use super::super::operation::{Task, VERSIONS};
use super::super::outcome::{Outcome, short};
use super::fields::{Field, Sighting, Written, writers};
use super::{Promise, Violation, broken};

/// What holds of a version for ever.
pub(super) fn check(happenings: &[&Happening], sightings: &[Sighting<'_>]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for version in VERSIONS {
        let of_it: Vec<_> =
            sightings.iter().filter(|sighting| sighting.field == Field::Version(version)).collect();
        violations.extend(has_one_content(version, happenings, &of_it));
        violations.extend(stays_away(version, happenings, &of_it));
        violations.extend(taken_by_a_client(version, happenings));
    }
    violations
}

fn has_one_content(
    version: &'static str,
    happenings: &[&Happening],
    sightings: &[&Sighting<'_>],
) -> Option<Violation> {
    let seen = sightings.iter().filter_map(|sighting| Some((sighting.by, sighting.value.clone()?)));
    let acknowledged = happenings.iter().flat_map(|happening| writers(happening)).filter_map(|writer| {
        let is_it = writer.is_certain && writer.field == Field::Version(version);
        match writer.written {
            Written::To(Some(integrity)) if is_it => Some((writer.by, integrity)),
            _ => None,
        }
    });
    let mut all = acknowledged.chain(seen);
    let (first, integrity) = all.next()?;
    let (second, other) = all.find(|(_, other)| *other != integrity)?;
    let evidence = format!("{version} is {} and {}\n  {first}\n  {second}", short(&integrity), short(&other));
    Some(broken(Promise::OneContent, evidence))
}

/// Who sees a version after a client had seen it gone.
fn stays_away(
    version: &'static str,
    happenings: &[&Happening],
    sightings: &[&Sighting<'_>],
) -> Option<Violation> {
    // When it had been there, and was seen gone.
    let unpublished = happenings.iter().filter(|happening| {
        happening.operation.task == Task::Unpublish { version }
            && matches!(happening.outcome, Outcome::Changed(_))
    });
    let seen_gone = sightings.iter().filter(|gone| {
        gone.value.is_none()
            && sightings.iter().any(|there| there.value.is_some() && there.by.ended < gone.by.started)
    });
    let gone = unpublished.copied().chain(seen_gone.map(|gone| gone.by)).min_by_key(|gone| gone.ended)?;
    let back = sightings.iter().find(|back| back.value.is_some() && back.by.started > gone.ended)?;
    let evidence = format!("{version} was gone and came back\ngone: {gone}\nback: {}", back.by);
    Some(broken(Promise::UnpublishedStaysAway, evidence))
}

/// A version is refused as taken only where another publication may have taken it: one that is refused for its own sake
/// took effect.
fn taken_by_a_client(version: &'static str, happenings: &[&Happening]) -> Option<Violation> {
    let publishes = |happening: &Happening| matches!(happening.operation.task, Task::Publish { version: of, .. } if of == version);
    let refused = happenings.iter().find(|happening| {
        publishes(happening)
            && matches!(happening.outcome, Outcome::Refused { is_taken: true, .. })
            && !happenings.iter().any(|other| {
                publishes(other)
                    && other.started < happening.ended
                    && !matches!(other.outcome, Outcome::Refused { .. })
            })
    })?;
    let evidence = format!("no other client published it, so this had an effect: {refused}");
    Some(broken(Promise::RefusedLeavesNothing, evidence))
}
