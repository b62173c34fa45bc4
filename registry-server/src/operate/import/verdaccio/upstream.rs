use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use registry_core::domain::PackageName;
use registry_core::upstream::{
    PackumentForm, Upstream, UpstreamError, UpstreamPackument, UpstreamTarball, Validators,
};
use tokio::task::spawn_blocking;

use super::chunks::chunks;
use super::storage::VerdaccioStorage;

/// The storage of Verdaccio as the source of an import.
#[derive(Debug)]
pub(super) struct VerdaccioUpstream(pub(super) Arc<VerdaccioStorage>);

impl VerdaccioUpstream {
    /// Reads files off the async threads.
    async fn read<Read: Send + 'static>(
        &self,
        read: impl FnOnce(&VerdaccioStorage) -> Result<Read, String> + Send + 'static,
    ) -> Result<Read, UpstreamError> {
        let storage = Arc::clone(&self.0);
        let read = spawn_blocking(move || read(&storage)).await;
        let read = read.map_err(|error| error.to_string()).and_then(|read| read);
        read.map_err(|reason| UpstreamError::Unreadable { upstream: self.to_string(), reason })
    }
}

impl fmt::Display for VerdaccioUpstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[async_trait]
impl Upstream for VerdaccioUpstream {
    async fn packument(
        &self,
        name: &PackageName,
        _form: PackumentForm,
        _known: &Validators,
    ) -> Result<UpstreamPackument, UpstreamError> {
        let of = name.clone();
        let package = self.read(move |storage| storage.read(&of)).await?;
        Ok(UpstreamPackument::Found {
            bytes: package.packument.into(),
            form: PackumentForm::Full,
            validators: Validators::default(),
        })
    }

    async fn tarball(&self, url: &str) -> Result<Option<UpstreamTarball>, UpstreamError> {
        let path = PathBuf::from(url);
        let opened = self.read(move |storage| storage.open_file(&path)).await?;
        Ok(opened.map(|(file, length)| UpstreamTarball::new(chunks(file, self.to_string()), Some(length))))
    }
}
