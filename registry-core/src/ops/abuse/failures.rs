use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use moka::sync::Cache;
use secrecy::{ExposeSecret as _, SecretString};

use super::rate::{Wait, network_of};

/// How many counters are kept. The least used are forgotten first.
const COUNTERS: u64 = 50_000;
/// After this long without a failure, all is forgotten.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(1);
/// How long somebody who logged in from an address is known there.
const KNOWN_FOR: TimeDelta = TimeDelta::hours(24);
/// How much of a name is looked at. No account has a longer one.
const LONGEST_NAME: usize = 128;

/// How many failures are free, and how many seconds to wait after each of the others at most. The first of these waits
/// is a second, and each is twice as long as the one before.
struct Policy {
    free: u32,
    longest: i64,
}

/// One name from one address: somebody who guesses, or who has forgotten.
const PAIR: Policy = Policy { free: 5, longest: 300 };
/// All names from one address, behind which a whole office may be.
const ADDRESS: Policy = Policy { free: 30, longest: 300 };
/// One name from everywhere. Short, so that strangers cannot lock somebody out: between two waits the account's holder
/// gets in, and from an address where they logged in before they do not wait at all.
const NAME: Policy = Policy { free: 100, longest: 30 };

/// What is guessed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::ops) enum Guessed {
    Password,
    OneTimePassword,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Counted {
    Pair(Guessed, String, Option<IpAddr>),
    Address(IpAddr),
    Name(Guessed, String),
}

#[derive(Debug, Default)]
struct Counter {
    failures: u32,
    last: DateTime<Utc>,
    /// Guesses whose outcome is not known yet, each under a hash that only this process can make, and how often.
    in_flight: HashMap<u64, usize>,
    /// Until when the pair is known as that of somebody who logged in.
    known_until: DateTime<Utc>,
}

/// Failed logins of late, in the memory of this process and nowhere else: a store that is written to with each wrong
/// password would be one more thing to attack.
#[derive(Debug)]
pub(crate) struct FailedLogins {
    counters: Cache<Counted, Arc<Mutex<Counter>>>,
    hasher: RandomState,
}

/// A guess whose outcome is not known yet. It counts as a failure until it turns out to be none.
#[derive(Debug)]
#[must_use = "a guess that is dropped has failed"]
pub(in crate::ops) struct Attempt {
    pair: Arc<Mutex<Counter>>,
    /// The others that count it.
    others: Vec<Arc<Mutex<Counter>>>,
    secret: u64,
    now: DateTime<Utc>,
    /// Whether another one with the same secret counts already.
    counted: bool,
}

impl FailedLogins {
    pub(crate) fn new() -> Self {
        Self { counters: Cache::new(COUNTERS), hasher: RandomState::new() }
    }

    /// Begins a guess at `secret`, or tells how long to wait. Many at once with the same secret are one guess, since
    /// clients open many connections at once.
    pub(in crate::ops) fn begin(
        &self,
        guessed: Guessed,
        name: &str,
        address: Option<IpAddr>,
        secret: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<Attempt, Wait> {
        let name: String = name.chars().take(LONGEST_NAME).flat_map(char::to_lowercase).collect();
        let address = address.map(network_of);
        let secret = self.hasher.hash_one(secret.expose_secret());
        let pair = self.counter(Counted::Pair(guessed, name.clone(), address));
        let mut counter = lock(&pair);
        if let Some(same) = counter.in_flight.get_mut(&secret) {
            *same += 1;
            drop(counter);
            return Ok(Attempt { pair, others: Vec::new(), secret, now, counted: false });
        }
        counter.check(&PAIR, now)?;
        let mut others = Vec::new();
        if counter.known_until <= now {
            let by_address = address.map(|address| (Counted::Address(address), &ADDRESS));
            for (key, policy) in by_address.into_iter().chain([(Counted::Name(guessed, name), &NAME)]) {
                let other = self.counter(key);
                lock(&other).check(policy, now)?;
                others.push(other);
            }
        }
        counter.count(now);
        counter.in_flight.insert(secret, 1);
        drop(counter);
        for other in &others {
            lock(other).count(now);
        }
        Ok(Attempt { pair, others, secret, now, counted: true })
    }

    fn counter(&self, key: Counted) -> Arc<Mutex<Counter>> {
        self.counters.get_with(key, Arc::default)
    }
}

impl Attempt {
    /// The guess was right.
    pub(in crate::ops) fn succeeded(self) {
        self.take_back();
        let mut counter = lock(&self.pair);
        counter.failures = 0;
        counter.known_until = self.now + KNOWN_FOR;
    }

    /// It never came to light whether the guess was right.
    pub(in crate::ops) fn undecided(self) {
        self.take_back();
    }

    fn take_back(&self) {
        if self.counted {
            for counter in self.others.iter().chain([&self.pair]) {
                let mut counter = lock(counter);
                counter.failures = counter.failures.saturating_sub(1);
            }
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut counter = lock(&self.pair);
        if let Some(same) = counter.in_flight.get_mut(&self.secret) {
            *same -= 1;
            if *same == 0 {
                counter.in_flight.remove(&self.secret);
            }
        }
    }
}

impl Counter {
    fn check(&mut self, policy: &Policy, now: DateTime<Utc>) -> Result<(), Wait> {
        if now - self.last > FORGOTTEN_AFTER {
            self.failures = 0;
        }
        let Some(more) = self.failures.checked_sub(policy.free) else { return Ok(()) };
        let wait = (1_i64 << more.min(20)).min(policy.longest);
        let left = (self.last + TimeDelta::seconds(wait) - now).num_milliseconds();
        match u64::try_from(left) {
            Ok(left) if left > 0 => Err(Wait(left.div_ceil(1000))),
            _ => Ok(()),
        }
    }

    fn count(&mut self, now: DateTime<Utc>) {
        self.failures = self.failures.saturating_add(1);
        self.last = now;
    }
}

fn lock(counter: &Mutex<Counter>) -> std::sync::MutexGuard<'_, Counter> {
    counter.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Guesser {
        logins: FailedLogins,
        now: DateTime<Utc>,
    }

    impl Guesser {
        fn new() -> Self {
            Self { logins: FailedLogins::new(), now: DateTime::from_timestamp(1_700_000_000, 0).unwrap() }
        }

        fn begin(&self, name: &str, address: &str, secret: &str) -> Result<Attempt, Wait> {
            let address = Some(address.parse().unwrap());
            self.logins.begin(Guessed::Password, name, address, &secret.into(), self.now)
        }

        fn fail(&self, name: &str, address: &str) -> Result<(), Wait> {
            self.begin(name, address, "wrong").map(drop)
        }
    }

    #[test]
    fn each_wait_is_twice_as_long_as_the_one_before() {
        let mut guesser = Guesser::new();
        for _ in 0..5 {
            assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()));
        }
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            assert_eq!(guesser.fail("ana", "192.0.2.1"), Err(Wait(wait)));
            assert_eq!(guesser.fail("Ana", "192.0.2.1"), Err(Wait(wait)), "the same name to some providers");
            guesser.now += TimeDelta::seconds(i64::try_from(wait).unwrap());
            assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()));
        }
        guesser.now += TimeDelta::hours(2);
        assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()));
        assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()), "what is long ago is forgotten");
    }

    #[test]
    fn whoever_guesses_elsewhere_keeps_nobody_out_for_long() {
        let mut guesser = Guesser::new();
        guesser.begin("ana", "192.0.2.1", "right").unwrap().succeeded();
        for number in 0..200_u32 {
            let _ = guesser.fail("ana", &format!("10.0.{}.{}", number / 5 / 250, number / 5 % 250));
        }
        assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()), "she is known there");
        let Err(Wait(wait)) = guesser.fail("ana", "192.0.2.9") else { panic!("nobody waits") };
        assert!(wait <= 30, "{wait}");
        guesser.now += TimeDelta::seconds(30);
        guesser.begin("ana", "192.0.2.9", "right").unwrap().succeeded();
    }

    #[test]
    fn an_address_that_tries_many_names_waits() {
        let guesser = Guesser::new();
        for number in 0..30 {
            assert_eq!(guesser.fail(&format!("user-{number}"), "2001:db8::1"), Ok(()));
        }
        assert_eq!(guesser.fail("another", "2001:db8::2"), Err(Wait(1)), "the same network");
        assert_eq!(guesser.fail("another", "2001:db8:0:1::1"), Ok(()));
    }

    #[test]
    fn many_at_once_are_guesses_too_unless_they_say_the_same() {
        let guesser = Guesser::new();
        let same: Vec<_> = (0..50).map(|_| guesser.begin("ana", "192.0.2.1", "right").unwrap()).collect();
        for attempt in same {
            attempt.succeeded();
        }
        let begin = |number: u32| guesser.begin("ana", "192.0.2.1", &number.to_string());
        let held: Vec<_> = (0..5).map(|number| begin(number).unwrap()).collect();
        assert!(begin(5).is_err(), "five are in flight");
        for attempt in held {
            attempt.undecided();
        }
        assert!(begin(5).is_ok());
    }
}
