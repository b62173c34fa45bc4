use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use moka::sync::Cache;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::GithubSettings;
use super::member::Standing;
use super::trouble::Trouble;
use crate::clock::Clock;
use crate::randomness::{Randomness, random_bytes};

/// The most tokens that are cached.
const MOST: u64 = 10_000;

/// How long a rejected token is not checked again. Short, since the token may have just been created.
const NOT_GOOD: TimeDelta = TimeDelta::seconds(10);

/// How long after a failure GitHub is not asked again for tokens with an older answer.
const AFTER_FAILURE: TimeDelta = TimeDelta::seconds(5);

/// Recent answers of GitHub about tokens. Stores no token: only hashes under a key that never leaves the process.
pub(super) struct Answers {
    clock: Arc<dyn Clock>,
    key: [u8; 32],
    slots: Cache<[u8; 32], Arc<Slot>>,
    fresh: TimeDelta,
    stale: TimeDelta,
    failed: Mutex<Option<DateTime<Utc>>>,
}

/// One token. The lock is held during a request to GitHub, so that concurrent callers share its answer.
#[derive(Default)]
struct Slot {
    asked: AtomicU64,
    known: tokio::sync::Mutex<Known>,
}

#[derive(Default)]
struct Known {
    standing: Option<(Standing, DateTime<Utc>)>,
    trouble: Option<Trouble>,
}

impl Answers {
    pub(super) fn new(settings: &GithubSettings, clock: Arc<dyn Clock>, randomness: &dyn Randomness) -> Self {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX / 4);
        Self {
            clock,
            key: random_bytes(randomness),
            slots: Cache::new(MOST),
            fresh: delta(settings.cache),
            stale: delta(settings.stale),
            failed: Mutex::new(None),
        }
    }

    /// Returns the standing of a token: a fresh cached one, else the answer of `question`, else, while GitHub is
    /// unreachable, the last cached one.
    pub(super) async fn standing(
        &self,
        token: &SecretString,
        question: impl Future<Output = Result<Standing, Trouble>>,
    ) -> Result<Standing, Trouble> {
        let slot = self.slots.get_with(self.hash(token), Arc::default);
        let asked = slot.asked.load(Ordering::Acquire);
        let mut known = slot.known.lock().await;
        let now = self.clock.now();
        // An answer that arrived while this call waited is the one it would have requested.
        let is_shared = slot.asked.load(Ordering::Acquire) != asked;
        if let Some((standing, at)) = &known.standing
            && (self.is_fresh(standing, now - *at) || (is_shared && known.trouble.is_none()))
        {
            return Ok(standing.clone());
        }
        let fallback = known.standing.as_ref().filter(|(standing, at)| {
            let age = now - *at;
            matches!(standing, Standing::In(_)) && TimeDelta::zero() <= age && age < self.fresh + self.stale
        });
        let fallback = fallback.map(|(standing, _)| standing.clone());
        if let Some(trouble) = &known.trouble {
            let is_limited = matches!(trouble, Trouble::Limited(until) if now < *until);
            if is_limited || is_shared {
                return fallback.ok_or_else(|| trouble.clone());
            }
        }
        if let Some(standing) = fallback.as_ref().filter(|_| self.failed_lately(now)) {
            return Ok(standing.clone());
        }
        let answer = question.await;
        slot.asked.fetch_add(1, Ordering::AcqRel);
        match answer {
            Ok(standing) => {
                *known = Known { standing: Some((standing.clone(), now)), trouble: None };
                Ok(standing)
            }
            Err(trouble) => {
                if matches!(trouble, Trouble::Down(_)) {
                    *self.failed() = Some(self.clock.now());
                }
                known.trouble = Some(trouble.clone());
                match fallback {
                    Some(standing) => {
                        tracing::warn!(error = %trouble, "GitHub is unreachable; its cached answer stays in use");
                        Ok(standing)
                    }
                    None => Err(trouble),
                }
            }
        }
    }

    /// Evicts a token.
    pub(super) fn forget(&self, token: &SecretString) {
        self.slots.invalidate(&self.hash(token));
    }

    fn is_fresh(&self, standing: &Standing, age: TimeDelta) -> bool {
        let lifetime = match standing {
            Standing::In(_) => self.fresh,
            Standing::Outside(_) | Standing::Bad => self.fresh.min(NOT_GOOD),
        };
        TimeDelta::zero() <= age && age < lifetime
    }

    fn failed_lately(&self, now: DateTime<Utc>) -> bool {
        self.failed().is_some_and(|at| (TimeDelta::zero()..AFTER_FAILURE).contains(&(now - at)))
    }

    fn failed(&self) -> std::sync::MutexGuard<'_, Option<DateTime<Utc>>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hash(&self, token: &SecretString) -> [u8; 32] {
        Sha256::new().chain_update(self.key).chain_update(token.expose_secret()).finalize().into()
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answers").field("tokens", &self.slots.entry_count()).finish_non_exhaustive()
    }
}
