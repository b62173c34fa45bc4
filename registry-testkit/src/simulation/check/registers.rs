use std::fmt::Write as _;

use super::super::history::Happening;
use super::super::outcome::Outcome;
use super::fields::{Field, Sighting, Writer, Written, fields, writers};
use super::{Promise, Violation, broken};

/// Each field is a register: a reader sees what was there before anything, or what an operation wrote that had begun
/// when the read ended, unless something else had certainly taken its place before the read began.
pub(super) fn check(happenings: &[&Happening], sightings: &[Sighting<'_>]) -> Vec<Violation> {
    let writers: Vec<_> = happenings.iter().flat_map(|happening| writers(happening)).collect();
    fields().filter_map(|field| Register::new(field, &writers, sightings).check()).collect()
}

struct Register<'a> {
    /// Those that had an effect, or may have had one.
    writers: Vec<&'a Writer<'a>>,
    refused: Vec<&'a Writer<'a>>,
    /// With the moment before which what was seen cannot have been written.
    seen: Vec<(&'a Sighting<'a>, u64)>,
}

impl<'a> Register<'a> {
    fn new(field: Field, writers: &'a [Writer<'a>], sightings: &'a [Sighting<'a>]) -> Self {
        let of_field = writers.iter().filter(|writer| writer.field == field);
        let (refused, writers) =
            of_field.partition(|writer| matches!(writer.by.outcome, Outcome::Refused { .. }));
        let mut register = Self { writers, refused, seen: Vec::new() };
        for sighting in sightings.iter().filter(|sighting| sighting.field == field) {
            let since = register.candidates(sighting).map(|(started, _)| started).min();
            register.seen.push((sighting, since.unwrap_or_default()));
        }
        register
    }

    fn check(&self) -> Option<Violation> {
        let (sighting, _) = self.seen.iter().find(|(sighting, _)| !self.may_see(sighting))?;
        Some(self.report(sighting))
    }

    /// From when until when each of those may have been written that would explain what was seen.
    fn candidates(&self, sighting: &Sighting<'_>) -> impl Iterator<Item = (u64, u64)> {
        let from_the_start = sighting.value.is_none().then_some((0, 0));
        let written = self.writers.iter().filter(|writer| {
            writer.by.started < sighting.by.ended
                && match &writer.written {
                    Written::Anything => true,
                    Written::To(value) => *value == sighting.value,
                }
        });
        from_the_start
            .into_iter()
            .chain(written.map(|writer| (writer.by.started, writer.by.effective_until())))
    }

    fn may_see(&self, sighting: &Sighting<'_>) -> bool {
        self.candidates(sighting).any(|(_, until)| {
            let replaced = self.writers.iter().any(|writer| {
                writer.is_certain && writer.by.started > until && writer.by.ended < sighting.by.started
            });
            let seen_replaced = self.seen.iter().any(|(other, since)| {
                *since > until && other.value != sighting.value && other.by.ended < sighting.by.started
            });
            !replaced && !seen_replaced
        })
    }

    fn report(&self, sighting: &Sighting<'_>) -> Violation {
        let wrote_it = |writer: &&&Writer<'_>| writer.written == Written::To(sighting.value.clone());
        let promise = if self.writers.iter().find(wrote_it).is_none()
            && self.refused.iter().any(|writer| wrote_it(&writer))
        {
            Promise::RefusedLeavesNothing
        } else {
            Promise::AcknowledgedIsVisible
        };
        let mut evidence =
            format!("a reader saw {sighting}, which it cannot be: {}\nwhat changes it:", sighting.by);
        for writer in self.writers.iter().chain(&self.refused) {
            // Writing to a string cannot fail.
            let _ = write!(evidence, "\n  {}", writer.by);
        }
        evidence.push_str("\nwhat others saw of it before:");
        for (other, _) in self.seen.iter().filter(|(other, _)| other.by.ended < sighting.by.started) {
            let Happening { started, ended, life, .. } = other.by;
            let _ = write!(evidence, "\n  {other}: [{started}..{ended}] {life}");
        }
        broken(promise, evidence)
    }
}
