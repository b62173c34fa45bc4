use crate::auth::Caller;
use crate::search::{SearchPage, SearchQuery};
use crate::{Error, Registry};

impl Registry {
    /// Finds packages that the caller may read: hosted ones as the store has them now, and after them those of
    /// upstreams, if the settings and the rules say so and the text cannot name a private package.
    ///
    /// An upstream that does not answer in a few seconds adds nothing. The same query on the same packages gives
    /// the same order, and a page of upstream hits may hold fewer than asked for, since some are not shown.
    pub async fn search(&self, caller: &Caller, query: &SearchQuery) -> Result<SearchPage, Error> {
        self.searches().search(caller, query).await
    }
}
