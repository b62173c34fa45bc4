use std::path::Path;

use crate::settings::SettingsError;
use crate::settings::error::Context as _;

/// Reads what the settings `{what}_env` or `{what}_file` name; `None` if they name nothing.
pub(super) fn named(
    what: &str,
    variable: Option<&str>,
    file: Option<&Path>,
) -> Result<Option<String>, SettingsError> {
    match (variable, file) {
        (Some(variable), _) => std::env::var(variable)
            .with_context(|| format!("{what}_env names the variable {variable}, which is not set"))
            .map(Some),
        (None, Some(file)) => std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the {what} in {what}_file, {}", file.display()))
            .map(Some),
        (None, None) => Ok(None),
    }
}
