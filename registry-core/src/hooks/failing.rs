use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use serde::Serialize;

use crate::Error;
use crate::storage::{Key, Storage};

use super::record::parse;
use super::state::HookState;

/// A hook for which changes wait because its endpoint fails or refuses them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FailingHook {
    /// Its id.
    pub id: String,
    /// The account that made it.
    pub account: String,
    /// The host of its endpoint. The rest of the URL may contain a secret.
    pub host: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// How many changes wait.
    pub waiting: usize,
    /// What the last attempt failed with.
    pub error: String,
    /// How many changes were given up.
    pub given_up: u64,
}

/// Returns the hooks that fail, those that have failed longest first.
pub(crate) async fn failing_hooks(store: &Storage) -> Result<Vec<FailingHook>, Error> {
    let mut failing = Vec::new();
    // A hook that nothing waits for has no trouble.
    for id in store.list_folders(&Key::hook_deliveries()?).await? {
        let Some(record) = parse(store.get(&Key::Hook(&id).path()?).await?.as_ref())? else { continue };
        let state = HookState::read(store, &id).await?;
        let Some((since, error)) = state.trouble() else { continue };
        let waiting: Vec<_> = store.list(&Key::hook_deliveries_to(&id)?).try_collect().await?;
        failing.push(FailingHook {
            account: record.account,
            host: record.endpoint.host_str().unwrap_or_default().to_owned(),
            since,
            waiting: waiting.len(),
            error: error.to_owned(),
            given_up: state.given_up,
            id,
        });
    }
    failing.sort_by(|one, other| (one.since, &one.id).cmp(&(other.since, &other.id)));
    Ok(failing)
}
