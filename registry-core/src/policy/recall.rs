/// When the registry recalls versions by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecallSettings {
    /// What happens to versions that an upstream listed, and does not any more. Default [`WithdrawnVersions::Unlist`].
    pub withdrawn: WithdrawnVersions,
}

impl RecallSettings {
    /// Sets what happens to versions that an upstream listed, and does not any more.
    #[must_use]
    pub fn withdrawn(self, withdrawn: WithdrawnVersions) -> Self {
        Self { withdrawn }
    }
}

/// What happens to a version that an upstream listed, and does not any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WithdrawnVersions {
    /// It is not served for as long as the upstream does not list it. It comes back if the upstream lists it again.
    #[default]
    Unlist,
    /// It is recalled: it is not served until an administrator undoes the recall, whatever the upstream lists.
    Recall,
}
