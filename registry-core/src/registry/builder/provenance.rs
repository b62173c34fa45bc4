use crate::RegistryBuilder;
use crate::provenance::ProvenanceSettings;

impl RegistryBuilder {
    /// Sets how the provenance of versions is verified that are published here, and which packages need it. Default: see
    /// [`ProvenanceSettings`].
    pub fn provenance(mut self, settings: ProvenanceSettings) -> Self {
        self.provenance.settings = settings;
        self
    }
}
