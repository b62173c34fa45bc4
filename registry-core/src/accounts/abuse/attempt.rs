use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OwnedMutexGuard;

use super::failures::{COUNTERS, FailedLogins, Guess, Guessed, Pair};
use super::queue::{Queue, StrangerTurn, Strangers};
use super::rate::{Wait, network_of};
use crate::Error;
use crate::accounts::Accounts;
use crate::auth::Caller;
use crate::concurrency::KeyedMutex;

/// How many guesses of one network, and of all, wait for another one at the same secret.
const WAITING_AT_A_NETWORK: usize = 1024;
const WAITING: usize = 8192;

/// The guesses at secrets that this process is asked to check.
#[derive(Debug)]
pub(super) struct Attempts {
    failed: FailedLogins,
    waiting_strangers: Queue,
    waiting_known: Queue,
    /// One gate for each secret that is guessed at. Hashed with a key that no caller knows.
    same_secret: KeyedMutex<u64>,
    hasher: RandomState,
    strangers: Strangers,
}

/// A guess whose outcome is not known yet. It counts as a failure until it turns out to be none.
#[derive(Debug)]
#[must_use = "a guess that is dropped has failed"]
pub(crate) struct Attempt {
    guess: Guess,
    _same_secret: OwnedMutexGuard<()>,
    _turn: Option<StrangerTurn>,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self {
            failed: FailedLogins::holding(COUNTERS),
            waiting_strangers: Queue::new(WAITING_AT_A_NETWORK, WAITING),
            waiting_known: Queue::new(WAITING_AT_A_NETWORK, WAITING),
            same_secret: KeyedMutex::default(),
            hasher: RandomState::new(),
            strangers: Strangers::new(),
        }
    }
}

impl Accounts {
    /// Begins to try a secret of an account, or refuses to after too many that were wrong.
    ///
    /// Clients open many connections with one password. Guesses at the same secret from one network are made one after
    /// the other: when the first was right, a provider remembers that and hashes no more; when it was wrong, each of the
    /// others counts by itself. Passwords of callers who did not log in from their network before wait for one another,
    /// so that a flood of those delays no holder of an account.
    pub(crate) async fn begin_attempt(
        &self,
        guessed: Guessed,
        account: &str,
        caller: &Caller,
        secret: &SecretString,
    ) -> Result<Attempt, Error> {
        let attempts = &self.parts.abuse.attempts;
        let failed = &attempts.failed;
        let now = || self.parts.clock.now();
        let after_failures = |Wait(seconds)| Error::TooManyFailures { seconds };
        let after_requests = |Wait(seconds)| Error::TooManyRequests { seconds };
        let pair = Pair::new(guessed, account, caller.address);
        failed.check(&pair, now()).map_err(after_failures)?;
        let is_known = failed.is_known(&pair, now());
        let waiting = if is_known { &attempts.waiting_known } else { &attempts.waiting_strangers };
        let place = waiting.enter(pair.network).map_err(after_requests)?;
        let secret = attempts.hasher.hash_one((&pair, secret.expose_secret()));
        let same_secret = attempts.same_secret.lock(&secret).await;
        drop(place);
        let turn = if guessed == Guessed::Password && !failed.is_known(&pair, now()) {
            Some(attempts.strangers.turn(pair.network).await.map_err(after_requests)?)
        } else {
            None
        };
        let guess = failed.begin(&pair, now()).map_err(after_failures)?;
        Ok(Attempt { guess, _same_secret: same_secret, _turn: turn })
    }

    /// Notes that the holder of an account signed in at a network, with the second factor where they have one. Guesses from
    /// elsewhere then keep them from no login there.
    ///
    /// Nothing less makes a network known. A thief has a token, or a password without the second factor, and could name as
    /// many networks as they like.
    pub(crate) fn signed_in_here(&self, account: &str, address: Option<IpAddr>) {
        for guessed in [Guessed::Password, Guessed::DeviceDigits] {
            self.holder_is_here(guessed, account, address);
        }
    }

    /// Notes that a session is used at a network, which keeps the network known if the holder signed in there to begin it.
    pub(crate) fn session_is_here(
        &self,
        account: &str,
        signed_in_at: Option<IpAddr>,
        address: Option<IpAddr>,
    ) {
        if address.is_some_and(|address| Some(network_of(address)) == signed_in_at) {
            self.signed_in_here(account, address);
        }
    }

    /// Notes that the holder of an account showed a second factor at a network.
    pub(crate) fn second_factor_is_here(&self, account: &str, address: Option<IpAddr>) {
        self.holder_is_here(Guessed::OneTimePassword, account, address);
    }

    fn holder_is_here(&self, guessed: Guessed, account: &str, address: Option<IpAddr>) {
        let pair = Pair::new(guessed, account, address);
        self.parts.abuse.attempts.failed.is_here(&pair, self.parts.clock.now());
    }

    /// Notes that the sessions of an account have ended, and that a guesser may have known its password.
    pub(crate) fn sessions_have_ended(&self, account: &str) {
        for guessed in [Guessed::Password, Guessed::DeviceDigits] {
            self.parts.abuse.attempts.failed.forget_networks(&Pair::new(guessed, account, None));
        }
    }
}

impl Attempt {
    /// Takes note of what came of it. `wrong` tells the errors that mean that the secret is not right.
    pub(crate) fn settle<T>(self, result: &Result<T, Error>, wrong: impl FnOnce(&Error) -> bool) {
        match result {
            Ok(_) => self.guess.succeeded(),
            Err(error) if wrong(error) => {}
            // It never came to light whether the guess was right.
            Err(_) => self.withdraw(),
        }
    }

    /// Nothing was compared: it is neither a failure nor a success.
    pub(crate) fn withdraw(self) {
        self.guess.take_back();
    }
}
