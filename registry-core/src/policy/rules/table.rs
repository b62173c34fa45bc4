use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer};

use crate::advisories::AdvisorySeverity;
use crate::vocabulary::{PackagePattern, PatternError, VersionSelector};

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
    #[serde(default)]
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
    /// What happens to versions with install scripts.
    #[serde(default)]
    pub install_scripts: InstallScripts,
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
            install_scripts: InstallScripts::default(),
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
        Ok(Self { number, pattern, table: table.clone() })
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
