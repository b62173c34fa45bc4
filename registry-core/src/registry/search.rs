use crate::auth::Caller;
use crate::search::{SearchPage, SearchQuery};
use crate::{Error, Registry};

impl Registry {
    /// Finds packages that the caller may read: hosted ones as stored now, and after them those of upstreams, if the
    /// settings and the access rules permit and the text cannot name a private package.
    ///
    /// An upstream that does not answer within a few seconds adds nothing. The same query on the same packages returns
    /// the same order, and a page of upstream hits may contain fewer than requested, since some are hidden.
    pub async fn search(&self, caller: &Caller, query: &SearchQuery) -> Result<SearchPage, Error> {
        self.searches().search(caller, query).await
    }
}
