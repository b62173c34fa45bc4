//! Rate limits and brute-force protection. All state is in memory, bounded, and not shared between processes: three
//! replicas let through three times as much.

mod attempt;
mod failures;
mod queue;
mod rate;
mod rejection;

use std::net::IpAddr;
use std::num::NonZeroU32;

pub(crate) use attempt::Attempt;
use attempt::Attempts;
use chrono::TimeDelta;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{Caller, TokenHash};
use crate::error::LoginError;
use crate::limits::Limits;
pub(crate) use failures::Guessed;
use rate::{RateLimiter, Wait, network_of};

/// The most browser logins and browser one-time-password challenges that may begin at one address per
/// [`STARTS_PERIOD`]. Each occupies an object in the store for some minutes.
const STARTS: u32 = 100;
const STARTS_PERIOD: TimeDelta = TimeDelta::minutes(10);
/// The same for all addresses together, so that a client with many addresses cannot fill the store.
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
    expiring: RateLimiter<TokenHash>,
}

/// What a request is counted against.
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
            expiring: RateLimiter::new(NonZeroU32::MIN, TimeDelta::days(1)),
        }
    }
}

impl Accounts {
    /// Counts a request against the principal, or against the network of an anonymous caller, and rejects it over the
    /// limit.
    pub(crate) fn count_request(&self, caller: &Caller) -> Result<(), Error> {
        let Some(requests) = &self.parts.abuse.requests else { return Ok(()) };
        let whose = match (caller.name(), caller.address) {
            (Some(name), _) => Whose::Principal(name.to_owned()),
            (None, Some(address)) => Whose::Network(network_of(address)),
            (None, None) => return Ok(()),
        };
        let taken = requests.take(whose, self.parts.clock.now());
        taken.map_err(|Wait(seconds)| Error::Login(LoginError::TooManyRequests { seconds }))
    }

    /// Returns whether to tell the client that this token is not valid. At most once a minute per token, since an
    /// install makes hundreds of requests and npm prints each notice.
    pub(crate) fn is_notice_due(&self, token: TokenHash) -> bool {
        self.parts.abuse.notices.take(token, self.parts.clock.now()).is_ok()
    }

    /// Returns whether to emit that this token ends soon: at most once a day per token.
    pub(crate) fn is_expiry_due(&self, token: TokenHash) -> bool {
        self.parts.abuse.expiring.take(token, self.parts.clock.now()).is_ok()
    }

    /// Counts the start of a browser login and rejects it over the limit.
    pub(crate) fn count_start(&self, caller: &Caller) -> Result<(), Error> {
        let (abuse, now) = (&self.parts.abuse, self.parts.clock.now());
        let of_network = caller.address.map_or(Ok(()), |address| abuse.starts.take(network_of(address), now));
        of_network
            .and_then(|()| abuse.all_starts.take((), now))
            .map_err(|Wait(seconds)| Error::Login(LoginError::TooManyRequests { seconds }))
    }

    /// Counts an account creation before it happens and rejects it over the limit.
    pub(crate) fn count_sign_up(&self, caller: &Caller) -> Result<(), Error> {
        let (Some(sign_ups), Some(address)) = (&self.parts.abuse.sign_ups, caller.address) else {
            return Ok(());
        };
        let taken = sign_ups.take(network_of(address), self.parts.clock.now());
        taken.map_err(|Wait(seconds)| Error::Login(LoginError::TooManySignUps { seconds }))
    }

    /// Undoes [`Accounts::count_sign_up`] when no account was created.
    pub(crate) fn no_sign_up(&self, caller: &Caller) {
        if let (Some(sign_ups), Some(address)) = (&self.parts.abuse.sign_ups, caller.address) {
            sign_ups.give_back(&network_of(address));
        }
    }
}
