use std::collections::VecDeque;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::rate::{Wait, network_of};
use crate::network::site_of;

/// How many counters of one sort are kept; the least recently used are evicted first. A counter is made by a guess that
/// is checked, and only so many are checked in an hour, so that evicting the counters of others takes an attacker longer
/// than waiting would.
pub(super) const COUNTERS: u64 = 50_000;
/// After this long without a failure, a counter starts anew.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(1);
/// How long a holder who logged in from an address is known there.
const KNOWN_FOR: TimeDelta = TimeDelta::hours(24);
/// At how many networks an account is known. Bounded, so that one account cannot evict where the others are known.
const KNOWN_NETWORKS: usize = 32;
/// How much of a name is looked at. No account has a longer one.
const LONGEST_NAME: usize = 128;

/// How many failures are free, and how many seconds to wait after each of the others at most. The first of these waits
/// is a second, and each is twice as long as the one before.
struct Policy {
    free: u32,
    longest: i64,
}

/// One name from one address: a guesser, or a holder who has forgotten.
const PAIR: Policy = Policy { free: 5, longest: 300 };
/// All names from one address, behind which a whole office may be.
const ADDRESS: Policy = Policy { free: 30, longest: 300 };
/// All names from one site of IPv6, which has 65,536 networks to come from.
const SITE: Policy = Policy { free: 300, longest: 60 };
/// One name from everywhere. Short, so that strangers cannot lock an account out: between two waits its holder gets in,
/// and from an address where they logged in before they do not wait at all.
const NAME: Policy = Policy { free: 100, longest: 30 };
/// The one-time passwords of one account from everywhere. There are a million, of which three are right, and a caller
/// who guesses at them has the password already.
const CODES: Policy = Policy { free: 30, longest: 300 };

/// What is guessed at. Each is counted for itself, so that guesses at one, which strangers can make, do not keep the
/// holder from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::ops) enum Guessed {
    Password,
    /// A one-time password or a recovery code, by a caller who knows the password or has a token.
    OneTimePassword,
    /// The digits of a login at a terminal, which any caller may show.
    DeviceDigits,
}

impl Guessed {
    /// How many guesses are free from everywhere together.
    fn policy_of_a_name(self) -> &'static Policy {
        match self {
            Self::Password | Self::DeviceDigits => &NAME,
            Self::OneTimePassword => &CODES,
        }
    }
}

/// Whose guesses are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub(super) guessed: Guessed,
    name: String,
    pub(super) network: Option<IpAddr>,
}

impl Pair {
    pub(super) fn new(guessed: Guessed, name: &str, address: Option<IpAddr>) -> Self {
        let name = name.chars().take(LONGEST_NAME).flat_map(char::to_lowercase).collect();
        Self { guessed, name, network: address.map(network_of) }
    }

    fn name(&self) -> (Guessed, String) {
        (self.guessed, self.name.clone())
    }
}

#[derive(Debug, Default)]
struct Counter {
    failures: u32,
    last: DateTime<Utc>,
}

type Counters<Key> = Cache<Key, Arc<Mutex<Counter>>>;
/// Networks, and until when the account is known there.
type Networks = VecDeque<(Option<IpAddr>, DateTime<Utc>)>;

/// Failed logins of late, in the memory of this process and nowhere else: a store that is written to with each wrong
/// password would be one more thing to attack.
///
/// Each sort of counter has a cache of its own, so that a flood of one sort evicts none of another: names are invented
/// more easily than addresses, and digits are guessed faster than passwords.
#[derive(Debug)]
pub(super) struct FailedLogins {
    passwords: Sort,
    one_time_passwords: Sort,
    device_digits: Sort,
    addresses: Counters<IpAddr>,
    sites: Counters<IpAddr>,
}

/// The counters of one thing that is guessed at.
#[derive(Debug)]
struct Sort {
    pairs: Counters<Pair>,
    names: Counters<(Guessed, String)>,
    known: Cache<(Guessed, String), Arc<Mutex<Networks>>>,
}

/// A guess that is counted as a failure until it turns out to be none.
#[derive(Debug)]
#[must_use = "a guess that is dropped has failed"]
pub(super) struct Guess {
    /// The one of the pair comes first.
    counters: Vec<Arc<Mutex<Counter>>>,
    now: DateTime<Utc>,
}

/// Evicts the least recently used: by frequency, a full cache would forget a new counter at once.
fn cache<Key: Hash + Eq + Send + Sync + 'static, Value: Clone + Send + Sync + 'static>(
    most: u64,
) -> Cache<Key, Value> {
    Cache::builder().max_capacity(most).eviction_policy(EvictionPolicy::lru()).build()
}

impl Sort {
    fn holding(most: u64) -> Self {
        Self { pairs: cache(most), names: cache(most), known: cache(most) }
    }
}

impl FailedLogins {
    /// With at most so many counters of each sort.
    pub(super) fn holding(most: u64) -> Self {
        Self {
            passwords: Sort::holding(most),
            one_time_passwords: Sort::holding(most),
            device_digits: Sort::holding(most),
            addresses: cache(most),
            sites: cache(most),
        }
    }

    /// Whether the holder logged in from this network of late.
    pub(super) fn is_known(&self, pair: &Pair, now: DateTime<Utc>) -> bool {
        let known = self.sort(pair.guessed).known.get(&pair.name());
        known.is_some_and(|known| {
            lock(&known).iter().any(|(network, until)| *network == pair.network && now < *until)
        })
    }

    /// Whether a guess would be counted now, or how long to wait. Makes no counter.
    pub(super) fn check(&self, pair: &Pair, now: DateTime<Utc>) -> Result<(), Wait> {
        let sort = self.sort(pair.guessed);
        check(sort.pairs.get(pair), &PAIR, now)?;
        if self.is_known(pair, now) {
            return Ok(());
        }
        if let Some(network) = pair.network {
            check(self.addresses.get(&network), &ADDRESS, now)?;
            if let Some(site) = site_of(network) {
                check(self.sites.get(&site), &SITE, now)?;
            }
        }
        check(sort.names.get(&pair.name()), pair.guessed.policy_of_a_name(), now)
    }

    /// Counts a guess that is about to be checked, or tells how long to wait.
    pub(super) fn begin(&self, pair: &Pair, now: DateTime<Utc>) -> Result<Guess, Wait> {
        let sort = self.sort(pair.guessed);
        self.check(pair, now)?;
        let of_the_pair = sort.pairs.get_with_by_ref(pair, Arc::default);
        let mut counters = vec![(of_the_pair, &PAIR)];
        if !self.is_known(pair, now) {
            if let Some(network) = pair.network {
                counters.push((self.addresses.get_with(network, Arc::default), &ADDRESS));
                if let Some(site) = site_of(network) {
                    counters.push((self.sites.get_with(site, Arc::default), &SITE));
                }
            }
            counters.push((sort.names.get_with(pair.name(), Arc::default), pair.guessed.policy_of_a_name()));
        }
        let mut counted = Guess { counters: Vec::new(), now };
        for (counter, policy) in counters {
            // Looked at and counted under one lock, so that of many at once no more are let through than may be.
            let allowed = lock(&counter).count(policy, now);
            if let Err(wait) = allowed {
                counted.take_back();
                return Err(wait);
            }
            counted.counters.push(counter);
        }
        Ok(counted)
    }

    /// Takes note that the guess was right: the holder is known at this network from now on.
    pub(super) fn succeeded(&self, pair: &Pair, guess: &Guess) {
        guess.take_back();
        if let Some(of_the_pair) = guess.counters.first() {
            lock(of_the_pair).failures = 0;
        }
        let known = self.sort(pair.guessed).known.get_with(pair.name(), Arc::default);
        let mut networks = lock(&known);
        networks.retain(|(network, _)| *network != pair.network);
        networks.push_front((pair.network, guess.now + KNOWN_FOR));
        networks.truncate(KNOWN_NETWORKS);
    }

    fn sort(&self, guessed: Guessed) -> &Sort {
        match guessed {
            Guessed::Password => &self.passwords,
            Guessed::OneTimePassword => &self.one_time_passwords,
            Guessed::DeviceDigits => &self.device_digits,
        }
    }
}

impl Guess {
    /// It is no failure after all.
    pub(super) fn take_back(&self) {
        for counter in &self.counters {
            let mut counter = lock(counter);
            counter.failures = counter.failures.saturating_sub(1);
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

    fn count(&mut self, policy: &Policy, now: DateTime<Utc>) -> Result<(), Wait> {
        self.check(policy, now)?;
        self.failures = self.failures.saturating_add(1);
        self.last = now;
        Ok(())
    }
}

fn check(counter: Option<Arc<Mutex<Counter>>>, policy: &Policy, now: DateTime<Utc>) -> Result<(), Wait> {
    counter.map_or(Ok(()), |counter| lock(&counter).check(policy, now))
}

fn lock<T>(counter: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
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
            Self {
                logins: FailedLogins::holding(1_000),
                now: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            }
        }

        fn pair(name: &str, address: &str) -> Pair {
            Pair::new(Guessed::Password, name, Some(address.parse().unwrap()))
        }

        fn begin(&self, name: &str, address: &str) -> Result<Guess, Wait> {
            self.logins.begin(&Self::pair(name, address), self.now)
        }

        fn fail(&self, name: &str, address: &str) -> Result<(), Wait> {
            self.begin(name, address).map(drop)
        }

        fn succeed(&self, name: &str, address: &str) {
            let guess = self.begin(name, address).unwrap();
            self.logins.succeeded(&Self::pair(name, address), &guess);
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
        guesser.succeed("ana", "192.0.2.1");
        for number in 0..200_u32 {
            let _ = guesser.fail("ana", &format!("10.0.{}.{}", number / 5 / 250, number / 5 % 250));
        }
        assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()), "she is known there");
        let Err(Wait(wait)) = guesser.fail("ana", "192.0.2.9") else { panic!("nobody waits") };
        assert!(wait <= 30, "{wait}");
        guesser.now += TimeDelta::seconds(30);
        guesser.succeed("ana", "192.0.2.9");
    }

    #[test]
    fn codes_are_guessed_policy_of_a_name_a_dozen_times_an_hour() {
        let mut guesser = Guesser::new();
        let code = |number: u32| {
            Pair::new(
                Guessed::OneTimePassword,
                "ana",
                Some(IpAddr::from((0x0b00_0000 + number).to_be_bytes())),
            )
        };
        let mut checked = 0;
        for second in 0..7_200 {
            guesser.now += TimeDelta::seconds(1);
            checked += u32::from(guesser.logins.begin(&code(second), guesser.now).is_ok());
        }
        assert!((30..=64).contains(&checked), "{checked} in two hours");
        assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()), "her password is another matter");
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
    fn so_does_a_site_that_comes_from_many_networks() {
        let guesser = Guesser::new();
        for number in 0..300 {
            let address = format!("2001:db8:1:{number:x}::1");
            assert_eq!(guesser.fail(&format!("user-{number}"), &address), Ok(()));
        }
        assert_eq!(guesser.fail("another", "2001:db8:1:ffff::1"), Err(Wait(1)));
        assert_eq!(guesser.fail("another", "2001:db8:2::1"), Ok(()), "another site");
    }

    #[test]
    fn guesses_that_are_under_way_count() {
        let guesser = Guesser::new();
        let held: Vec<_> = (0..5).map(|_| guesser.begin("ana", "192.0.2.1").unwrap()).collect();
        assert!(guesser.begin("ana", "192.0.2.1").is_err(), "five are under way");
        for guess in &held {
            guess.take_back();
        }
        assert!(guesser.begin("ana", "192.0.2.1").is_ok());
    }

    #[test]
    fn a_guess_that_is_refused_counts_nowhere() {
        let guesser = Guesser::new();
        for number in 0..30 {
            assert_eq!(guesser.fail(&format!("user-{number}"), "192.0.2.1"), Ok(()));
        }
        for _ in 0..100 {
            assert!(guesser.fail("ana", "192.0.2.1").is_err());
        }
        assert_eq!(guesser.fail("ana", "192.0.2.2"), Ok(()), "the name has no failure");
    }

    #[test]
    fn a_flood_of_names_and_networks_evicts_neither_a_wait_nor_where_a_holder_is_known() {
        let guesser = Guesser::new();
        guesser.succeed("ana", "192.0.2.1");
        for number in 0..100_u32 {
            let _ = guesser.fail("ana", &format!("10.0.0.{number}"));
        }
        let digits = |name: String, address: IpAddr| Pair::new(Guessed::DeviceDigits, &name, Some(address));
        for number in 0..3_000_u32 {
            let address = IpAddr::from((0x0b00_0000 + number).to_be_bytes());
            let _ = guesser.logins.begin(&digits(format!("user-{number}"), address), guesser.now);
        }
        guesser.logins.passwords.names.run_pending_tasks();
        assert!(guesser.fail("ana", "10.0.1.1").is_err(), "guesses at her password still wait");
        assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()));
        // One account that is known everywhere takes one place.
        for number in 0..3_000_u32 {
            let address = IpAddr::from((0x0c00_0000 + number).to_be_bytes()).to_string();
            if let Ok(guess) = guesser.begin("eve", &address) {
                guesser.logins.succeeded(&Guesser::pair("eve", &address), &guess);
            }
        }
        guesser.logins.passwords.known.run_pending_tasks();
        assert!(guesser.logins.is_known(&Guesser::pair("ana", "192.0.2.1"), guesser.now));
    }

    #[test]
    fn a_new_counter_is_kept_also_where_many_are_used_often() {
        let guesser = Guesser::new();
        for _ in 0..3 {
            for number in 0..1_000_u32 {
                let address = IpAddr::from((0x0b00_0000 + number).to_be_bytes()).to_string();
                let _ = guesser.fail(&format!("user-{number}"), &address);
            }
        }
        let answers: Vec<_> = (0..20).map(|_| guesser.fail("ana", "192.0.2.1").is_ok()).collect();
        assert_eq!(answers.iter().filter(|allowed| **allowed).count(), 5);
    }
}
