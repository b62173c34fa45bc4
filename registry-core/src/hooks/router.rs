use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Deserialize;

use crate::Error;
use crate::changes::{ChangeSink, DeliveredChange};
use crate::clock::Clock;
use crate::domain::PackageName;
use crate::domain::packument::Packument;
use crate::events::EventError;
use crate::storage::{Key, Storage, When};

use super::payload::is_for_hooks;
use super::{Dispatch, HookType};

/// For how many hooks markers are written at the same time.
const CONCURRENCY: usize = 32;

/// Type and name → the ids of the hooks.
type HooksByTarget = BTreeMap<(String, String), Vec<String>>;

/// The sink of the change feed that writes down which hooks a change is for. It waits for no hook.
pub(crate) struct HookRouter {
    pub(crate) store: Arc<Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Learns which hooks have new markers.
    pub(crate) dispatch: Arc<Dispatch>,
}

/// The part of an event that the router reads.
#[derive(Deserialize)]
struct RoutedEvent {
    #[serde(default)]
    package: Option<PackageName>,
    kind: String,
}

impl HookRouter {
    /// The name of the sink.
    pub(crate) const NAME: &str = "npm-hooks";

    async fn route(&self, changes: &[DeliveredChange]) -> Result<(), Error> {
        let hooks = self.hooks().await?;
        if hooks.is_empty() {
            return Ok(());
        }
        let has_owners = hooks.keys().any(|(sort, _)| sort == HookType::Owner.as_str());
        let mut waiting: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        // An event that is sent again, beside the feed, has no number that the delivery could find it by.
        for change in changes.iter().filter(|change| change.seq > 0) {
            let event: RoutedEvent =
                serde_json::from_str(change.event.get()).map_err(|error| Error::Damaged(error.into()))?;
            let Some(package) = event.package.filter(|_| is_for_hooks(&event.kind)) else { continue };
            let target = |sort: HookType, name: &str| (sort.as_str().to_owned(), name.to_owned());
            let mut targets = vec![target(HookType::Package, package.as_str())];
            targets.extend(package.scope().map(|scope| target(HookType::Scope, &format!("@{scope}"))));
            if has_owners {
                let owners = self.owners(&package).await?;
                targets.extend(owners.iter().map(|owner| target(HookType::Owner, owner)));
            }
            for target in &targets {
                for id in hooks.get(target).into_iter().flatten() {
                    waiting.entry(id).or_default().push(change.seq);
                }
            }
        }
        // Hooks that fail come last: their markers are no hurry.
        let (now, mut waiting) = (self.clock.now(), Vec::from_iter(waiting));
        waiting.sort_by_key(|(id, _)| self.dispatch.is_paused(id, now, true));
        let marked = waiting.into_iter().map(|(id, changes)| self.mark(id, changes));
        let marked: Vec<_> = marked.collect();
        stream::iter(marked).buffer_unordered(CONCURRENCY).try_collect().await
    }

    /// Writes the markers of one hook, in order: a marker that is found first is posted first.
    async fn mark(&self, id: &str, changes: Vec<u64>) -> Result<(), Error> {
        for seq in changes {
            let marker = Key::HookDelivery(id, seq).path()?;
            let _ = self.store.put(&marker, Bytes::new(), When::Always).await?;
        }
        self.dispatch.announce(id);
        Ok(())
    }

    async fn hooks(&self) -> Result<HooksByTarget, Error> {
        let found: Vec<_> = self.store.list(&Key::hook_targets()?).try_collect().await?;
        let mut hooks = HooksByTarget::new();
        for (sort, name, id) in found.iter().filter_map(|found| Key::hook_at(&found.path)) {
            hooks.entry((sort, name)).or_default().push(id);
        }
        Ok(hooks)
    }

    async fn owners(&self, package: &PackageName) -> Result<Vec<String>, Error> {
        let Some(blob) = self.store.get_proven(&Key::Packument(package).path()?).await? else {
            return Ok(Vec::new());
        };
        let packument = Packument::parse(package, &blob.bytes)?;
        Ok(packument.maintainers.into_iter().map(|owner| owner.name).collect())
    }
}

#[async_trait]
impl ChangeSink for HookRouter {
    async fn deliver(&self, changes: &[DeliveredChange]) -> Result<(), EventError> {
        let routed = self.route(changes).await;
        routed.map_err(|error| EventError { sink: self.to_string(), source: error.into() })
    }
}

impl fmt::Debug for HookRouter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HookRouter").finish_non_exhaustive()
    }
}

impl fmt::Display for HookRouter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the hooks of accounts")
    }
}
