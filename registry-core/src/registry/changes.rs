use crate::auth::Caller;
use crate::changes::{ChangePage, DeliveryState};
use crate::{Error, Registry};

impl Registry {
    /// Returns up to `limit` changes after the number `since`, at most 1,000: 0 begins with the oldest. The caller sees
    /// those of packages that they may read, and who made them where they may administer.
    ///
    /// # Errors
    ///
    /// Without a change feed; if the changes after `since` are no longer kept; if the feed has not come to `since`.
    pub async fn changes(&self, caller: &Caller, since: u64, limit: usize) -> Result<ChangePage, Error> {
        self.packages().changes(caller, since, limit).await
    }

    /// Waits until the change feed goes beyond `since`, as far as this process learns of it: from its own changes at
    /// once, from those of others when they are read or delivered. Set your own timeout.
    pub async fn wait_for_changes(&self, since: u64) {
        self.parts.changes.wait_beyond(since).await;
    }

    /// Ends streams of changes, so that a server that is about to stop need not wait for their clients.
    pub fn end_change_streams(&self) {
        self.parts.changes.end_streams();
    }

    pub(crate) fn have_change_streams_ended(&self) -> bool {
        self.parts.changes.have_streams_ended()
    }

    /// Moves events that crashed processes left behind into the change feed, and removes old changes from it. Returns
    /// how many events it found. A running registry does so every few seconds; call it on a schedule where nothing runs
    /// between requests.
    pub async fn recover_changes(&self) -> Result<usize, Error> {
        self.parts.changes.recover().await
    }

    /// Delivers the change feed to its sinks, until each has all or fails. A running registry does so at each change;
    /// call it on a schedule where nothing runs between requests.
    pub async fn deliver_changes(&self) {
        self.parts.changes.deliver().await;
    }

    /// Returns how many commits of this process have events that are not in the change feed yet.
    pub fn changes_waiting(&self) -> u64 {
        self.parts.changes.waiting()
    }

    /// Returns how far the delivery to each sink of the change feed has come.
    pub async fn delivery_states(&self) -> Result<Vec<DeliveryState>, Error> {
        self.parts.changes.delivery_states().await
    }
}
