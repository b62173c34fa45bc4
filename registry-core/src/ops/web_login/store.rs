use chrono::TimeDelta;
use futures::StreamExt as _;
use std::sync::atomic::{AtomicI64, Ordering};

use super::record::Session;
use super::session_token::SessionToken;
use crate::blob::{BlobETag, Key, PutOutcome, When};
use crate::concurrency::Backoff;
use crate::{Error, Registry};

/// How often a change is tried against others of the same login.
const ATTEMPTS: u32 = 8;
/// How long a login is kept after it has expired: what it ended with may still be shown.
const KEPT: TimeDelta = TimeDelta::minutes(5);
/// How often a process looks for logins to sweep, in seconds.
const SWEEP_EVERY: i64 = 60;
/// How many are swept at a time, so that whoever comes by does not wait for long.
const SWEPT_AT_A_TIME: usize = 50;

/// Whether there are logins in the browser, and when this process last swept those that have expired.
#[derive(Debug)]
pub(crate) struct WebLogins {
    pub(super) on: bool,
    swept: AtomicI64,
}

impl WebLogins {
    pub(crate) fn new(on: bool) -> Self {
        Self { on, swept: AtomicI64::new(0) }
    }
}

impl Registry {
    /// The login that a token is for, while it lasts.
    pub(super) async fn session(&self, token: &SessionToken) -> Result<(Session, BlobETag), Error> {
        if token.is_expired(self.parts.clock.now()) {
            return Err(Error::WebLoginGone);
        }
        self.session_even_if_expired(token).await
    }

    pub(super) async fn session_even_if_expired(
        &self,
        token: &SessionToken,
    ) -> Result<(Session, BlobETag), Error> {
        let blob = self.parts.store.get(&token.path()?).await?;
        let blob = self.or_proven_absent(blob).await?.ok_or(Error::WebLoginGone)?;
        // What serde says could repeat what a provider keeps here.
        let session = serde_json::from_slice(&blob.bytes)
            .map_err(|_| Error::Damaged("a login in the browser cannot be read".into()))?;
        Ok((session, blob.etag))
    }

    /// Whether it was stored; if not, somebody was faster.
    pub(super) async fn put_session(
        &self,
        token: &SessionToken,
        session: &Session,
        when: When,
    ) -> Result<bool, Error> {
        let json = serde_json::to_vec(session).map_err(crate::ops::publish::internal)?;
        let outcome = self.parts.store.put(&token.path()?, json.into(), when).await?;
        Ok(matches!(outcome, PutOutcome::Stored(_)))
    }

    /// Changes a login, again from a fresh read where somebody was faster.
    pub(super) async fn change_session<T>(
        &self,
        token: &SessionToken,
        mut change: impl FnMut(&mut Session) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut backoff = Backoff::default();
        for _ in 0..ATTEMPTS {
            let (mut session, etag) = self.session(token).await?;
            let answer = change(&mut session)?;
            if self.put_session(token, &session, When::Matches(etag)).await? {
                return Ok(answer);
            }
            backoff.pause(self.parts.randomness.as_ref()).await;
        }
        Err(Error::Busy)
    }

    /// Removes logins that have expired, now and then. They are listed in that order, so nothing is read.
    pub(super) async fn sweep_sessions(&self) -> Result<(), Error> {
        let now = self.parts.clock.now().timestamp();
        if now - self.parts.web_logins.swept.load(Ordering::Relaxed) < SWEEP_EVERY {
            return Ok(());
        }
        self.parts.web_logins.swept.store(now, Ordering::Relaxed);
        let mut sessions = self.parts.store.list(&Key::sessions()?).take(SWEPT_AT_A_TIME);
        let mut expired = Vec::new();
        while let Some(session) = sessions.next().await {
            let path = session?.path;
            let name = path.as_str().rsplit('/').next().unwrap_or_default();
            let until = name.split('-').next().and_then(|until| until.parse::<i64>().ok());
            if until.is_some_and(|until| until + KEPT.num_seconds() > now) {
                break;
            }
            expired.push(path);
        }
        for path in expired {
            self.parts.store.delete(&path).await?;
        }
        Ok(())
    }
}
