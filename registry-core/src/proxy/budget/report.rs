use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::Error;
use crate::proxy::Proxy;

use super::Unreported;

/// How often the ledger is updated,
const TELL_AGAIN: Duration = Duration::from_secs(30);
/// or after this fraction of the limit.
const PART: u64 = 256;

impl Proxy {
    /// Updates the ledger if it is time, and sweeps if it is this process's turn, in the background.
    pub(super) fn report_behind(&self) {
        let kept = &self.parts.upstream.kept;
        if !self.is_time_to_report() || kept.is_reporting.swap(true, Ordering::SeqCst) {
            return;
        }
        let proxy = self.clone();
        tokio::spawn(async move {
            let kept = &proxy.parts.upstream.kept;
            loop {
                if let Err(error) = proxy.report().await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot enforce the limit of the upstream cache"
                    );
                }
                kept.is_reporting.store(false, Ordering::SeqCst);
                // Bytes cached in the meantime started no task of their own, since this one was running.
                if !proxy.is_time_to_report() || kept.is_reporting.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        });
    }

    fn is_time_to_report(&self) -> bool {
        let kept = &self.parts.upstream.kept;
        let Some(limit) = kept.limit else { return false };
        let Unreported { bytes, told } = *kept.unreported();
        let age = |told: DateTime<Utc>| (self.parts.clock.now() - told).to_std().unwrap_or_default();
        bytes > 0 && (bytes > limit / PART || told.is_none_or(|told| age(told) >= TELL_AGAIN))
    }

    async fn report(&self) -> Result<(), Error> {
        let kept = &self.parts.upstream.kept;
        let Some(limit) = kept.limit else { return Ok(()) };
        let now = self.parts.clock.now();
        let bytes = {
            let mut unreported = kept.unreported();
            unreported.told = Some(now);
            std::mem::take(&mut unreported.bytes)
        };
        let told = self.change_ledger(|ledger| {
            ledger.bytes = ledger.bytes.saturating_add(bytes);
            if ledger.is_due(limit, now) {
                ledger.sweeping = Some(now);
            }
        });
        // If the ledger cannot be updated, the daily sweep counts those bytes.
        match told.await? {
            Some(ledger) if ledger.sweeping == Some(now) => self.sweep(limit).await.map(drop),
            _ => Ok(()),
        }
    }
}
