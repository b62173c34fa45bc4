use crate::storage::{BlobPath, StoredPath};

/// What a pass over the source copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Tarballs,
    Packuments,
    /// With the packuments that came in between.
    Spellings,
    Outboxes,
    Documents,
    /// With the deletion of what the source no longer has.
    LateTarballs,
}

impl Pass {
    pub(super) const ALL: [Self; 6] = [
        Self::Tarballs,
        Self::Packuments,
        Self::Spellings,
        Self::Outboxes,
        Self::Documents,
        Self::LateTarballs,
    ];

    /// Returns the pass that copies an object; `None` for what says something about a store, and nothing about the registry
    /// in it.
    pub(super) fn of(path: &BlobPath) -> Option<Self> {
        Some(match StoredPath::of(path) {
            StoredPath::Marker | StoredPath::CopyRecord | StoredPath::Probe => return None,
            _ if path.as_str().strip_suffix(".tgz").is_some() => Self::Tarballs,
            // As tarballs, they are named by a packument.
            StoredPath::Attestations { .. } => Self::Tarballs,
            StoredPath::Packument { .. } => Self::Packuments,
            StoredPath::Spelling => Self::Spellings,
            StoredPath::Outbox => Self::Outboxes,
            _ => Self::Documents,
        })
    }
}
