use chrono::{DateTime, Utc};
use futures::{TryStreamExt as _, future};

use crate::Error;
use crate::accounts::Accounts;
use crate::storage::{Key, ListedBlob};

use super::list::hash_of;

/// How many records are read concurrently.
const AT_A_TIME: usize = 16;

impl Accounts {
    /// Deletes tokens that expired before `before`, and markers of tokens that are gone. Returns how many of each.
    pub(crate) async fn sweep_tokens(
        &self,
        before: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<(u64, u64), Error> {
        let tokens = self.parts.store.list(&Key::tokens()?).map_err(Error::from);
        let tokens = tokens.map_ok(|token| self.sweep_token(token, before, dry_run));
        let tokens = tokens.try_buffer_unordered(AT_A_TIME);
        let tokens = tokens.try_fold(0, |sum, swept| future::ready(Ok(sum + u64::from(swept)))).await?;
        let markers = self.parts.store.list(&Key::token_holders()?).map_err(Error::from);
        let markers = markers.map_ok(|marker| self.sweep_marker(marker, before, dry_run));
        let markers = markers.try_buffer_unordered(AT_A_TIME);
        let markers = markers.try_fold(0, |sum, swept| future::ready(Ok(sum + u64::from(swept)))).await?;
        Ok((tokens, markers))
    }

    async fn sweep_token(
        &self,
        token: ListedBlob,
        before: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<bool, Error> {
        let Some(hash) = hash_of(&token.path) else { return Ok(false) };
        let record = match self.token_record(&hash.to_hex()).await {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(false),
            Err(Error::Damaged(error)) => {
                tracing::warn!(path = %token.path, error = &*error, "a token cannot be read, so it stays");
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let is_expired = record.limits.is_expired(before);
        if is_expired && !dry_run {
            self.forget_token(hash, &record).await?;
        }
        Ok(is_expired)
    }

    /// The marker is written before the token, so a young one without a token may be about to get it.
    async fn sweep_marker(
        &self,
        marker: ListedBlob,
        before: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<bool, Error> {
        let Some(hash) = hash_of(&marker.path).filter(|_| marker.last_modified < before) else {
            return Ok(false);
        };
        let token = Key::Token(&hash.to_hex()).path()?;
        if self.parts.store.get_proven(&token).await?.is_some() {
            return Ok(false);
        }
        if !dry_run {
            self.parts.store.delete(&marker.path).await?;
        }
        Ok(true)
    }
}
