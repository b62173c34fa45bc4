use registry_core::domain::Version;
use registry_core::events::EventKind;

use super::super::client::integrity;
use super::super::history::{Happening, History};
use super::super::operation::{Task, VERSIONS};
use super::super::outcome::Outcome;
use super::super::world::Told;
use super::fields::{Field, Sighting};
use super::{Promise, Violation, broken};

/// Compares what sinks were told of one package with what happened.
pub(super) fn check(
    package: &'static str,
    history: &History,
    happenings: &[&Happening],
    sightings: &[Sighting<'_>],
) -> Vec<Violation> {
    let told = history
        .told
        .iter()
        .filter(|told| told.event.package.as_ref().is_some_and(|name| name.as_str() == package));
    let told: Vec<_> = told.collect();
    let mut violations = Vec::new();
    for version in VERSIONS {
        let published: Vec<_> = told.iter().filter(|told| tells_of_publish(told, version)).collect();
        // Another process may tell of it again, under the same id.
        let again =
            published.iter().find(|told| told.event.id.is_none() || told.event.id != published[0].event.id);
        if let ([first, ..], Some(second)) = (&published[..], again.filter(|_| published.len() > 1)) {
            violations
                .push(untrue(first, &format!("it was told twice, also by {} at {}", second.life, second.at)));
        }
        if published.is_empty() && history.is_store_reliable {
            violations.extend(is_concealed(version, history, happenings, sightings));
        }
        for told in published {
            violations.extend(check_published(told, version, happenings, sightings));
        }
        for told in told.iter().filter(|told| tells_of_unpublish(told, version)) {
            violations.extend(check_unpublished(told, version, happenings, sightings));
        }
    }
    for happening in happenings {
        violations.extend(is_told(happening, history, &told));
    }
    violations
}

fn tells_of_publish(told: &Told, of: &str) -> bool {
    matches!(&told.event.kind, EventKind::Published { version, .. } if version.as_str() == of)
}

fn tells_of_unpublish(told: &Told, of: &str) -> bool {
    let names = |versions: &[Version]| versions.iter().any(|version| version.as_str() == of);
    matches!(
        &told.event.kind,
        EventKind::Unpublished { versions } | EventKind::PackageUnpublished { versions } if names(versions)
    )
}

fn unpublishes(happening: &Happening, of: &str) -> bool {
    match happening.operation.task {
        Task::Unpublish { version } => version == of,
        Task::UnpublishPackage => true,
        _ => false,
    }
}

fn is_refused(happening: &Happening) -> bool {
    matches!(happening.outcome, Outcome::Refused { .. })
}

fn check_published(
    told: &Told,
    version: &'static str,
    happenings: &[&Happening],
    sightings: &[Sighting<'_>],
) -> Option<Violation> {
    let EventKind::Published { integrity: published, .. } = &told.event.kind else { return None };
    let is_cause = |happening: &&&Happening| match happening.operation.task {
        Task::Publish { version: of, content, .. } => {
            of == version
                && happening.started < told.at
                && !is_refused(happening)
                && integrity(happening.operation.package, version, content) == *published
        }
        _ => false,
    };
    if happenings.iter().find(is_cause).is_none() {
        return Some(untrue(told, "no client published this, or its publish was rejected"));
    }
    let missing = sightings.iter().find(|sighting| {
        sighting.field == Field::Version(version)
            && sighting.by.started > told.at
            && sighting.value.is_none()
            && !happenings.iter().any(|happening| {
                unpublishes(happening, version)
                    && !is_refused(happening)
                    && happening.started < sighting.by.ended
            })
    })?;
    Some(untrue(told, &format!("later it was not there: {}", missing.by)))
}

fn check_unpublished(
    told: &Told,
    version: &'static str,
    happenings: &[&Happening],
    sightings: &[Sighting<'_>],
) -> Option<Violation> {
    let mut causes = happenings.iter().filter(|happening| unpublishes(happening, version));
    if !causes.any(|happening| happening.started < told.at && !is_refused(happening)) {
        return Some(untrue(told, "no client unpublished this, or its unpublish was rejected"));
    }
    let there = sightings.iter().find(|sighting| {
        sighting.field == Field::Version(version) && sighting.by.started > told.at && sighting.value.is_some()
    })?;
    Some(untrue(told, &format!("later it was still there: {}", there.by)))
}

/// Who goes away does not keep others from hearing of what they did, unless the replica crashed or the store failed.
fn is_concealed(
    version: &'static str,
    history: &History,
    happenings: &[&Happening],
    sightings: &[Sighting<'_>],
) -> Option<Violation> {
    let mut publishes = happenings.iter().filter(|happening| {
        matches!(happening.operation.task, Task::Publish { version: of, .. } if of == version)
            && !is_refused(happening)
    });
    let seen = sightings
        .iter()
        .find(|sighting| sighting.field == Field::Version(version) && sighting.value.is_some())?;
    (!publishes.any(|happening| history.crashed.contains(&happening.life))).then(|| {
        let evidence = format!("{version} was published, and no sink was told of it: {}", seen.by);
        broken(Promise::EventsAreTrue, evidence)
    })
}

/// Whether a change that was acknowledged was told of. A replica that crashed may not have come to it.
fn is_told(happening: &Happening, history: &History, told: &[&Told]) -> Option<Violation> {
    if !matches!(happening.outcome, Outcome::Changed(_)) || history.crashed.contains(&happening.life) {
        return None;
    }
    let by_it = told.iter().filter(|told| told.life == happening.life && told.at > happening.started);
    let is_told = match happening.operation.task {
        Task::Publish { version, .. } => by_it.into_iter().any(|told| tells_of_publish(told, version)),
        Task::Unpublish { version } => by_it.into_iter().any(|told| tells_of_unpublish(told, version)),
        _ => true,
    };
    (!is_told).then(|| broken(Promise::EventsAreTrue, format!("no sink was told of this: {happening}")))
}

fn untrue(told: &Told, why: &str) -> Violation {
    let Told { at, life, event } = told;
    let evidence = format!("[{at}] {life} told {:?}\n{why}", event.kind);
    broken(Promise::EventsAreTrue, evidence)
}
