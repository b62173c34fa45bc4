use std::sync::Arc;

use futures::{StreamExt as _, stream};

use crate::bulk::{Bulk, BulkError, BulkStream, SourceError};
use crate::domain::PackageName;
use crate::upstream::{Upstream, UpstreamError};

use super::{ImportOptions, names};

impl Bulk {
    /// Returns the names of the packages that an import takes, each once.
    pub(crate) fn source_packages(
        &self,
        source: Arc<dyn Upstream>,
        options: ImportOptions,
    ) -> BulkStream<PackageName> {
        let bulk = self.clone();
        let begun = async move {
            match bulk.introduce_to(source.as_ref()).await {
                Ok(()) => names::of_source(source, options),
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        };
        stream::once(begun).flatten().boxed()
    }

    /// Lets a source that is this registry recognize its own requests, and refuse them.
    async fn introduce_to(&self, source: &dyn Upstream) -> Result<(), BulkError> {
        let store = &self.parts.store;
        store.confirm_absence().await.map_err(|error| BulkError::Packages(error.into()))?;
        if let Some(name) = store.name_in_via() {
            source.asked_by(&name);
        }
        Ok(())
    }
}

/// Returns what a failure of the source is, unless it says that the source is this registry.
pub(super) fn of_source(
    source: &dyn Upstream,
    error: UpstreamError,
    other: impl FnOnce(SourceError) -> BulkError,
) -> BulkError {
    let error = SourceError::from(error);
    if error.is_loop() { BulkError::FromItself { registry: source.to_string() } } else { other(error) }
}
