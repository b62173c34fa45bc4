use std::fmt;

use crate::faulty::Dice;

/// Few of each, so that they meet.
pub(super) const PACKAGES: [&str; 2] = ["pear", "@acme/fig"];
pub(super) const VERSIONS: [&str; 5] = ["1.0.0", "1.1.0", "1.2.0", "2.0.0-beta.1", "2.0.0"];
pub(super) const TAGS: [&str; 2] = ["latest", "next"];
pub(super) const PEOPLE: [&str; 3] = ["ana", "ben", "eva"];
/// How many tarballs there are of each version, of which one can be published.
pub(super) const CONTENTS: usize = 2;
const MESSAGES: [&str; 3] = ["", "too old", "has a hole"];

/// What a user does with a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) package: &'static str,
    pub(super) person: &'static str,
    pub(super) task: Task,
}

/// What can be done with a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Publish { version: &'static str, content: usize, tag: &'static str },
    SetTag { tag: &'static str, version: &'static str },
    RemoveTag { tag: &'static str },
    Deprecate { version: &'static str, message: &'static str },
    Unpublish { version: &'static str },
    UnpublishPackage,
    AddOwner { person: &'static str },
    RemoveOwner { person: &'static str },
    ReadFull,
    ReadAbbreviated,
    ReadVersion { version: &'static str },
    ReadTag { tag: &'static str },
    ReadTarball { version: &'static str },
}

impl Operation {
    pub(super) fn random(dice: &mut Dice) -> Self {
        let package = if dice.chance(0.8) { PACKAGES[0] } else { PACKAGES[1] };
        // Mostly by the one who is likely to own it, so that most are not refused.
        let person = if dice.chance(0.85) { PEOPLE[0] } else { dice.pick(&PEOPLE[1..]) };
        Self { package, person, task: Task::random(dice) }
    }
}

impl Task {
    fn random(dice: &mut Dice) -> Self {
        let version = dice.pick(&VERSIONS);
        let tag = dice.pick(&TAGS);
        match dice.below(100) {
            0..30 => Self::Publish { version, content: dice.below(CONTENTS), tag },
            30..40 => Self::SetTag { tag, version },
            40..43 => Self::RemoveTag { tag },
            43..49 => Self::Deprecate { version, message: dice.pick(&MESSAGES) },
            49..55 => Self::Unpublish { version },
            55..57 => Self::UnpublishPackage,
            57..60 => Self::AddOwner { person: dice.pick(&PEOPLE) },
            60..62 => Self::RemoveOwner { person: dice.pick(&PEOPLE) },
            62..80 => Self::ReadFull,
            80..86 => Self::ReadAbbreviated,
            86..90 => Self::ReadVersion { version },
            90..93 => Self::ReadTag { tag },
            _ => Self::ReadTarball { version },
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { package, person, task } = self;
        match task {
            Task::Publish { version, content, tag } => {
                write!(formatter, "{person} publishes {package}@{version} (content {content}) as {tag}")
            }
            Task::SetTag { tag, version } => write!(formatter, "{person} tags {package}@{version} {tag}"),
            Task::RemoveTag { tag } => write!(formatter, "{person} removes the tag {tag} of {package}"),
            Task::Deprecate { version, message } => {
                write!(formatter, "{person} deprecates {package}@{version}: {message:?}")
            }
            Task::Unpublish { version } => write!(formatter, "{person} unpublishes {package}@{version}"),
            Task::UnpublishPackage => write!(formatter, "{person} unpublishes {package}"),
            Task::AddOwner { person: owner } => {
                write!(formatter, "{person} adds the owner {owner} to {package}")
            }
            Task::RemoveOwner { person: owner } => {
                write!(formatter, "{person} removes the owner {owner} of {package}")
            }
            Task::ReadFull => write!(formatter, "{person} reads {package}"),
            Task::ReadAbbreviated => write!(formatter, "{person} reads {package}, abbreviated"),
            Task::ReadVersion { version } => write!(formatter, "{person} reads {package}@{version}"),
            Task::ReadTag { tag } => write!(formatter, "{person} reads {package}@{tag}"),
            Task::ReadTarball { version } => {
                write!(formatter, "{person} reads the tarball of {package}@{version}")
            }
        }
    }
}
