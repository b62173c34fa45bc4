use std::time::Duration;

use crate::Error;
use crate::events::EventError;

use super::super::entries::FeedEntry;
use super::super::lease::{Leased, LeasedDocument as _};
use super::super::{ChangeRefused, DeliveredChange, NeverAccepted, Shared};
use super::cursor::{Cursor, Failing, shown};
use super::{Delivery, POLL, deliver_within_timeout};

/// What a replica waits for after a round.
#[derive(Debug)]
pub(super) enum Next {
    /// New changes. After this time, a refused one is due.
    Changes(Option<Duration>),
    /// Its turn, whatever changes.
    Turn(Duration),
}

/// Delivers until the sink has all, fails, or another replica delivers.
pub(super) async fn round(shared: &Shared, delivery: &Delivery) -> Result<Next, Error> {
    let _turn = delivery.turn.lock().await;
    if shared.deliveries_end() {
        return Ok(Next::Changes(None));
    }
    let position = shared.feed.read_head().await?.head.position();
    let cursor = Cursor::read(shared, &delivery.name).await?;
    let now = shared.now();
    let has_all = cursor.is_stored() && cursor.delivered >= position;
    if has_all && cursor.refusals.due(now).is_none() {
        return Ok(Next::Changes(cursor.until_next_refused(now)));
    }
    if let Some(pause) = cursor.pause(now) {
        return Ok(Next::Turn(pause));
    }
    let Some(mut leased) = Cursor::lease_of(shared, &delivery.name).await? else {
        return Ok(Next::Turn(POLL));
    };
    let outcome = Round { shared, delivery, leased: &mut leased, alone_until: 0 }.run().await;
    leased.release(&shared.store).await?;
    outcome
}

/// The deliveries of one process, while it has the right to.
struct Round<'a> {
    shared: &'a Shared,
    delivery: &'a Delivery,
    leased: &'a mut Leased<Cursor>,
    /// Up to this number, changes are delivered one by one, to find the one that failed in a batch.
    alone_until: u64,
}

/// What one attempt delivers.
struct Work {
    entries: Vec<FeedEntry>,
    /// Changes of packages with a refused one, for which they wait: package and number.
    behind: Vec<(String, u64)>,
    /// The number up to which the feed is done afterward.
    last: u64,
    /// The package, if this is another attempt at its refused change.
    refused: Option<String>,
}

impl Round<'_> {
    async fn run(mut self) -> Result<Next, Error> {
        loop {
            let work = match self.refused_work().await? {
                Some(work) => Ok(work),
                None => self.feed_work().await?,
            };
            let work = match work {
                Ok(work) => work,
                Err(next) => return Ok(next),
            };
            let pause = self.deliver(work).await?;
            if !self.leased.save(&self.shared.store, self.shared.now()).await? {
                return Ok(Next::Turn(POLL));
            }
            if let Some(pause) = pause {
                return Ok(Next::Turn(pause));
            }
            if self.shared.deliveries_end() {
                return Ok(Next::Changes(None));
            }
        }
    }

    /// Returns a refused change that is due.
    async fn refused_work(&mut self) -> Result<Option<Work>, Error> {
        while let Some((subject, seq)) = self.leased.document.refusals.due(self.shared.now()) {
            let mut entries = self.shared.feed.page(seq - 1, 1).await?.entries;
            entries.retain(|entry| entry.seq == seq);
            if !entries.is_empty() {
                return Ok(Some(Work { entries, behind: Vec::new(), last: seq, refused: Some(subject) }));
            }
            self.report_missing(1);
            self.leased.document.refusals.settle(&subject, self.shared.now());
        }
        Ok(None)
    }

    /// Returns the next changes of the feed, or what to wait for.
    async fn feed_work(&mut self) -> Result<Result<Work, Next>, Error> {
        let cursor = &self.leased.document;
        // After a failure one by one, so that a change that a sink cannot take does not hold up those before it.
        let is_alone = cursor.failing.is_some() || cursor.delivered < self.alone_until;
        let limit = if is_alone { 1 } else { self.delivery.settings.batch.max(1) };
        let page = self.shared.feed.page(cursor.delivered, limit).await?;
        let until_refused = cursor.until_next_refused(self.shared.now());
        let Some(first) = page.entries.first() else { return Ok(Err(Next::Changes(until_refused))) };
        let missing = first.seq - cursor.delivered - 1;
        let mut refusals = cursor.refusals.clone();
        let mut work = Work { entries: Vec::new(), behind: Vec::new(), last: first.seq - 1, refused: None };
        for entry in page.entries {
            let (subject, seq) = (entry.subject(), entry.seq);
            if !refusals.holds(&subject) {
                work.entries.push(entry);
            } else if refusals.has_room(&subject) {
                refusals.hold(&subject, seq);
                work.behind.push((subject, seq));
            } else {
                break;
            }
            work.last = seq;
        }
        if missing > 0 {
            self.report_missing(missing);
        }
        if work.entries.is_empty() && work.behind.is_empty() {
            return Ok(Err(Next::Turn(until_refused.unwrap_or(POLL))));
        }
        Ok(Ok(work))
    }

    /// Returns how long to pause if the sink failed as a whole.
    async fn deliver(&mut self, work: Work) -> Result<Option<Duration>, Error> {
        if work.entries.is_empty() {
            self.settle(&work);
            return Ok(None);
        }
        let change = |FeedEntry { seq, id, event }: FeedEntry| DeliveredChange { seq, id, event };
        let changes: Vec<_> = work.entries.iter().cloned().map(change).collect();
        let attempt = deliver_within_timeout(self.delivery, &changes);
        match self.leased.hold(&self.shared.store, self.shared.clock.as_ref(), attempt).await? {
            Ok(()) => {
                self.settle(&work);
                self.leased.document.failing = None;
                Ok(None)
            }
            Err(_) if work.entries.len() > 1 => {
                self.alone_until = work.last;
                Ok(None)
            }
            Err(error) => Ok(self.failed(&work, &error)),
        }
    }

    /// Notes that a change failed alone.
    fn failed(&mut self, work: &Work, error: &EventError) -> Option<Duration> {
        let (now, limit) = (self.shared.now(), self.delivery.settings.give_up_after);
        let entry = work.entries.first()?;
        let (subject, seq, sink) = (entry.subject(), entry.seq, &self.delivery.sink);
        let cursor = &mut self.leased.document;
        if error.source.is::<NeverAccepted>() {
            self.give_up(work, error);
            return None;
        }
        let is_refusal = error.source.is::<ChangeRefused>();
        if is_refusal && (work.refused.is_some() || cursor.refusals.has_room(&subject)) {
            let is_over = cursor.refusals.refuse(&subject, seq, now, &shown(error), limit);
            if work.refused.is_none() {
                self.settle(work);
                // The sink answered: the next changes are not to wait for a pause.
                self.leased.document.failing = None;
            }
            if is_over {
                self.report_given_up(work, error);
                return None;
            }
            tracing::warn!(
                %sink, change = seq, subject, %error, source = error.source.to_string(),
                "{}: {sink} refuses a change; trying it again while the changes of other packages go on",
                self.delivery.name
            );
            return None;
        }
        let mut failing = cursor.failing.take().unwrap_or_else(|| Failing::begin(now, error));
        failing.fail_again(now, error);
        if failing.schedule.is_over(now, limit) {
            self.give_up(work, error);
            return None;
        }
        let pause = failing.schedule.pause(now);
        tracing::warn!(
            %sink, change = seq, %error, source = error.source.to_string(), ?pause,
            "{}: {sink} did not accept a change; trying again", self.delivery.name
        );
        cursor.failing = Some(failing);
        Some(pause)
    }

    /// Notes that the sink has these changes, or that they were given up.
    fn settle(&mut self, work: &Work) {
        let cursor = &mut self.leased.document;
        if let Some(subject) = &work.refused {
            cursor.refusals.settle(subject, self.shared.now());
            return;
        }
        for (subject, seq) in &work.behind {
            cursor.refusals.hold(subject, *seq);
        }
        cursor.delivered = work.last;
    }

    fn give_up(&mut self, work: &Work, error: &EventError) {
        self.settle(work);
        self.leased.document.failing = None;
        self.report_given_up(work, error);
    }

    fn report_given_up(&mut self, work: &Work, error: &EventError) {
        let (sink, source) = (&self.delivery.sink, &error.source);
        let change = work.entries.first().map(|entry| entry.seq);
        tracing::error!(%sink, change, %error, %source, "giving up a change");
        self.leased.document.given_up += 1;
    }

    fn report_missing(&mut self, missing: u64) {
        let sink = &self.delivery.sink;
        tracing::error!(%sink, missing, "the change feed no longer has changes that {sink} never got");
        self.leased.document.given_up += missing;
    }
}
