use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::member::{Member, is_login};
use crate::blob::{BlobPath, BlobStore, Key, PutOutcome, When};
use crate::clock::Clock;
use crate::error::BoxError;

/// What is kept in the store of those who were let in, since for tokens that the registry made there is no credential
/// that GitHub could be asked about.
pub(super) struct Records {
    store: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
    lifetime: TimeDelta,
}

#[derive(Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    member: Member,
    /// When GitHub last vouched for them.
    checked: DateTime<Utc>,
    /// GitHub has said since that they do not belong here any more.
    left: bool,
}

/// Whether the registry knows somebody of this login as another user of GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remembered {
    Kept,
    /// The login was another user's when it was first seen here.
    LoginOfAnother,
}

impl Records {
    pub(super) fn new(store: Arc<dyn BlobStore>, clock: Arc<dyn Clock>, lifetime: Duration) -> Self {
        let lifetime = TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::MAX);
        Self { store, clock, lifetime }
    }

    /// What is known of the login, if GitHub vouched for it lately enough.
    pub(super) async fn find(&self, login: &str) -> Result<Option<Member>, BoxError> {
        if !is_login(login) {
            return Ok(None);
        }
        let Some((record, _)) = self.read(&path(login)?).await? else { return Ok(None) };
        let age = self.clock.now() - record.checked;
        Ok((!record.left && age < self.lifetime).then_some(record.member))
    }

    /// Keeps that GitHub vouched for somebody now. A record that says the same and is young is left as it is.
    pub(super) async fn keep(&self, member: &Member) -> Result<Remembered, BoxError> {
        let path = path(&member.login)?;
        loop {
            let now = self.clock.now();
            let condition = match self.read(&path).await? {
                None => When::Absent,
                Some((record, _)) if record.member.id != member.id => return Ok(Remembered::LoginOfAnother),
                Some((record, _)) if self.is_young(&record, member, now) => return Ok(Remembered::Kept),
                Some((_, condition)) => condition,
            };
            let record = Record { member: member.clone(), checked: now, left: false };
            if self.write(&path, &record, condition).await? {
                return Ok(Remembered::Kept);
            }
        }
    }

    /// Keeps that somebody does not belong here any more, which ends the tokens that the registry made for them.
    pub(super) async fn end(&self, member: &Member) -> Result<(), BoxError> {
        let path = path(&member.login)?;
        loop {
            match self.read(&path).await? {
                Some((record, condition)) if record.member.id == member.id && !record.left => {
                    if self.write(&path, &Record { left: true, ..record }, condition).await? {
                        return Ok(());
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// Written anew, it would say nothing that is worth a write.
    fn is_young(&self, record: &Record, member: &Member, now: DateTime<Utc>) -> bool {
        let age = now - record.checked;
        !record.left && record.member == *member && TimeDelta::zero() <= age && age < self.lifetime / 8
    }

    async fn read(&self, path: &BlobPath) -> Result<Option<(Record, When)>, BoxError> {
        let Some(blob) = self.store.get(path).await? else { return Ok(None) };
        let record = serde_json::from_slice(&blob.bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("{path} holds no record of a GitHub user: unexpected JSON at line {line}, column {column}; remove it")
        })?;
        Ok(Some((record, When::Matches(blob.etag))))
    }

    /// Whether nobody else wrote meanwhile.
    async fn write(&self, path: &BlobPath, record: &Record, condition: When) -> Result<bool, BoxError> {
        let json = serde_json::to_vec_pretty(record)?;
        Ok(matches!(self.store.put(path, json.into(), condition).await?, PutOutcome::Stored(_)))
    }
}

fn path(login: &str) -> Result<BlobPath, BoxError> {
    Ok(Key::GithubAccount(&login.to_ascii_lowercase()).path()?)
}
