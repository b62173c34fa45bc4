//! When counts are written: a while after the first download since the last time, and when the registry closes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use tokio::sync::watch;

use super::Shared;
use crate::Error;

impl Shared {
    /// Makes sure that a task flushes soon.
    pub(super) fn schedule_flush(self: &Arc<Self>, open: &watch::Sender<()>) {
        if self.is_flush_scheduled.load(Ordering::SeqCst)
            || self.is_flush_scheduled.swap(true, Ordering::SeqCst)
        {
            return;
        }
        let (shared, closed) = (Arc::clone(self), open.subscribe());
        tokio::spawn(async move { shared.flush_until_empty(closed).await });
    }

    async fn flush_until_empty(&self, mut closed: watch::Receiver<()>) {
        loop {
            let is_closed = tokio::select! {
                () = tokio::time::sleep(self.settings.flush_every) => false,
                _ = closed.changed() => true,
            };
            if let Err(error) = self.flush().await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "cannot write the counts of downloads; trying again with the next ones"
                );
            }
            if is_closed {
                return;
            }
            if self.writer.lock().await.is_empty() {
                self.is_flush_scheduled.store(false, Ordering::SeqCst);
                // A download that was counted before that scheduled nothing.
                if self.tally.is_empty() || self.is_flush_scheduled.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        }
    }

    /// Writes all counts. What cannot be written is kept for the next time.
    pub(super) async fn flush(&self) -> Result<(), Error> {
        let mut writer = self.writer.lock().await;
        let now = self.now();
        let lost = writer.take(self.tally.take(), now);
        self.meters.lost.add(lost);
        let written = writer.write(&self.store, self.today()).await;
        self.meters.lost.add(writer.take_lost());
        let has_written = written.inspect_err(|_| self.meters.failed_flushes.add_one())?;
        if has_written && writer.is_time_to_fold(now.date_naive()) {
            // Whatever fails is done by the next fold, of this process or another one.
            match self.fold().await {
                Ok(()) => writer.has_folded(now.date_naive()),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "cannot fold the downloads of earlier days; trying again later");
                }
            }
        }
        Ok(())
    }

    pub(super) async fn flush_if_due(&self) -> Result<(), Error> {
        let every = TimeDelta::from_std(self.settings.flush_every).unwrap_or(TimeDelta::MAX);
        let Ok(writer) = self.writer.try_lock() else { return Ok(()) };
        let is_due = self.now() - writer.last_flush() >= every;
        drop(writer);
        if is_due { self.flush().await } else { Ok(()) }
    }
}
