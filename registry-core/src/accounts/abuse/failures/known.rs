use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use moka::sync::Cache;

use super::counter::{Counter, cache, lock};
use super::pair::{GuessKey, Guessed, GuessedName};

/// How long a network stays known after a login from it, or after use of that login's session there.
const KNOWN_FOR: TimeDelta = TimeDelta::hours(24);
/// The most networks at which an account is known. Bounded, so that one account cannot evict the networks of others,
/// and so that guessers at all of them together are bounded: each network has its own counter.
pub(super) const KNOWN_NETWORKS: usize = 8;

/// A network where the holder of an account is known.
#[derive(Debug)]
struct Known {
    network: Option<IpAddr>,
    until: DateTime<Utc>,
    /// Guesses from this network only.
    guesses: Arc<Mutex<Counter>>,
    /// Guesses of passwords that no new account can have.
    refused_passwords: Arc<Mutex<Counter>>,
}

/// The networks at which account holders are known.
#[derive(Debug)]
pub(super) struct KnownNetworks {
    by_name: Cache<GuessedName, Arc<Mutex<VecDeque<Known>>>>,
}

impl KnownNetworks {
    /// Tracks at most `most` accounts.
    pub(super) fn holding(most: u64) -> Self {
        Self { by_name: cache(most) }
    }

    /// Returns the counter for guesses from this network, if the holder is known there.
    pub(super) fn counter(&self, pair: &GuessKey, now: DateTime<Utc>) -> Option<Arc<Mutex<Counter>>> {
        let networks = self.by_name.get(&pair.of_its_holder().name())?;
        let networks = lock(&networks);
        let known = networks.iter().find(|known| known.network == pair.network && now < known.until)?;
        Some(Arc::clone(match pair.guessed {
            Guessed::RefusedPassword => &known.refused_passwords,
            Guessed::Password | Guessed::OneTimePassword | Guessed::DeviceDigits => &known.guesses,
        }))
    }

    /// Records that the holder is at this network. Its counters keep their values.
    pub(super) fn add(&self, pair: &GuessKey, now: DateTime<Utc>) {
        let networks = self.by_name.get_with(pair.name(), Arc::default);
        let mut networks = lock(&networks);
        let at = networks.iter().position(|known| known.network == pair.network);
        let known = at.and_then(|at| networks.remove(at)).unwrap_or_else(|| Known {
            network: pair.network,
            until: now,
            guesses: Arc::default(),
            refused_passwords: Arc::default(),
        });
        networks.push_front(Known { until: now + KNOWN_FOR, ..known });
        networks.truncate(KNOWN_NETWORKS);
    }

    /// Forgets the known networks of this name.
    pub(super) fn forget(&self, pair: &GuessKey) {
        self.by_name.invalidate(&pair.name());
    }

    #[cfg(test)]
    pub(super) fn run_pending_tasks(&self) {
        self.by_name.run_pending_tasks();
    }
}
