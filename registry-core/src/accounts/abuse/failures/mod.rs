mod counter;
mod known;
mod pair;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};

use super::rate::Wait;
use crate::network::site_of;
use counter::{ADDRESS, Counted, Counter, Counters, KNOWN_NETWORK, PAIR, SITE, cache, check, lock};
use known::KnownNetworks;
pub(super) use pair::GuessKey;
pub(crate) use pair::Guessed;
use pair::GuessedName;

/// The most counters of one sort; the least recently used is evicted first. Only a checked guess creates a counter,
/// and checks are rate limited, so that evicting other counters takes an attacker longer than waiting.
pub(super) const COUNTERS: u64 = 50_000;

/// Recent failed logins, in the memory of this process only: a store write per wrong password would be another
/// target.
///
/// Each sort of counter has its own cache, so that a flood of one sort evicts none of another: names are easier to
/// invent than addresses, and digits are guessed faster than passwords.
#[derive(Debug)]
pub(super) struct FailedLogins {
    passwords: SecretCounters,
    refused_passwords: SecretCounters,
    one_time_passwords: SecretCounters,
    device_digits: SecretCounters,
    places: Places,
    /// For passwords that a sign-up rejects. A caller who then chooses an acceptable one does not wait.
    places_of_refused_passwords: Places,
}

/// The counters for one kind of secret.
#[derive(Debug)]
struct SecretCounters {
    pairs: Counters<GuessKey>,
    names: Counters<GuessedName>,
    known: KnownNetworks,
}

/// The counters by origin.
#[derive(Debug)]
struct Places {
    addresses: Counters<IpAddr>,
    sites: Counters<IpAddr>,
}

/// A guess that counts as a failure until it is settled.
#[derive(Debug)]
#[must_use = "a guess that is dropped has failed"]
pub(super) struct Guess {
    /// The counter of the pair comes first.
    counters: Vec<(Arc<Mutex<Counter>>, Counted)>,
}

impl SecretCounters {
    fn holding(most: u64) -> Self {
        Self { pairs: cache(most), names: cache(most), known: KnownNetworks::holding(most) }
    }
}

impl Places {
    fn holding(most: u64) -> Self {
        Self { addresses: cache(most), sites: cache(most) }
    }
}

impl FailedLogins {
    /// Tracks at most `most` counters of each sort.
    pub(super) fn holding(most: u64) -> Self {
        Self {
            passwords: SecretCounters::holding(most),
            refused_passwords: SecretCounters::holding(most),
            one_time_passwords: SecretCounters::holding(most),
            device_digits: SecretCounters::holding(most),
            places: Places::holding(most),
            places_of_refused_passwords: Places::holding(most),
        }
    }

    /// Returns whether the holder recently logged in from this network, or used the session of that login there.
    pub(super) fn is_known(&self, pair: &GuessKey, now: DateTime<Utc>) -> bool {
        self.where_known(pair, now).is_some()
    }

    /// Returns the counter of the network, if the holder is known there. Guesses from a known network count there
    /// only, neither for the address nor for the name.
    fn where_known(&self, pair: &GuessKey, now: DateTime<Utc>) -> Option<Arc<Mutex<Counter>>> {
        self.sort(pair.of_its_holder().guessed).known.counter(pair, now)
    }

    /// Records that the holder is at this network.
    pub(super) fn is_here(&self, pair: &GuessKey, now: DateTime<Utc>) {
        let pair = pair.of_its_holder();
        self.sort(pair.guessed).known.add(&pair, now);
    }

    /// Forgets the networks at which the holder is known.
    pub(super) fn forget_networks(&self, pair: &GuessKey) {
        let pair = pair.of_its_holder();
        self.sort(pair.guessed).known.forget(&pair);
    }

    /// Checks whether a guess would be counted now, or returns how long to wait. Creates no counter.
    pub(super) fn check(&self, pair: &GuessKey, now: DateTime<Utc>) -> Result<(), Wait> {
        let (sort, places) = (self.sort(pair.guessed), self.places(pair.guessed));
        check(sort.pairs.get(pair), &PAIR, now)?;
        if let Some(known) = self.where_known(pair, now) {
            return lock(&known).check(&KNOWN_NETWORK, now);
        }
        if let Some(network) = pair.network {
            check(places.addresses.get(&network), &ADDRESS, now)?;
            if let Some(site) = site_of(network) {
                check(places.sites.get(&site), &SITE, now)?;
            }
        }
        check(sort.names.get(&pair.name()), pair.guessed.policy_of_a_name(), now)
    }

    /// Counts a guess that is about to be checked, or returns how long to wait.
    pub(super) fn begin(&self, pair: &GuessKey, now: DateTime<Utc>) -> Result<Guess, Wait> {
        let (sort, places) = (self.sort(pair.guessed), self.places(pair.guessed));
        self.check(pair, now)?;
        let of_the_pair = sort.pairs.get_with_by_ref(pair, Arc::default);
        let mut counters = vec![(of_the_pair, &PAIR)];
        if let Some(known) = self.where_known(pair, now) {
            counters.push((known, &KNOWN_NETWORK));
        } else {
            if let Some(network) = pair.network {
                counters.push((places.addresses.get_with(network, Arc::default), &ADDRESS));
                if let Some(site) = site_of(network) {
                    counters.push((places.sites.get_with(site, Arc::default), &SITE));
                }
            }
            let of_the_name = sort.names.get_with(pair.name(), Arc::default);
            counters.push((of_the_name, pair.guessed.policy_of_a_name()));
        }
        let mut guess = Guess { counters: Vec::new() };
        for (counter, policy) in counters {
            // Checks and counts under one lock, so that concurrent guesses do not exceed the limit.
            let counted = lock(&counter).count(policy, now);
            match counted {
                Ok(counted) => guess.counters.push((counter, counted)),
                Err(wait) => {
                    guess.take_back();
                    return Err(wait);
                }
            }
        }
        Ok(guess)
    }

    fn sort(&self, guessed: Guessed) -> &SecretCounters {
        match guessed {
            Guessed::Password => &self.passwords,
            Guessed::RefusedPassword => &self.refused_passwords,
            Guessed::OneTimePassword => &self.one_time_passwords,
            Guessed::DeviceDigits => &self.device_digits,
        }
    }

    fn places(&self, guessed: Guessed) -> &Places {
        match guessed {
            Guessed::RefusedPassword => &self.places_of_refused_passwords,
            Guessed::Password | Guessed::OneTimePassword | Guessed::DeviceDigits => &self.places,
        }
    }
}

impl Guess {
    /// Uncounts the guess.
    pub(super) fn take_back(&self) {
        for (counter, counted) in &self.counters {
            lock(counter).take_back(counted);
        }
    }

    /// Records a right guess, which resets the failures of the same pair.
    pub(super) fn succeeded(&self) {
        self.take_back();
        if let Some((of_the_pair, _)) = self.counters.first() {
            lock(of_the_pair).forgive();
        }
    }
}
