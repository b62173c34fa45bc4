use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OwnedMutexGuard;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::Caller;
use crate::concurrency::KeyedMutex;
use crate::error::LoginError;

use super::failures::{COUNTERS, FailedLogins, Guess, Guessed, Pair};
use super::queue::{Queue, StrangerTurn, Strangers};
use super::rate::{Wait, network_of};

/// The most guesses, per network and in total, that wait for another guess at the same secret.
const WAITING_AT_A_NETWORK: usize = 1024;
const WAITING: usize = 8192;

/// The guesses at secrets that this process checks.
#[derive(Debug)]
pub(super) struct Attempts {
    failed: FailedLogins,
    waiting_strangers: Queue,
    waiting_known: Queue,
    /// One lock per guessed secret. The key is a keyed hash, so that callers cannot predict it.
    same_secret: KeyedMutex<u64>,
    hasher: RandomState,
    strangers: Strangers,
}

/// A guess whose outcome is not known yet. It counts as a failure until it is settled or withdrawn.
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
    /// Begins to check a secret of an account. Returns an error with the wait after too many failed guesses.
    ///
    /// Clients open many connections with one password, so guesses at the same secret from one network are checked
    /// one at a time. After a right guess the provider answers from its cache; after a wrong one, each further guess
    /// counts as a failure. Passwords of callers who have not logged in from their network before queue separately,
    /// so that a flood of them does not delay account holders.
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
        let after_failures = |Wait(seconds)| Error::Login(LoginError::TooManyFailures { seconds });
        let after_requests = |Wait(seconds)| Error::Login(LoginError::TooManyRequests { seconds });
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

    /// Records that the holder of an account signed in from a network, with the second factor where the account has
    /// one. Guesses from other networks then no longer delay logins from this one.
    ///
    /// Only a complete sign-in makes a network known: a thief with a token, or with a password but no second factor,
    /// could otherwise add any number of networks.
    pub(crate) fn signed_in_here(&self, account: &str, address: Option<IpAddr>) {
        for guessed in [Guessed::Password, Guessed::DeviceDigits] {
            self.holder_is_here(guessed, account, address);
        }
    }

    /// Records that a session is used from a network, which keeps the network known if the session's sign-in happened
    /// there.
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

    /// Records that the holder of an account showed a second factor from a network.
    pub(crate) fn second_factor_is_here(&self, account: &str, address: Option<IpAddr>) {
        self.holder_is_here(Guessed::OneTimePassword, account, address);
    }

    fn holder_is_here(&self, guessed: Guessed, account: &str, address: Option<IpAddr>) {
        let pair = Pair::new(guessed, account, address);
        self.parts.abuse.attempts.failed.is_here(&pair, self.parts.clock.now());
    }

    /// Records that the sessions of an account have ended. Its known networks are forgotten, since a guesser may have
    /// known its password.
    pub(crate) fn sessions_have_ended(&self, account: &str) {
        for guessed in [Guessed::Password, Guessed::DeviceDigits] {
            self.parts.abuse.attempts.failed.forget_networks(&Pair::new(guessed, account, None));
        }
    }
}

impl Attempt {
    /// Records the outcome. `wrong` selects the errors that mean a wrong secret.
    pub(crate) fn settle<T>(self, result: &Result<T, Error>, wrong: impl FnOnce(&Error) -> bool) {
        match result {
            Ok(_) => self.guess.succeeded(),
            Err(error) if wrong(error) => {}
            // The guess was never compared.
            Err(_) => self.withdraw(),
        }
    }

    /// Removes the guess from the counts: nothing was compared.
    pub(crate) fn withdraw(self) {
        self.guess.take_back();
    }
}
