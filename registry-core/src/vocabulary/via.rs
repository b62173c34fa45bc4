use serde::{Deserialize, Serialize};

/// A way into the registry other than HTTP requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Via {
    /// An operator's command, directly on the store.
    CommandLine,
}
