use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use crate::Error;
use crate::proxy::Proxy;
use crate::traces::inner_span;

use super::NamedUpstream;
use super::freshness::{DocumentKey, State};

type Answer = Result<State, Arc<Error>>;

/// Which answer a caller waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    /// As fresh as configured; another process may have asked in the meantime.
    Fresh,
    /// Requested after this call, because the cached document lacks something.
    Newer,
}

/// The packument requests in flight. Each document is requested once at a time for any number of callers.
#[derive(Debug, Default)]
pub(super) struct InflightFetches(Mutex<HashMap<(DocumentKey, Wanted), DocumentFetch>>);

/// A request in flight.
#[derive(Debug, Clone)]
pub(super) struct DocumentFetch {
    begun: Instant,
    answer: watch::Receiver<Option<Answer>>,
}

impl DocumentFetch {
    pub(super) async fn answer(mut self) -> Result<State, Error> {
        let answer = self.answer.wait_for(Option::is_some).await;
        match answer.as_deref() {
            Ok(Some(Ok(state))) => Ok(state.clone()),
            Ok(Some(Err(error))) => Err(Error::Shared(Arc::clone(error))),
            Ok(None) | Err(_) => Err(Error::Internal("a request to an upstream was interrupted".into())),
        }
    }

    /// Returns the answer, or `None` once `patience` has passed since the request began, regardless of which caller
    /// began it.
    pub(super) async fn answer_within(self, patience: Duration) -> Option<Result<State, Error>> {
        let until = self.begun + patience;
        timeout_at(until, self.answer()).await.ok()
    }
}

impl Proxy {
    /// Asks an upstream, unless a request is in flight. Runs to its end even if no caller waits any longer.
    pub(super) fn ask(&self, upstream: &NamedUpstream, key: DocumentKey) -> DocumentFetch {
        self.ask_for(upstream, key, Wanted::Fresh)
    }

    /// Returns the request in flight, if there is one.
    pub(super) fn under_way(&self, key: &DocumentKey, wanted: Wanted) -> Option<DocumentFetch> {
        self.parts.upstream.documents.inflight.under_way().get(&(key.clone(), wanted)).cloned()
    }

    pub(super) fn ask_for(
        &self,
        upstream: &NamedUpstream,
        key: DocumentKey,
        wanted: Wanted,
    ) -> DocumentFetch {
        let asked_at = self.parts.clock.now();
        let key = (key, wanted);
        let mut under_way = self.parts.upstream.documents.inflight.under_way();
        if let Some(question) = under_way.get(&key) {
            return question.clone();
        }
        let (answered, answer) = watch::channel(None);
        let question = DocumentFetch { begun: Instant::now(), answer };
        under_way.insert(key.clone(), question.clone());
        drop(under_way);
        let (proxy, upstream) = (self.clone(), upstream.clone());
        // A span of its own, since it may outlast that of the request.
        let span = inner_span!("fetch packument");
        let fetching = async move {
            let ends = InflightGuard { proxy: &proxy, key: &key };
            let answer = proxy.ask_alone(&upstream, &key.0, wanted, asked_at).await;
            drop(ends);
            answered.send_replace(Some(answer.map_err(Arc::new)));
        };
        tokio::spawn(fetching.instrument(span));
        question
    }
}

impl InflightFetches {
    fn under_way(&self) -> std::sync::MutexGuard<'_, HashMap<(DocumentKey, Wanted), DocumentFetch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deregisters a request on drop.
struct InflightGuard<'a> {
    proxy: &'a Proxy,
    key: &'a (DocumentKey, Wanted),
}

impl Drop for InflightGuard<'_> {
    fn drop(&mut self) {
        self.proxy.parts.upstream.documents.inflight.under_way().remove(self.key);
    }
}
