use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use moka::sync::Cache;

use super::counter::{cache, lock};
use super::pair::{GuessedName, Pair};

/// How long a holder who logged in from a network, or used a session there, is known there.
const KNOWN_FOR: TimeDelta = TimeDelta::hours(24);
/// At how many networks an account is known. Bounded, so that one account cannot evict where the others are known.
const KNOWN_NETWORKS: usize = 32;

/// Networks, and until when the account is known there.
type Networks = VecDeque<(Option<IpAddr>, DateTime<Utc>)>;

/// At which networks the holders of accounts are known.
#[derive(Debug)]
pub(super) struct KnownNetworks {
    by_name: Cache<GuessedName, Arc<Mutex<Networks>>>,
}

impl KnownNetworks {
    /// Of at most so many accounts.
    pub(super) fn holding(most: u64) -> Self {
        Self { by_name: cache(most) }
    }

    pub(super) fn has(&self, pair: &Pair, now: DateTime<Utc>) -> bool {
        self.by_name.get(&pair.name()).is_some_and(|networks| {
            lock(&networks).iter().any(|(network, until)| *network == pair.network && now < *until)
        })
    }

    pub(super) fn add(&self, pair: &Pair, now: DateTime<Utc>) {
        let networks = self.by_name.get_with(pair.name(), Arc::default);
        let mut networks = lock(&networks);
        networks.retain(|(network, _)| *network != pair.network);
        networks.push_front((pair.network, now + KNOWN_FOR));
        networks.truncate(KNOWN_NETWORKS);
    }

    /// Forgets where the holder of this name is known.
    pub(super) fn forget(&self, pair: &Pair) {
        self.by_name.invalidate(&pair.name());
    }

    #[cfg(test)]
    pub(super) fn run_pending_tasks(&self) {
        self.by_name.run_pending_tasks();
    }
}
