use serde::Deserialize;
use toml::Spanned;

use crate::care::{RetentionRule, RetentionRuleError, RetentionRules};
use crate::domain::retention::Keep;

use super::DownloadsSection;

/// `[[retain]]`: what packages keep when old versions are removed, in the order of evaluation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct RetentionTables(Vec<Spanned<RetentionTable>>);

/// A rule of retention.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionTable {
    /// The pattern of packages, as in access rules.
    #[serde(rename = "match")]
    pub pattern: String,
    /// How many of the highest releases stay; without it, all.
    pub releases: Option<u32>,
    /// How many of the latest prereleases of each channel stay; without it, all.
    pub prereleases: Option<u32>,
    /// For how many days after its publishing a version stays.
    #[serde(default = "published_days")]
    pub published_days: u32,
    /// For how many days after its last download a version stays; without it, downloads keep nothing.
    pub downloaded_days: Option<u32>,
}

/// Why a rule cannot do what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableRetention {
    /// The rule alone is wrong.
    #[error(transparent)]
    Rule(#[from] RetentionRuleError),
    /// Downloads are not counted.
    #[error(
        "[[retain]] (match = {pattern:?}): downloaded_days needs counts of downloads, and [downloads] enabled = false: \
         remove one of them"
    )]
    NotCounted {
        /// The text of the pattern.
        pattern: String,
    },
    /// Counts are not kept for long enough, so that no version would ever go.
    #[error(
        "[[retain]] (match = {pattern:?}): downloaded_days = {days} needs counts of {needed} days, and [downloads] keep_days is \
         {kept}: set keep_days to {needed} or more"
    )]
    NotKept {
        /// The text of the pattern.
        pattern: String,
        /// What the rule says.
        days: u32,
        /// What it needs.
        needed: u32,
        /// What is kept.
        kept: u32,
    },
}

fn published_days() -> u32 {
    Keep::default().published_days
}

impl RetentionTable {
    /// Converts the table to a rule of the library.
    pub fn to_rule(&self) -> RetentionRule {
        let Self { pattern, releases, prereleases, published_days, downloaded_days } = self;
        let (releases, prereleases) = (*releases, *prereleases);
        let (published_days, downloaded_days) = (*published_days, *downloaded_days);
        let keep = Keep { releases, prereleases, published_days, downloaded_days };
        RetentionRule { pattern: pattern.clone(), keep }
    }

    /// Rejects a rule that cannot do what it says, with these counts of downloads. `number` is its place, from 1.
    pub fn check(&self, number: usize, downloads: &DownloadsSection) -> Result<(), UnusableRetention> {
        RetentionRules::check_rule(&self.to_rule(), number)?;
        self.check_counts(downloads)
    }

    fn check_counts(&self, downloads: &DownloadsSection) -> Result<(), UnusableRetention> {
        let Some(days) = self.downloaded_days else { return Ok(()) };
        let pattern = self.pattern.clone();
        if !downloads.enabled {
            return Err(UnusableRetention::NotCounted { pattern });
        }
        // The last `days` times 24 hours are in one more day, and the day before all of them must have been counted.
        let (needed, kept) = (days.saturating_add(2), downloads.keep_days.get());
        if needed <= kept { Ok(()) } else { Err(UnusableRetention::NotKept { pattern, days, needed, kept }) }
    }
}

impl RetentionTables {
    /// Compiles the rules.
    pub fn compile(&self) -> Result<RetentionRules, RetentionRuleError> {
        let rules: Vec<_> = self.0.iter().map(|table| table.get_ref().to_rule()).collect();
        RetentionRules::compile(&rules)
    }

    /// Returns the rules that cannot be used, each with its position in the text.
    pub(super) fn wrong(
        &self,
        downloads: &DownloadsSection,
    ) -> impl Iterator<Item = (usize, UnusableRetention)> {
        self.0.iter().zip(1..).filter_map(move |(table, number)| {
            Some((table.span().start, table.get_ref().check(number, downloads).err()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    fn check(text: &str) -> Result<RetentionTables, String> {
        Settings::from_toml(text).map(|settings| settings.retain).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_rule_keeps_what_was_published_in_the_last_week_unless_it_says_otherwise() {
        let tables = check("[[retain]]\nmatch = \"@acme/*\"\nreleases = 3\ndownloaded_days = 90\n").unwrap();
        let rule = tables.0[0].get_ref().to_rule();
        let keep =
            Keep { releases: Some(3), prereleases: None, published_days: 7, downloaded_days: Some(90) };
        assert_eq!(rule, RetentionRule { pattern: "@acme/*".into(), keep });
        assert!(!tables.compile().unwrap().is_empty());
    }

    #[test]
    fn a_rule_that_cannot_do_what_it_says_is_told_with_its_line() {
        let rule = "\n[[retain]]\nmatch = \"**\"\n";
        for (text, parts) in [
            (rule.to_owned(), ["line 2", "limits nothing", "`releases`"]),
            (
                "[[retain]]\nmatch = \"!x\"\nreleases = 1".to_owned(),
                ["line 1", "retention rule 1", "begins with `!`"],
            ),
            (format!("{rule}releases = -1"), ["line 4", "releases", "a whole number"]),
            (format!("{rule}release = 1"), ["line 4", "release", "releases"]),
            (
                format!("{rule}releases = 1\ndownloaded_days = 549"),
                ["line 2", "needs counts of 551 days", "keep_days"],
            ),
            (
                format!("{rule}releases = 1\ndownloaded_days = 1\n[downloads]\nenabled = false"),
                ["line 2", "downloaded_days", "[downloads] enabled = false"],
            ),
        ] {
            let refused = check(&text).unwrap_err();
            for part in parts {
                assert!(refused.contains(part), "no {part} in {refused}");
            }
        }
        check(&format!("{rule}releases = 1\ndownloaded_days = 548")).unwrap();
    }
}
