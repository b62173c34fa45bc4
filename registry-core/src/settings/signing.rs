use std::path::PathBuf;

use serde::Deserialize;

/// `[signing]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SigningSection {
    /// Whether versions are signed that are published here; `None` for yes, if this build can.
    pub enabled: Option<bool>,
    /// The variable with the key to sign with; `None` for a key in the storage.
    pub key_env: Option<String>,
    /// The file with that key.
    pub key_file: Option<PathBuf>,
    /// The variable with what keys in the storage are encrypted with; `None` if they are not.
    pub secret_env: Option<String>,
    /// The file with that secret.
    pub secret_file: Option<PathBuf>,
}
