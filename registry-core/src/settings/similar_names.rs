use std::path::PathBuf;

use serde::Deserialize;

use crate::domain::PackageName;
use crate::policy::{SimilarNameSettings, SimilarNamesAction};
use crate::vocabulary::PackagePattern;

use super::SettingsError;

/// `[similar_names]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimilarNamesSection {
    /// What happens when a package is asked for or published for the first time whose name looks like another.
    pub check: SimilarNamesCheck,
    /// A file with names that are used much, one in a line, in place of those that the registry ships.
    pub popular_file: Option<PathBuf>,
    /// Patterns of names that are not checked.
    pub allow: Vec<PackagePattern>,
}

/// What happens when a package is new whose name looks like another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SimilarNamesCheck {
    /// Names are not compared.
    #[default]
    Off,
    /// It is told.
    Warn,
    /// The package is refused.
    Refuse,
}

impl SimilarNamesSection {
    /// Converts the section to the library's settings, and reads the file; `None` if names are not compared.
    pub(crate) fn to_settings(&self) -> Result<Option<SimilarNameSettings>, SettingsError> {
        let action = match self.check {
            SimilarNamesCheck::Off => return Ok(None),
            SimilarNamesCheck::Warn => SimilarNamesAction::Warn,
            SimilarNamesCheck::Refuse => SimilarNamesAction::Refuse,
        };
        let mut settings = SimilarNameSettings::new(action);
        settings.allow.clone_from(&self.allow);
        if self.popular_file.is_none() {
            settings = settings.with_shipped_names();
        }
        if let Some(file) = &self.popular_file {
            let wrong = |problem: String| {
                SettingsError::of(format!("[similar_names] popular_file = {}: {problem}", file.display()))
            };
            let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
            let lines = text.lines().map(str::trim).zip(1..);
            let names = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
            let names = names.map(|(line, number)| {
                PackageName::parse(line).map_err(|error| wrong(format!("line {number}: {error}")))
            });
            settings.popular = names.collect::<Result<_, _>>()?;
        }
        Ok(Some(settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_names_is_read() {
        let file = std::env::temp_dir().join(format!("popular-{}", std::process::id()));
        let section =
            |check| SimilarNamesSection { check, popular_file: Some(file.clone()), allow: Vec::new() };
        assert!(section(SimilarNamesCheck::Off).to_settings().unwrap().is_none());
        assert!(section(SimilarNamesCheck::Warn).to_settings().is_err(), "there is no such file");
        std::fs::write(&file, "# names\n\nlodash\n@acme/pear\n").unwrap();
        let settings = section(SimilarNamesCheck::Refuse).to_settings().unwrap().unwrap();
        assert_eq!((settings.action, settings.popular.len()), (SimilarNamesAction::Refuse, 2));
        let shipped =
            SimilarNamesSection { check: SimilarNamesCheck::Warn, ..SimilarNamesSection::default() };
        assert!(shipped.to_settings().unwrap().unwrap().popular.len() > 1000);
        std::fs::write(&file, "lodash\na b\n").unwrap();
        let error = section(SimilarNamesCheck::Warn).to_settings().unwrap_err().to_string();
        std::fs::remove_file(&file).unwrap();
        assert!(error.contains("line 2: "), "{error}");
    }
}
