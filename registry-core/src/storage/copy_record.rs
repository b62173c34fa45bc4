use serde::{Deserialize, Serialize};

/// What a copy of a store says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CopyRecord {
    /// The id of the store that it is a copy of.
    pub(crate) registry: String,
    /// Whether it is complete. If it is, it was written last.
    #[serde(rename = "finished")]
    pub(crate) is_finished: bool,
}

/// The part of the marker that identifies a store.
#[derive(Deserialize)]
struct Identity {
    id: String,
}

impl CopyRecord {
    /// Begins a copy of the store with this marker.
    pub(crate) fn of_marker(marker: &[u8]) -> Option<Self> {
        let Identity { id } = serde_json::from_slice(marker).ok()?;
        Some(Self { registry: id, is_finished: false })
    }
}
