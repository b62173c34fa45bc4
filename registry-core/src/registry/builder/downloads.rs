use crate::RegistryBuilder;
use crate::downloads::DownloadSettings;
use crate::packages::DownloadSetUp;

impl RegistryBuilder {
    /// Counts how often each version is downloaded, in the store. Default: nothing is counted.
    pub fn downloads(self, settings: DownloadSettings) -> Self {
        Self { downloads: DownloadSetUp { counts: Some(settings), ..self.downloads }, ..self }
    }

    /// Sets whether each download is an event, so that the audit log tells who downloaded what. Default: no.
    pub fn download_events(self, are_events: bool) -> Self {
        Self { downloads: DownloadSetUp { are_events, ..self.downloads }, ..self }
    }
}
