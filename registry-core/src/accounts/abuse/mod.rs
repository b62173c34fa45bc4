//! What keeps one caller from wearing out the registry, or from guessing until they are right. All of it is in the
//! memory of the process, bounded, and shared with no other process: behind three replicas, three times as much is let
//! through.

mod attempt;
mod failures;
mod queue;
mod rate;
mod refused;

use std::net::IpAddr;
use std::num::NonZeroU32;

use chrono::TimeDelta;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{Caller, TokenHash};
use crate::limits::Limits;

use attempt::Attempts;
pub(crate) use failures::Guessed;
use rate::{RateLimiter, Wait, network_of};
pub(crate) use refused::Refused;

/// How many logins in the browser, and challenges for a one-time password there, may begin at one address in
/// [`STARTS_PERIOD`]: each takes a place in the store for some minutes.
const STARTS: u32 = 100;
const STARTS_PERIOD: TimeDelta = TimeDelta::minutes(10);
/// The same of all addresses together: however many a client has, it cannot fill the store.
const ALL_STARTS: u32 = 10_000;

/// The limits of one process.
#[derive(Debug)]
pub(crate) struct Abuse {
    attempts: Attempts,
    starts: RateLimiter<IpAddr>,
    all_starts: RateLimiter<()>,
    sign_ups: Option<RateLimiter<IpAddr>>,
    requests: Option<RateLimiter<Whose>>,
    notices: RateLimiter<TokenHash>,
}

/// Whom a request is counted to.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Whose {
    Principal(String),
    Network(IpAddr),
}

impl Abuse {
    pub(crate) fn new(limits: &Limits) -> Self {
        let starts = NonZeroU32::new(STARTS).unwrap_or(NonZeroU32::MIN);
        Self {
            attempts: Attempts::new(),
            starts: RateLimiter::new(starts, STARTS_PERIOD),
            all_starts: RateLimiter::new(
                NonZeroU32::new(ALL_STARTS).unwrap_or(NonZeroU32::MIN),
                STARTS_PERIOD,
            ),
            sign_ups: limits.sign_ups_per_hour.map(|times| RateLimiter::new(times, TimeDelta::hours(1))),
            requests: limits.requests_per_minute.map(|times| RateLimiter::new(times, TimeDelta::minutes(1))),
            notices: RateLimiter::new(NonZeroU32::MIN, TimeDelta::minutes(1)),
        }
    }
}

impl Accounts {
    /// Counts a request to the principal, or where there is none to the address that it came from, and refuses it
    /// where those had too many.
    pub(crate) fn count_request(&self, caller: &Caller) -> Result<(), Error> {
        let Some(requests) = &self.parts.abuse.requests else { return Ok(()) };
        let whose = match (caller.name(), caller.address) {
            (Some(name), _) => Whose::Principal(name.to_owned()),
            (None, Some(address)) => Whose::Network(network_of(address)),
            (None, None) => return Ok(()),
        };
        let taken = requests.take(whose, self.parts.clock.now());
        taken.map_err(|Wait(seconds)| Error::TooManyRequests { seconds })
    }

    /// Whether a client that shows this token is to be told that it is good for nothing: once a minute, since an install is
    /// hundreds of requests and npm prints what each answer says.
    pub(crate) fn is_notice_due(&self, token: TokenHash) -> bool {
        self.parts.abuse.notices.take(token, self.parts.clock.now()).is_ok()
    }

    /// Counts a login in the browser that begins.
    pub(crate) fn count_start(&self, caller: &Caller) -> Result<(), Error> {
        let (abuse, now) = (&self.parts.abuse, self.parts.clock.now());
        let of_network = caller.address.map_or(Ok(()), |address| abuse.starts.take(network_of(address), now));
        of_network
            .and_then(|()| abuse.all_starts.take((), now))
            .map_err(|Wait(seconds)| Error::TooManyRequests { seconds })
    }

    /// Counts an account that is about to be made.
    pub(crate) fn count_sign_up(&self, caller: &Caller) -> Result<(), Error> {
        let (Some(sign_ups), Some(address)) = (&self.parts.abuse.sign_ups, caller.address) else {
            return Ok(());
        };
        let taken = sign_ups.take(network_of(address), self.parts.clock.now());
        taken.map_err(|Wait(seconds)| Error::TooManySignUps { seconds })
    }

    /// Takes back what [`Registry::count_sign_up`] counted: no account was made.
    pub(crate) fn no_sign_up(&self, caller: &Caller) {
        if let (Some(sign_ups), Some(address)) = (&self.parts.abuse.sign_ups, caller.address) {
            sign_ups.give_back(&network_of(address));
        }
    }
}
