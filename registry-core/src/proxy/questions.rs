use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::Error;
use crate::proxy::Proxy;

use super::NamedUpstream;
use super::freshness::{DocumentKey, State};

type Answer = Result<State, Arc<Error>>;

/// What makes an answer worth waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    /// As fresh as configured, which another process may have asked for meanwhile.
    Fresh,
    /// From after the question, for what is known lacks something.
    Newer,
}

/// The packuments that upstreams are being asked for. Each is asked for once at a time, for any number who wait.
#[derive(Debug, Default)]
pub(super) struct Questions(Mutex<HashMap<(DocumentKey, Wanted), Question>>);

/// A question that is under way.
#[derive(Debug, Clone)]
pub(super) struct Question {
    begun: Instant,
    answer: watch::Receiver<Option<Answer>>,
}

impl Question {
    pub(super) async fn answer(mut self) -> Result<State, Error> {
        let answer = self.answer.wait_for(Option::is_some).await;
        match answer.as_deref() {
            Ok(Some(Ok(state))) => Ok(state.clone()),
            Ok(Some(Err(error))) => Err(Error::Shared(Arc::clone(error))),
            Ok(None) | Err(_) => Err(Error::Internal("a question to an upstream broke off".into())),
        }
    }

    /// The same, or `None` once so much time has passed since the question was asked, by whomever.
    pub(super) async fn answer_within(self, patience: Duration) -> Option<Result<State, Error>> {
        let until = self.begun + patience;
        timeout_at(until, self.answer()).await.ok()
    }
}

impl Proxy {
    /// Asks an upstream, unless it is being asked already. Goes on to the end, also if nobody waits any more.
    pub(super) fn ask(&self, upstream: &NamedUpstream, key: DocumentKey) -> Question {
        self.ask_for(upstream, key, Wanted::Fresh)
    }

    /// The question that is under way, if there is one.
    pub(super) fn under_way(&self, key: &DocumentKey, wanted: Wanted) -> Option<Question> {
        self.parts.upstream.documents.questions.under_way().get(&(key.clone(), wanted)).cloned()
    }

    pub(super) fn ask_for(&self, upstream: &NamedUpstream, key: DocumentKey, wanted: Wanted) -> Question {
        let asked_at = self.parts.clock.now();
        let key = (key, wanted);
        let mut under_way = self.parts.upstream.documents.questions.under_way();
        if let Some(question) = under_way.get(&key) {
            return question.clone();
        }
        let (answered, answer) = watch::channel(None);
        let question = Question { begun: Instant::now(), answer };
        under_way.insert(key.clone(), question.clone());
        drop(under_way);
        let (proxy, upstream) = (self.clone(), upstream.clone());
        tokio::spawn(async move {
            let ends = Ends { proxy: &proxy, key: &key };
            let answer = proxy.ask_alone(&upstream, &key.0, wanted, asked_at).await;
            drop(ends);
            answered.send_replace(Some(answer.map_err(Arc::new)));
        });
        question
    }
}

impl Questions {
    fn under_way(&self) -> std::sync::MutexGuard<'_, HashMap<(DocumentKey, Wanted), Question>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a question off the list when it ends, however it ends.
struct Ends<'a> {
    proxy: &'a Proxy,
    key: &'a (DocumentKey, Wanted),
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.proxy.parts.upstream.documents.questions.under_way().remove(self.key);
    }
}
