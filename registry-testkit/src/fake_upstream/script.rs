use std::collections::{HashMap, VecDeque};

use super::FakeAnswer;

/// How a fake answers otherwise than on a good day. What a request is called is the fake's own affair.
#[derive(Debug, Default)]
pub(crate) struct Script {
    next: HashMap<String, VecDeque<FakeAnswer>>,
    always: HashMap<String, FakeAnswer>,
    everything: Option<FakeAnswer>,
}

impl Script {
    /// Every such request.
    pub(crate) fn answer(&mut self, what: &str, answer: FakeAnswer) {
        self.always.insert(what.to_owned(), answer);
    }

    /// The next such request; called again, the one after it.
    pub(crate) fn answer_next(&mut self, what: &str, answer: FakeAnswer) {
        self.next.entry(what.to_owned()).or_default().push_back(answer);
    }

    /// Every request for which nothing else is said.
    pub(crate) fn answer_everything(&mut self, answer: FakeAnswer) {
        self.everything = Some(answer);
    }

    /// The answer to a request that came.
    pub(crate) fn take(&mut self, what: &str) -> FakeAnswer {
        let next = self.next.get_mut(what).and_then(VecDeque::pop_front);
        let scripted = next.or_else(|| self.always.get(what).or(self.everything.as_ref()).cloned());
        scripted.unwrap_or_default()
    }
}
