use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::failures::Failure;
use crate::storage::{BlobError, BlobPath, BlobPrefix};

/// The paths in the folder of a store.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    /// The folder as configured.
    pub(super) shown: Arc<Path>,
    pub(super) objects: Arc<Path>,
    pub(super) locks: Arc<Path>,
    pub(super) staging: Arc<Path>,
    pub(super) fsync: bool,
}

impl Folder {
    /// `root` is absolute, so that a later change of the working directory does not affect it.
    pub(super) fn new(shown: &Path, root: &Path) -> Self {
        Self {
            shown: shown.into(),
            objects: root.join("objects").into(),
            locks: root.join("locks").into(),
            staging: root.join("staging").into(),
            fsync: true,
        }
    }

    pub(super) fn file(&self, path: &BlobPath) -> PathBuf {
        self.objects.join(path.as_str())
    }

    pub(super) fn below(&self, prefix: &BlobPrefix) -> PathBuf {
        prefix.path().map_or_else(|| self.objects.to_path_buf(), |folder| self.file(folder))
    }

    /// Runs `work` on a blocking thread. Once begun, it runs to its end, even if this future is dropped.
    pub(super) async fn run<Done: Send + 'static, Failed: Into<Failure> + Send + 'static>(
        &self,
        path: &(dyn Display + Sync),
        work: impl FnOnce(&Self) -> Result<Done, Failed> + Send + 'static,
    ) -> Result<Done, BlobError> {
        let folder = self.clone();
        match spawn_blocking(move || work(&folder)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(failure)) => Err(self.failed(path, failure)),
            Err(cut_short) => Err(self.unknown(path, cut_short)),
        }
    }
}

impl Display for Folder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "local disk {}", self.shown.display())
    }
}
