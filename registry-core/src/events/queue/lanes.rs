use std::collections::VecDeque;

use crate::events::{Event, EventKind};
use crate::measurements::EventMeasurements;

use super::denials::Denials;

/// The waiting events: changes in one lane, notices in another.
#[derive(Debug)]
pub(super) struct Lanes {
    /// The most events that wait in each lane.
    capacity: usize,
    changes: VecDeque<(u64, Event)>,
    notices: VecDeque<(u64, Event)>,
    denials: Denials,
    /// The number of the next event, which orders the events of both lanes.
    next: u64,
    accepted: Counts,
    lost: u64,
    losing: bool,
    closed: bool,
}

/// The number of events of each lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    changes: u64,
    notices: u64,
}

impl Counts {
    pub(super) fn add(&mut self, more: Self) {
        self.changes += more.changes;
        self.notices += more.notices;
    }

    /// Returns whether both counts are at least those of `others`.
    pub(super) fn reach(self, others: Self) -> bool {
        self.changes >= others.changes && self.notices >= others.notices
    }
}

impl Lanes {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            changes: VecDeque::new(),
            notices: VecDeque::new(),
            denials: Denials::default(),
            next: 0,
            accepted: Counts::default(),
            lost: 0,
            losing: false,
            closed: false,
        }
    }

    /// Adds an event. At the start of a burst of losses, returns the total number of lost events. With `is_over`,
    /// every event is lost.
    pub(super) fn take(&mut self, event: Event, is_over: bool) -> Option<u64> {
        if is_over {
            return self.lose();
        }
        if !is_notice(&event.kind) {
            self.changes.push_back((self.next, event));
            self.next += 1;
            self.accepted.changes += 1;
            return None;
        }
        let told = self.denials.take(event);
        let mut begun = None;
        for event in told {
            begun = self.notice(event).or(begun);
        }
        begun
    }

    /// Queues the counts of denials.
    pub(super) fn sum_up(&mut self) {
        for event in self.denials.sum_up() {
            self.notice(event);
        }
    }

    fn notice(&mut self, event: Event) -> Option<u64> {
        if self.notices.len() >= self.capacity {
            return self.lose();
        }
        self.notices.push_back((self.next, event));
        self.next += 1;
        self.accepted.notices += 1;
        // Resets at half the capacity, so that a lane that is occasionally full counts as one burst.
        self.losing &= self.notices.len() > self.capacity / 2;
        None
    }

    fn lose(&mut self) -> Option<u64> {
        self.lost += 1;
        (!std::mem::replace(&mut self.losing, true)).then_some(self.lost)
    }

    /// Returns the next events, at most `most`, oldest first. Denials take at most a quarter while changes are
    /// waiting.
    pub(super) fn batch(&mut self, most: usize) -> (Vec<Event>, Counts) {
        let notices = self.notices.len().min(most.saturating_sub(self.changes.len()).max(most / 4));
        let changes = self.changes.len().min(most - notices);
        let mut batch: Vec<_> = self.changes.drain(..changes).chain(self.notices.drain(..notices)).collect();
        batch.sort_by_key(|(number, _)| *number);
        let counts = Counts { changes: changes as u64, notices: notices as u64 };
        (batch.into_iter().map(|(_, event)| event).collect(), counts)
    }

    /// Returns whether the lane of changes has room.
    pub(super) fn has_room(&self) -> bool {
        self.changes.len() < self.capacity
    }

    pub(super) fn accepted(&self) -> Counts {
        self.accepted
    }

    pub(super) fn measurements(&self, delivered: Counts) -> EventMeasurements {
        let Counts { changes, notices } = self.accepted;
        EventMeasurements::new(
            changes.saturating_sub(delivered.changes),
            notices.saturating_sub(delivered.notices),
            self.lost,
            self.capacity as u64,
        )
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Closes the queue.
    pub(super) fn close(&mut self) {
        self.sum_up();
        self.closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Returns whether counts are still to be emitted.
    pub(super) fn is_counting(&self) -> bool {
        self.denials.is_open()
    }
}

/// Returns whether an event is about no change of a caller. Such events may be dropped, and must not block changes.
fn is_notice(kind: &EventKind) -> bool {
    let is_none = matches!(
        kind,
        EventKind::WithdrawnUpstream { .. } | EventKind::SimilarName { .. } | EventKind::Downloaded { .. }
    );
    is_none || Denials::are_of(kind)
}
