use std::fmt;

use super::super::client::integrity;
use super::super::history::Happening;
use super::super::operation::{PEOPLE, TAGS, Task, VERSIONS};
use super::super::outcome::{Outcome, PackageState, Seen, VersionState, short};

/// A part of a package that has a value of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// Its value is the integrity.
    Version(&'static str),
    /// Its value is the message.
    Deprecation(&'static str),
    /// Its value is a version.
    Tag(&'static str),
    /// Its value is the person, where they own the package.
    Owner(&'static str),
}

/// Every field there is.
pub(super) fn fields() -> impl Iterator<Item = Field> {
    let versions = VERSIONS.iter().flat_map(|version| [Field::Version(version), Field::Deprecation(version)]);
    versions.chain(TAGS.map(Field::Tag)).chain(PEOPLE.map(Field::Owner))
}

/// What a field was changed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    To(Option<String>),
    /// As the other fields were at that time.
    Anything,
}

/// A change of a field by an operation.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) by: &'a Happening,
    pub(super) field: Field,
    pub(super) written: Written,
    /// Whether the field had that value for certain when the operation had its effect.
    pub(super) is_certain: bool,
}

/// What a reader saw of a field.
#[derive(Debug)]
pub(super) struct Sighting<'a> {
    pub(super) by: &'a Happening,
    pub(super) field: Field,
    pub(super) value: Option<String>,
}

/// What an operation changes, whether it did or not.
pub(super) fn writers(by: &Happening) -> Vec<Writer<'_>> {
    let is_done = matches!(by.outcome, Outcome::Changed(_));
    let mut writers = Vec::new();
    let mut write = |field, written, is_certain| {
        writers.push(Writer { by, field, written, is_certain: is_certain && is_done });
    };
    let to = |value: &str| Written::To(Some(value.to_owned()));
    let operation = by.operation;
    match operation.task {
        Task::Publish { version, content, tag } => {
            write(Field::Version(version), to(&integrity(operation.package, version, content)), true);
            write(Field::Deprecation(version), Written::To(None), true);
            write(Field::Tag(tag), to(version), true);
            // Where there is no latest, the new version is.
            write(Field::Tag("latest"), to(version), false);
            write(Field::Owner(operation.person), to(operation.person), true);
        }
        Task::SetTag { tag, version } => write(Field::Tag(tag), to(version), true),
        Task::RemoveTag { tag } => write(Field::Tag(tag), Written::To(None), true),
        Task::Deprecate { version, message } => {
            let message = Some(message.to_owned()).filter(|message| !message.is_empty());
            write(Field::Deprecation(version), Written::To(message), true);
        }
        Task::Unpublish { version } => {
            write(Field::Version(version), Written::To(None), true);
            for tag in TAGS {
                write(Field::Tag(tag), Written::To(None), false);
            }
            write(Field::Tag("latest"), Written::Anything, false);
        }
        Task::UnpublishPackage => {
            for version in VERSIONS {
                write(Field::Version(version), Written::To(None), true);
            }
            for tag in TAGS {
                write(Field::Tag(tag), Written::To(None), true);
            }
        }
        Task::AddOwner { person } => write(Field::Owner(person), to(person), true),
        Task::RemoveOwner { person } => write(Field::Owner(person), Written::To(None), true),
        Task::ReadFull
        | Task::ReadAbbreviated
        | Task::ReadVersion { .. }
        | Task::ReadTag { .. }
        | Task::ReadTarball { .. } => {}
    }
    writers
}

/// What readers saw, field by field.
pub(super) fn sightings<'a>(happenings: &[&'a Happening]) -> Vec<Sighting<'a>> {
    let mut sightings = Vec::new();
    for by in happenings {
        let mut see = |field, value| sightings.push(Sighting { by, field, value });
        match (&by.outcome, by.operation.task) {
            (Outcome::Saw(Seen::Package(None)), _) => {
                for version in VERSIONS {
                    see(Field::Version(version), None);
                }
            }
            (Outcome::Saw(Seen::Package(Some(state))), _) => see_package(state, &mut see),
            (Outcome::Saw(Seen::Version { state, .. }), Task::ReadVersion { version }) => {
                see_version(version, state.as_ref(), &mut see);
            }
            (Outcome::Saw(Seen::Version { version, state }), Task::ReadTag { tag }) => {
                see(Field::Tag(tag), version.clone());
                let known = VERSIONS.into_iter().find(|known| version.as_deref() == Some(*known));
                if let Some(version) = known {
                    see_version(version, state.as_ref(), &mut see);
                }
            }
            (Outcome::Saw(Seen::Tarball(integrity)), Task::ReadTarball { version }) => {
                see(Field::Version(version), integrity.clone());
            }
            _ => {}
        }
    }
    sightings
}

fn see_package(state: &PackageState, see: &mut impl FnMut(Field, Option<String>)) {
    for version in VERSIONS {
        see_version(version, state.versions.get(version), see);
    }
    for tag in TAGS {
        see(Field::Tag(tag), state.tags.get(tag).cloned());
    }
    if let Some(owners) = &state.owners {
        for person in PEOPLE {
            see(Field::Owner(person), owners.get(person).cloned());
        }
    }
}

fn see_version(
    version: &'static str,
    state: Option<&VersionState>,
    see: &mut impl FnMut(Field, Option<String>),
) {
    see(Field::Version(version), state.map(|state| state.integrity.clone()));
    if let Some(state) = state {
        see(Field::Deprecation(version), state.deprecated.clone());
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(formatter, "version {version}"),
            Self::Deprecation(version) => write!(formatter, "the deprecation of {version}"),
            Self::Tag(tag) => write!(formatter, "the tag {tag}"),
            Self::Owner(person) => write!(formatter, "the owner {person}"),
        }
    }
}

impl fmt::Display for Sighting<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(formatter, "{} as {}", self.field, short(value)),
            None => write!(formatter, "{} as absent", self.field),
        }
    }
}
