use std::sync::Arc;

use crate::Error;
use crate::auth::Caller;
use crate::catalog::Summary;
use crate::domain::PackageName;
use crate::domain::packument::ForeignDocument;
use crate::packages::Packages;

impl Packages {
    /// Returns the summary of a package that the caller may read, from its origin by the access rules. If the packument
    /// of a hosted package is unchanged, the store only confirms that.
    pub(crate) async fn summary(&self, caller: &Caller, name: &PackageName) -> Result<Arc<Summary>, Error> {
        self.authorization.require_read(caller, name)?;
        let read = || async {
            let summary = if let Some(summary) = self.catalog().hosted_summary(name).await? {
                summary
            } else {
                let of_upstream = |document: &ForeignDocument<'_>| Ok(Summary::of_upstream(document));
                Arc::new(Box::pin(self.proxy().of_upstream_document(name, of_upstream)).await?)
            };
            self.authorization.require_audience(caller, name, &summary.audience)?;
            Ok(summary)
        };
        self.catalog().read_again_if_published(read).await
    }
}
