use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

/// Why a version stays. Displays as a few words, such as `tagged latest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KeepReason {
    /// A dist-tag names it.
    Tagged {
        /// The tag.
        tag: String,
    },
    /// It is the highest version, which `latest` would move to, and nothing else keeps it.
    Highest,
    /// It is one of the highest releases.
    HighRelease {
        /// Its place among the releases, from 1.
        place: usize,
    },
    /// It is one of the latest prereleases of its channel.
    LatePrerelease {
        /// The channel; empty for prereleases such as `1.0.0-3`.
        channel: String,
        /// Its place in the channel, from 1.
        place: usize,
    },
    /// The rule limits no releases.
    ReleasesUnlimited,
    /// The rule limits no prereleases.
    PrereleasesUnlimited,
    /// It was published lately.
    Published {
        /// When.
        at: DateTime<Utc>,
    },
    /// It was imported lately, so no user could need it here for longer.
    Imported {
        /// When.
        at: DateTime<Utc>,
    },
    /// When it was published is not known.
    UnknownPublishTime,
    /// It was downloaded lately.
    Downloaded {
        /// The last day.
        day: NaiveDate,
    },
    /// Downloads were not counted for as long as the rule asks for, so it may have been downloaded.
    NotCounted {
        /// The first day from which on they were; `None` if none was counted lately.
        since: Option<NaiveDate>,
    },
    /// It is no SemVer version, as only buckets of codebox-npm have them.
    NotAVersion,
}

impl fmt::Display for KeepReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tagged { tag } => write!(formatter, "tagged {tag}"),
            Self::Highest => formatter.write_str("highest version"),
            Self::HighRelease { place } => write!(formatter, "release {place} from the top"),
            Self::LatePrerelease { channel, place } if channel.is_empty() => {
                write!(formatter, "prerelease {place} from the latest")
            }
            Self::LatePrerelease { channel, place } => write!(formatter, "{channel} {place} from the latest"),
            Self::ReleasesUnlimited => formatter.write_str("the rule limits no releases"),
            Self::PrereleasesUnlimited => formatter.write_str("the rule limits no prereleases"),
            Self::Published { at } => write!(formatter, "published on {}", at.date_naive()),
            Self::Imported { at } => write!(formatter, "imported on {}", at.date_naive()),
            Self::UnknownPublishTime => formatter.write_str("time of publishing unknown"),
            Self::Downloaded { day } => write!(formatter, "downloaded on {day}"),
            Self::NotCounted { since: Some(since) } => {
                write!(formatter, "downloads counted since {since} only")
            }
            Self::NotCounted { since: None } => formatter.write_str("no downloads counted lately"),
            Self::NotAVersion => formatter.write_str("not a version"),
        }
    }
}
