use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::advisories::AdvisorySeverity;
use crate::policy::{
    BlockListSettings, PolicyRuleError, PolicyRules, PolicyTable, RecallSettings, RecallingAdvisories,
    UnreadableBlockList, WithdrawnVersions,
};

use super::{MAIN_UPSTREAM, SettingsError, Upstreams};

/// `[[policy]]`: which versions may be used, in the order of evaluation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct PolicyTables(Vec<Spanned<PolicyTable>>);

/// Compares what is written, wherever it stands in the file.
impl PartialEq for PolicyTables {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().map(Spanned::get_ref).eq(other.0.iter().map(Spanned::get_ref))
    }
}

impl PolicyTables {
    /// Whether there are no tables.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the `[[policy]]` tables of a file that has nothing else. Relative paths in it begin at its folder.
    pub fn read(file: &Path) -> Result<Self, SettingsError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct PolicyFile {
            policy: PolicyTables,
        }
        let wrong = |problem: String| SettingsError::of(format!("{}: {problem}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
        let PolicyFile { policy: mut tables } =
            toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let folder = file.parent().unwrap_or(Path::new(""));
        tables.files_mut().for_each(|path| *path = folder.join(&*path));
        Ok(tables)
    }

    /// Returns the paths of all files.
    pub(super) fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let tables = self.0.iter_mut().map(Spanned::get_mut);
        tables.flat_map(|table| table.block_file.iter_mut().chain(&mut table.allow_file))
    }

    /// Returns the invalid tables, each with its position in the text.
    pub(super) fn wrong(&self, upstreams: &Upstreams) -> impl Iterator<Item = (usize, PolicyRuleError)> {
        self.0.iter().zip(1..).filter_map(move |(table, number)| {
            let wrong = check(table.get_ref(), number, upstreams).err()?;
            Some((table.span().start, wrong))
        })
    }

    /// Compiles the tables.
    pub fn compile(&self, upstreams: &Upstreams) -> Result<PolicyRules, PolicyRuleError> {
        let tables: Vec<_> = self.0.iter().map(|table| table.get_ref().clone()).collect();
        tables.iter().zip(1..).try_for_each(|(table, number)| check(table, number, upstreams))?;
        PolicyRules::compile(&tables)
    }
}

fn check(table: &PolicyTable, number: usize, upstreams: &Upstreams) -> Result<(), PolicyRuleError> {
    PolicyRules::check_table(table, number)?;
    // A frontend adds an upstream of this name where the settings have none.
    let is_known =
        |origin: &String| upstreams.contains_key(origin) || (upstreams.is_empty() && origin == MAIN_UPSTREAM);
    match table.origin.iter().find(|origin| *origin != "hosted" && !is_known(origin)) {
        None => Ok(()),
        Some(unknown) => {
            let known = std::iter::once("hosted").chain(upstreams.keys().map(String::as_str));
            let known: Vec<_> = known.map(|name| format!("{name:?}")).collect();
            Err(PolicyRuleError::Origin { number, origin: unknown.clone(), known: known.join(" or ") })
        }
    }
}

/// `[block_list]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlockListSection {
    /// Whether the registry reads the list of versions that administrators block at run time.
    pub enabled: bool,
    /// How long the list is used without reading it again.
    pub seconds: u32,
    /// What happens to reads of packages while it cannot be read.
    pub unreadable: UnreadableList,
}

/// What happens to reads of packages while the list of blocked versions cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnreadableList {
    /// They fail, since a version that they serve may be blocked.
    #[default]
    Refuse,
    /// They use the list as it was read last.
    LastKnown,
}

impl Default for BlockListSection {
    fn default() -> Self {
        Self { enabled: true, seconds: 5, unreadable: UnreadableList::Refuse }
    }
}

impl BlockListSection {
    /// Converts the section to the library's settings; `None` if no list is read.
    pub(crate) fn to_settings(&self) -> Option<BlockListSettings> {
        self.enabled.then(|| BlockListSettings {
            cached_for: Duration::from_secs(self.seconds.into()),
            unreadable: match self.unreadable {
                UnreadableList::Refuse => UnreadableBlockList::Refuse,
                UnreadableList::LastKnown => UnreadableBlockList::LastKnown,
            },
        })
    }
}

/// `[recall]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecallSection {
    /// What happens to versions that an upstream listed, and does not any more.
    pub withdrawn: Withdrawn,
    /// Which new advisories recall the versions that they name.
    pub advisories: RecallingSeverity,
}

/// Which new advisories recall the versions that they name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecallingSeverity {
    /// None.
    #[default]
    Off,
    /// Those about malware.
    Malware,
    /// Those that are critical, and malware.
    Critical,
    /// Those that are high and above, and malware.
    High,
    /// Those that are moderate and above, and malware.
    Moderate,
    /// All.
    Low,
}

/// What happens to a version that an upstream listed, and does not any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Withdrawn {
    /// It is not served for as long as the upstream does not list it.
    #[default]
    Unlist,
    /// It is recalled.
    Recall,
}

impl RecallSection {
    /// Converts the section to the library's settings.
    pub(crate) fn to_settings(&self) -> RecallSettings {
        let withdrawn = match self.withdrawn {
            Withdrawn::Unlist => WithdrawnVersions::Unlist,
            Withdrawn::Recall => WithdrawnVersions::Recall,
        };
        let advisories = match self.advisories {
            RecallingSeverity::Off => RecallingAdvisories::None,
            RecallingSeverity::Malware => RecallingAdvisories::Malware,
            RecallingSeverity::Critical => RecallingAdvisories::From(AdvisorySeverity::Critical),
            RecallingSeverity::High => RecallingAdvisories::From(AdvisorySeverity::High),
            RecallingSeverity::Moderate => RecallingAdvisories::From(AdvisorySeverity::Moderate),
            RecallingSeverity::Low => RecallingAdvisories::From(AdvisorySeverity::Low),
        };
        RecallSettings::default().withdrawn(withdrawn).advisories(advisories)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_library() {
        assert_eq!(BlockListSection::default().to_settings(), Some(BlockListSettings::default()));
        let off = Settings::from_toml("[block_list]\nenabled = false").unwrap();
        assert_eq!(off.block_list.to_settings(), None);
        assert!(off.policy.is_empty(), "no policy by default");
    }

    #[test]
    fn every_key_of_a_table_is_read() {
        let settings = Settings::from_toml(
            "[upstreams.npm]\nurl = \"https://registry.example\"\n[[policy]]\nmatch = \"**\"\norigin = [\"npm\"]\n\
             minimum_age = \"7 days\"\nexempt = [\"@acme/*\", \"pear@1.2.x\"]\nfreeze = \"2026-11-01T00:00:00Z\"\n\
             block = [\"pear@>=1.0.0 <1.2.0\", \"fig\"]\nallow = [\"**\"]\ninstall_scripts = \"refuse\"\n\
             unreadable_file = \"last-known\"\nprovenance = \"required\"\ntrust = \"no-downgrade\"\n\
             licenses = [\"MIT\"]\nunknown_time = \"allow\"\ncontact = \"ask #security\"\n",
        );
        let settings = settings.unwrap();
        assert!(settings.policy.compile(&settings.upstreams).is_ok());
        assert_eq!(settings.policy, settings.policy.clone());
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (table, said) in [
            ("minimum_age = \"soon\"", "\"7 days\""),
            ("block = [\"pear@new\"]", "is not a range"),
            ("exempt = [\"a b\"]", "holds ' '"),
            ("install_scripts = \"no\"", "\"allow\" or \"refuse\""),
            ("freeze = \"tomorrow\"", "write one in UTC such as"),
            ("freeze = 2026-11-01", "in quotes"),
            ("origin = [\"elsewhere\"]", "write \"hosted\""),
            ("licences = [\"MIT\"]", "did you mean `licenses`?"),
            ("allow = []", "would refuse every version"),
        ] {
            let text = format!("\n[[policy]]\nmatch = \"**\"\n{table}\n");
            let error = format!("{:#}", Settings::from_toml(&text).unwrap_err());
            assert!(error.contains(said) && error.contains("line "), "{table}: {error}");
        }
    }
}
