use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;

use crate::Error;
use crate::accounts::Accounts;
use crate::error::LoginError;
use crate::storage::{Blob, BlobDecision, BlobPath, Key, PutOutcome, When};

use super::record::Session;
use super::session_token::SessionToken;

/// How long a login is stored after it expires: its proof may still be in use.
const KEPT: TimeDelta = TimeDelta::minutes(5);
/// How often a process sweeps expired logins, in seconds.
const SWEEP_EVERY: i64 = 60;
/// How many logins one sweep removes, so that the request that triggers it is not delayed for long.
const SWEPT_AT_A_TIME: usize = 50;

/// Whether browser login is enabled, and when this process last swept expired logins.
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

impl Accounts {
    /// Returns the login of a token until it expires.
    pub(super) async fn session(&self, token: &SessionToken) -> Result<Session, Error> {
        self.require_lasting(token)?;
        read(self.parts.store.get_proven(&token.path()?).await?.as_ref())
    }

    /// Stores a new login. Returns `false` if a login of this token exists.
    pub(super) async fn put_new_session(
        &self,
        token: &SessionToken,
        session: &Session,
    ) -> Result<bool, Error> {
        let outcome = self.parts.store.put(&token.path()?, write(session)?, When::Absent).await?;
        Ok(matches!(outcome, PutOutcome::Stored(_)))
    }

    /// Changes a login that has not expired.
    pub(super) async fn change_session<T: Send + Sync>(
        &self,
        token: &SessionToken,
        mut change: impl FnMut(&mut Session) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        self.change_session_even_if_expired(token, |session| {
            self.require_lasting(token)?;
            change(session)
        })
        .await
    }

    pub(super) async fn change_session_even_if_expired<T: Send + Sync>(
        &self,
        token: &SessionToken,
        mut change: impl FnMut(&mut Session) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let path = token.path()?;
        let update = self.parts.store.update_with(&path, |stored| {
            let mut session = read(stored)?;
            let answer = change(&mut session)?;
            let json = write(&session)?;
            let is_unchanged = stored.is_some_and(|blob| blob.bytes == json);
            Ok::<_, Error>(if is_unchanged {
                BlobDecision::Keep(answer)
            } else {
                BlobDecision::Write(json, answer)
            })
        });
        update.await
    }

    fn require_lasting(&self, token: &SessionToken) -> Result<(), Error> {
        if token.is_expired(self.parts.clock.now()) {
            Err(Error::Login(LoginError::WebLoginGone))
        } else {
            Ok(())
        }
    }

    /// Removes expired logins periodically. They are listed in order of expiry, so nothing is read.
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
            if expiry_of(&path).is_some_and(|until| until + KEPT.num_seconds() > now) {
                break;
            }
            expired.push(path);
        }
        for path in expired {
            self.parts.store.delete(&path).await?;
        }
        Ok(())
    }

    /// Deletes all logins that expired before `before`, and returns how many.
    pub(crate) async fn sweep_sessions_before(
        &self,
        before: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<u64, Error> {
        let before = before.timestamp() - KEPT.num_seconds();
        let mut sessions = self.parts.store.list(&Key::sessions()?);
        let mut swept = 0;
        while let Some(session) = sessions.next().await {
            let path = session?.path;
            if expiry_of(&path).is_none_or(|until| until >= before) {
                continue;
            }
            if !dry_run {
                self.parts.store.delete(&path).await?;
            }
            swept += 1;
        }
        Ok(swept)
    }
}

/// Returns the second when a login expires.
fn expiry_of(path: &BlobPath) -> Option<i64> {
    path.as_str().rsplit('/').next()?.split('-').next()?.parse().ok()
}

fn read(stored: Option<&Blob>) -> Result<Session, Error> {
    let blob = stored.ok_or(Error::Login(LoginError::WebLoginGone))?;
    // The error of serde could quote the provider's state.
    serde_json::from_slice(&blob.bytes)
        .map_err(|_| Error::Damaged("a login in the browser cannot be read".into()))
}

fn write(session: &Session) -> Result<Bytes, Error> {
    Ok(serde_json::to_vec(session).map_err(Error::internal)?.into())
}
