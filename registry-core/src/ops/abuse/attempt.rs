use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OwnedMutexGuard;

use super::failures::{COUNTERS, FailedLogins, Guess, Guessed, Pair};
use super::queue::{Queue, StrangerTurn, Strangers};
use super::rate::Wait;
use crate::auth::Caller;
use crate::concurrency::KeyedMutex;
use crate::{Error, Registry};

/// How many guesses of one network, and of all, wait for another one at the same secret.
const WAITING_AT_A_NETWORK: usize = 1024;
const WAITING: usize = 8192;

/// The guesses at secrets that this process is asked to check.
#[derive(Debug)]
pub(super) struct Attempts {
    failed: Arc<FailedLogins>,
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
pub(in crate::ops) struct Attempt {
    failed: Arc<FailedLogins>,
    pair: Pair,
    guess: Guess,
    _same_secret: OwnedMutexGuard<()>,
    _turn: Option<StrangerTurn>,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self {
            failed: Arc::new(FailedLogins::holding(COUNTERS)),
            waiting_strangers: Queue::new(WAITING_AT_A_NETWORK, WAITING),
            waiting_known: Queue::new(WAITING_AT_A_NETWORK, WAITING),
            same_secret: KeyedMutex::default(),
            hasher: RandomState::new(),
            strangers: Strangers::new(),
        }
    }
}

impl Registry {
    /// Begins to try a secret of an account, or refuses to after too many that were wrong.
    ///
    /// Clients open many connections with one password. Guesses at the same secret from one network are made one after
    /// the other: when the first was right, a provider remembers that and hashes no more; when it was wrong, each of the
    /// others counts by itself. Passwords of callers who did not log in from their network before wait for one another,
    /// so that a flood of those delays no holder of an account.
    pub(in crate::ops) async fn begin_attempt(
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
        Ok(Attempt { failed: Arc::clone(failed), pair, guess, _same_secret: same_secret, _turn: turn })
    }

    /// Notes that a session of an account is used at a network. Guesses at the account's password from elsewhere then keep
    /// its holder from no login there.
    pub(in crate::ops) fn session_is_here(&self, account: &str, address: Option<IpAddr>) {
        if address.is_some() {
            let pair = Pair::new(Guessed::Password, account, address);
            self.parts.abuse.attempts.failed.is_here(&pair, self.parts.clock.now());
        }
    }

    /// Notes that the sessions of an account have ended. Those of a thief made networks known, too.
    pub(in crate::ops) fn sessions_have_ended(&self, account: &str) {
        self.parts.abuse.attempts.failed.forget_networks(&Pair::new(Guessed::Password, account, None));
    }
}

impl Attempt {
    /// Takes note of what came of it. `wrong` tells the errors that mean that the secret is not right.
    pub(in crate::ops) fn settle<T>(self, result: &Result<T, Error>, wrong: impl FnOnce(&Error) -> bool) {
        match result {
            Ok(_) => self.failed.succeeded(&self.pair, &self.guess),
            Err(error) if wrong(error) => {}
            // It never came to light whether the guess was right.
            Err(_) => self.withdraw(),
        }
    }

    /// Nothing was compared: it is neither a failure nor a success.
    pub(in crate::ops) fn withdraw(self) {
        self.guess.take_back();
    }
}
