use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

use crate::advisories::AdvisorySeverity;
use crate::domain::shorten::shorten;
use crate::vocabulary::{PackagePattern, PatternError, VersionSelector};

use super::RuleFiles;
use super::selector_file::SelectorFile;

/// One `[[policy]]` table of `registry.toml`. The first table that matches a package and its origin decides about it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PolicyTable {
    /// The packages, as a pattern of access rules.
    #[serde(rename = "match")]
    pub pattern: String,
    /// The origins that it is for: `hosted`, and names of upstreams. Empty for all.
    #[serde(default)]
    pub origin: Vec<String>,
    /// How long ago a version must have been published, such as `7 days`.
    #[serde(default, deserialize_with = "age")]
    pub minimum_age: Option<TimeDelta>,
    /// The time after which no published version is served.
    #[serde(default, deserialize_with = "moment")]
    pub freeze: Option<DateTime<Utc>>,
    /// What happens to a version without a publish time where `minimum_age` or `freeze` needs one.
    #[serde(default)]
    pub unknown_time: UnknownTime,
    /// Versions to which `minimum_age` and `freeze` do not apply.
    #[serde(default)]
    pub exempt: Vec<VersionSelector>,
    /// Versions that are refused. Prereleases between the bounds of a range are included.
    #[serde(default)]
    pub block: Vec<VersionSelector>,
    /// The only versions that are served; `None` for all.
    #[serde(default)]
    pub allow: Option<Vec<VersionSelector>>,
    /// A file with further versions that are refused, one `NAME@RANGE` in a line, and behind two spaces the reason.
    #[serde(default)]
    pub block_file: Option<PathBuf>,
    /// A file with the only versions that are served, besides those of `allow`.
    #[serde(default)]
    pub allow_file: Option<PathBuf>,
    /// What happens to packages that the table is for while one of the files cannot be used.
    #[serde(default)]
    pub unreadable_file: UnreadableFile,
    /// What happens to versions with install scripts.
    #[serde(default)]
    pub install_scripts: InstallScripts,
    /// Whether a version needs attestations of its provenance.
    #[serde(default)]
    pub provenance: ProvenanceRule,
    /// What happens to a version that proves less of its origin than an earlier one.
    #[serde(default)]
    pub trust: TrustRule,
    /// The licenses that are served, as SPDX ids; `None` for all. A version without a known license is refused.
    #[serde(default)]
    pub licenses: Option<Vec<String>>,
    /// The severity from which on an advisory refuses the versions that it names, malware included; `None` for no advisory.
    #[serde(default)]
    pub advisories: Option<AdvisorySeverity>,
    /// How to ask for an exception, as a sentence without its period; `None` for the usual advice.
    #[serde(default)]
    pub contact: Option<String>,
}

/// What happens to a version without a publish time where a rule needs one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum UnknownTime {
    /// It is refused.
    #[default]
    Refuse,
    /// It is served.
    Allow,
}

/// What happens while a file of versions cannot be read, or has a line that is not one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UnreadableFile {
    /// Reads of the packages fail, since a version that they serve may be in the file.
    #[default]
    Refuse,
    /// The entries that were read last count.
    LastKnown,
}

/// Whether a version needs attestations of its provenance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ProvenanceRule {
    /// It needs none.
    #[default]
    Optional,
    /// It is refused without.
    Required,
}

/// What happens to a version that proves less of its origin than an earlier one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TrustRule {
    /// It is served.
    #[default]
    Any,
    /// It is refused.
    NoDowngrade,
}

/// What happens to versions with install scripts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum InstallScripts {
    /// They are served.
    #[default]
    Allow,
    /// They are refused.
    Refuse,
}

/// Why a table is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyRuleError {
    /// The pattern is invalid.
    #[error("policy {number}: match = {pattern:?} {problem}")]
    Pattern {
        /// The number of the table, counted from 1.
        number: usize,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        problem: PatternError,
    },
    /// A list is there and empty.
    #[error(
        "policy {number}: {field} = [] would refuse every version: write what is served, or remove the line"
    )]
    Nothing {
        /// The number of the table, counted from 1.
        number: usize,
        /// The list.
        field: &'static str,
    },
    /// Exemptions from nothing.
    #[error(
        "policy {number}: exempt is for minimum_age and freeze, and the table has neither: remove the line, or write an \
         earlier table for these packages"
    )]
    ExemptFromNothing {
        /// The number of the table, counted from 1.
        number: usize,
    },
    /// A text that is not one line.
    #[error("policy {number}: contact must be one line of at most 200 bytes")]
    Contact {
        /// The number of the table, counted from 1.
        number: usize,
    },
    /// A file of versions that cannot be used.
    #[error("policy {number}: {field} = {path:?} cannot be used: {problem}")]
    File {
        /// The number of the table, counted from 1.
        number: usize,
        /// The key that names the file.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// An origin that no package has.
    #[error("policy {number}: origin = [{origin:?}] is neither \"hosted\" nor an upstream: write {known}")]
    Origin {
        /// The number of the table, counted from 1.
        number: usize,
        /// The origin.
        origin: String,
        /// What to write.
        known: String,
    },
}

impl PolicyTable {
    /// A table for packages that match `pattern`, which refuses nothing yet.
    pub fn new(pattern: &str) -> Self {
        Self {
            pattern: pattern.to_owned(),
            origin: Vec::new(),
            minimum_age: None,
            freeze: None,
            unknown_time: UnknownTime::default(),
            exempt: Vec::new(),
            block: Vec::new(),
            allow: None,
            block_file: None,
            allow_file: None,
            unreadable_file: UnreadableFile::default(),
            install_scripts: InstallScripts::default(),
            provenance: ProvenanceRule::default(),
            trust: TrustRule::default(),
            licenses: None,
            advisories: None,
            contact: None,
        }
    }
}

impl super::Rule {
    pub(super) fn compile(table: &PolicyTable, number: usize) -> Result<Self, PolicyRuleError> {
        let pattern = PackagePattern::parse(&table.pattern).map_err(|problem| PolicyRuleError::Pattern {
            number,
            pattern: table.pattern.clone(),
            problem,
        })?;
        if table.allow.as_ref().is_some_and(Vec::is_empty) {
            return Err(PolicyRuleError::Nothing { number, field: "allow" });
        }
        if table.licenses.as_ref().is_some_and(Vec::is_empty) {
            return Err(PolicyRuleError::Nothing { number, field: "licenses" });
        }
        if !table.exempt.is_empty() && table.minimum_age.is_none() && table.freeze.is_none() {
            return Err(PolicyRuleError::ExemptFromNothing { number });
        }
        let is_one_line = |text: &String| text.len() <= 200 && !text.chars().any(char::is_control);
        if table.contact.as_ref().is_some_and(|contact| !is_one_line(contact)) {
            return Err(PolicyRuleError::Contact { number });
        }
        Ok(Self { number, pattern, table: table.clone(), files: RuleFiles::default() })
    }

    /// Reads the files of the table.
    pub(super) fn open_files(&mut self) -> Result<(), PolicyRuleError> {
        let number = self.number;
        let open = |field, path: &Option<PathBuf>| {
            let Some(path) = path else { return Ok(None) };
            let opened = SelectorFile::open(path).map(|file| Some(Arc::new(file)));
            opened.map_err(|problem| PolicyRuleError::File { number, field, path: path.clone(), problem })
        };
        let block = open("block_file", &self.table.block_file)?;
        let allow = open("allow_file", &self.table.allow_file)?;
        self.files = RuleFiles { block, allow };
        Ok(())
    }
}

/// Reads a time, or a day, which is its beginning in UTC.
fn moment<'de, Source: Deserializer<'de>>(source: Source) -> Result<Option<DateTime<Utc>>, Source::Error> {
    source.deserialize_str(Moment).map(Some)
}

struct Moment;

impl Visitor<'_> for Moment {
    type Value = DateTime<Utc>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a time in quotes, such as \"2026-11-01T00:00:00Z\"")
    }

    fn visit_str<Failure: serde::de::Error>(self, text: &str) -> Result<Self::Value, Failure> {
        let day = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|midnight| midnight.and_utc());
        text.parse().ok().or_else(day).ok_or_else(|| {
            Failure::custom(format!(
                "`{}` is not a time; write one in UTC such as \"2026-11-01T00:00:00Z\", or a day such as \"2026-11-01\"",
                shorten(text)
            ))
        })
    }
}

/// The units of a time span, and their seconds.
const UNITS: [(&str, i64); 5] =
    [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400), ("week", 604_800)];

/// Reads `7 days`, `36 hours` or `1 week`.
fn age<'de, Source: Deserializer<'de>>(source: Source) -> Result<Option<TimeDelta>, Source::Error> {
    let text = String::deserialize(source)?;
    let parsed = text.trim().split_once(' ').and_then(|(number, unit)| {
        let number: u32 = number.parse().ok()?;
        let unit = unit.trim();
        let is_unit = |name: &str| unit == name || unit.strip_suffix('s') == Some(name);
        let (_, seconds) = UNITS.iter().find(|(name, _)| is_unit(name))?;
        TimeDelta::try_seconds(i64::from(number).checked_mul(*seconds)?)
    });
    let parsed = parsed.filter(|age| *age > TimeDelta::zero() && *age <= TimeDelta::days(36_500));
    parsed.map(Some).ok_or_else(|| {
        serde::de::Error::custom(format!(
            "`{text}` is not a time span; write one such as \"7 days\" or \"36 hours\""
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_span_is_a_number_and_a_unit() {
        let read = |text: &str| {
            let json = serde_json::json!({ "match": "**", "minimum_age": text });
            serde_json::from_value::<PolicyTable>(json).map(|table| table.minimum_age.unwrap())
        };
        for (text, seconds) in
            [("7 days", 604_800), ("1 week", 604_800), ("36 hours", 129_600), ("90 minutes", 5400)]
        {
            assert_eq!(read(text).unwrap(), TimeDelta::seconds(seconds), "{text}");
        }
        for text in ["7", "days", "-1 days", "0 days", "7 moons", "7days", "9999999 weeks", ""] {
            assert!(read(text).unwrap_err().to_string().contains("\"7 days\""), "{text}");
        }
    }

    #[test]
    fn a_freeze_is_a_time_or_a_day() {
        let read = |text: &str| {
            let json = serde_json::json!({ "match": "**", "freeze": text });
            serde_json::from_value::<PolicyTable>(json).map(|table| table.freeze.unwrap())
        };
        for (text, expected) in
            [("2026-11-01T02:00:00+02:00", "2026-11-01T00:00:00Z"), ("2026-11-01", "2026-11-01T00:00:00Z")]
        {
            assert_eq!(read(text).unwrap(), expected.parse::<DateTime<Utc>>().unwrap(), "{text}");
        }
        for text in ["tomorrow", "2026-11-31", "1 November", ""] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("is not a time") && error.contains("2026-11-01T00:00:00Z"), "{error}");
        }
    }

    #[test]
    fn a_table_that_could_only_be_a_mistake_is_refused() {
        let table = || PolicyTable::new("**");
        let nothing = PolicyTable { allow: Some(Vec::new()), ..table() };
        let unlicensed = PolicyTable { licenses: Some(Vec::new()), ..table() };
        let exempt = PolicyTable { exempt: vec!["fig".parse().unwrap()], ..table() };
        let contact = PolicyTable { contact: Some("a\nb".into()), ..table() };
        for (table, said) in [
            (PolicyTable::new("[["), "policy 3: match"),
            (nothing, "allow = []"),
            (unlicensed, "licenses = []"),
            (exempt, "exempt is for"),
            (contact, "contact must"),
        ] {
            let error = super::super::PolicyRules::check_table(&table, 3).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert_eq!(super::super::PolicyRules::check_table(&table(), 1), Ok(()));
    }
}
