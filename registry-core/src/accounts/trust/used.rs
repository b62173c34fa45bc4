use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{IdToken, TokenHash};
use crate::domain::PackageName;
use crate::storage::{BlobPath, Key, PutOutcome, When};

/// The format of the hour in which a token expires. Names sort by time.
const HOUR: &str = "%Y%m%d%H";

/// How long records are needed: the tokens live for an hour at most, and clocks of replicas differ.
const LONGEST: TimeDelta = TimeDelta::hours(3);

/// The most records of earlier exchanges that one exchange removes.
const SWEPT: usize = 20;

/// The record that a token is being exchanged.
pub(super) struct Use {
    hour: String,
    hash: String,
}

impl Accounts {
    /// Records that a token is exchanged for this package, until the token expires. Returns `None` if it was
    /// exchanged before, on any replica. A build that publishes several packages may exchange one token once for
    /// each.
    pub(super) async fn begin_use(
        &self,
        issuer: &str,
        token: &IdToken,
        name: &PackageName,
    ) -> Result<Option<Use>, Error> {
        let mut hash = Sha256::new();
        for part in [issuer, token.id.as_str(), name.as_str()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let usage =
            Use { hour: token.expires.format(HOUR).to_string(), hash: const_hex::encode(hash.finalize()) };
        let path = Key::UsedIdToken(&usage.hour, &usage.hash).path()?;
        match self.parts.store.put(&path, bytes::Bytes::new(), When::Absent).await? {
            PutOutcome::Stored(_) => Ok(Some(usage)),
            PutOutcome::Conflict => Ok(None),
        }
    }

    /// Records which token the build got, so that both are removed together.
    pub(super) async fn end_use(&self, usage: &Use, made: TokenHash) -> Result<(), Error> {
        let path = Key::UsedIdToken(&usage.hour, &usage.hash).path()?;
        let _ = self.parts.store.put(&path, made.to_hex().into(), When::Always).await?;
        Ok(())
    }

    /// Removes records that expired long ago, with the tokens that builds got. A failure is only logged: the next
    /// exchange tries again.
    pub(super) async fn sweep_used(&self, now: DateTime<Utc>) {
        if let Err(error) = self.try_to_sweep_used(now).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "expired exchange records were not removed"
            );
        }
    }

    async fn try_to_sweep_used(&self, now: DateTime<Utc>) -> Result<(), Error> {
        let before = (now - LONGEST).format(HOUR).to_string();
        let root = Key::used_id_tokens(None)?;
        let mut used = self.parts.store.list(&root);
        for _ in 0..SWEPT {
            let Some(blob) = used.try_next().await? else { break };
            let hour = blob.path.as_str().split('/').nth(1);
            if hour.is_none_or(|hour| hour >= before.as_str()) {
                break;
            }
            self.remove_used(&blob.path).await?;
        }
        Ok(())
    }

    /// Removes all records that expired before `before`, with the tokens that builds got. Returns how many.
    pub(crate) async fn sweep_used_before(&self, before: DateTime<Utc>, dry_run: bool) -> Result<u64, Error> {
        let before = before.min(self.parts.clock.now() - LONGEST).format(HOUR).to_string();
        let mut used = self.parts.store.list(&Key::used_id_tokens(None)?);
        let mut swept = 0;
        while let Some(blob) = used.try_next().await? {
            let hour = blob.path.as_str().split('/').nth(1);
            if hour.is_none_or(|hour| hour >= before.as_str()) {
                break;
            }
            if !dry_run {
                self.remove_used(&blob.path).await?;
            }
            swept += 1;
        }
        Ok(swept)
    }

    async fn remove_used(&self, path: &BlobPath) -> Result<(), Error> {
        if let Some(kept) = self.parts.store.get(path).await?
            && let Ok(hash) = std::str::from_utf8(&kept.bytes)
            && let Some(hash) = TokenHash::from_hex(hash)
        {
            self.parts.store.delete(&Key::Token(&hash.to_hex()).path()?).await?;
        }
        Ok(self.parts.store.delete(path).await?)
    }
}
