use serde::Serialize;

/// A way into the registry beside the requests of its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Via {
    /// A command of an operator, straight on the store.
    CommandLine,
}
