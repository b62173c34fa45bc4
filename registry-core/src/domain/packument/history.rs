use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Revision;

/// How many commits are remembered. At most this many other writers can commit between a lost answer and the next read
/// without the write being taken for lost.
const REMEMBERED: usize = 32;

/// The latest commits of a packument, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(VecDeque<Revision>);

impl History {
    /// Records a commit.
    pub fn push(&mut self, revision: Revision) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(revision);
    }

    /// Whether the commit is remembered.
    pub fn contains(&self, revision: &Revision) -> bool {
        self.0.contains(revision)
    }

    /// Whether no commit is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
