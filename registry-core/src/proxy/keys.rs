use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::Error;
use crate::error::ProxyError;
use crate::proxy::Proxy;
use crate::upstream::UpstreamError;

use super::NamedUpstream;

/// The cached signing keys of upstreams. The caller that asks an upstream holds the lock, so that concurrent callers
/// share one request.
#[derive(Debug, Default)]
pub(crate) struct CachedKeys(Mutex<HashMap<Arc<str>, CachedKey>>);

/// The last answer of an upstream.
#[derive(Debug, Clone)]
struct CachedKey {
    asked: DateTime<Utc>,
    said: Result<Vec<Value>, Arc<Error>>,
    /// Whether the answer predates a failure of the upstream.
    is_stale: bool,
}

/// npm's format.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

impl Proxy {
    /// Returns `own` keys and those of the upstreams.
    pub(crate) async fn signing_keys(&self, own: Vec<Value>) -> Result<Vec<u8>, Error> {
        let now = self.parts.clock.now();
        let mut kept = self.parts.keys.0.lock().await;
        let upstreams = &self.parts.upstream.upstreams;
        let asked = upstreams
            .iter()
            .filter(|upstream| kept.get(&upstream.id).is_none_or(|kept| !self.is_recent(kept, now)));
        for (upstream, said) in join_all(asked.map(async |upstream| (upstream, ask(upstream).await))).await {
            let before = kept.remove(&upstream.id).map(|kept| kept.said);
            let said = match (said, before) {
                (Err(error), Some(Ok(before))) => {
                    tracing::warn!(%upstream, error = &error as &dyn std::error::Error, "serving cached signing keys after a failed revalidation");
                    CachedKey { asked: now, said: Ok(before), is_stale: true }
                }
                (said, _) => CachedKey { asked: now, said: said.map_err(Arc::new), is_stale: false },
            };
            kept.insert(Arc::clone(&upstream.id), said);
        }
        let mut seen: HashSet<String> = own.iter().map(|key| key["keyid"].to_string()).collect();
        let mut merged = Keys { keys: own };
        for said in upstreams.iter().filter_map(|upstream| kept.get(&upstream.id)) {
            let keys = said.said.as_ref().map_err(|error| Error::Shared(Arc::clone(error)))?;
            merged.keys.extend(keys.iter().filter(|key| seen.insert(key["keyid"].to_string())).cloned());
        }
        if merged.keys.is_empty() {
            return Err(Error::Proxy(ProxyError::NoKeys));
        }
        serde_json::to_vec(&merged).map_err(Error::internal)
    }

    fn is_recent(&self, kept: &CachedKey, now: DateTime<Utc>) -> bool {
        let freshness = &self.parts.upstream.freshness;
        let failed = kept.is_stale || kept.said.is_err();
        let good_for = if failed { freshness.after_failure } else { freshness.packument };
        (now - kept.asked).to_std().unwrap_or_default() < good_for
    }
}

/// Fetches the keys of an upstream; none if it signs nothing.
async fn ask(upstream: &NamedUpstream) -> Result<Vec<Value>, Error> {
    let Some(answer) = upstream.upstream.keys().await? else { return Ok(Vec::new()) };
    let Some((keys, odd)) = read(&answer) else {
        let reason = "signing keys that are not in npm's format".to_owned();
        return Err(UpstreamError::Unusable { upstream: upstream.to_string(), reason }.into());
    };
    if odd > 0 {
        tracing::warn!(%upstream, odd, "ignored signing keys that are not in npm's format");
    }
    Ok(keys)
}

/// Returns the keys in npm's format and the number of others: an invalid key does not discard the rest. `None` if no
/// key is valid and the answer is not empty.
fn read(answer: &Bytes) -> Option<(Vec<Value>, usize)> {
    let Keys { keys } = serde_json::from_slice(answer).ok()?;
    let all = keys.len();
    let good: Vec<_> = keys.into_iter().filter(is_key).collect();
    let odd = all - good.len();
    (odd == 0 || !good.is_empty()).then_some((good, odd))
}

/// Whether clients can read the key: npm fails on a key whose id is missing or not a string.
fn is_key(key: &Value) -> bool {
    key["keyid"].is_string() && key["key"].is_string()
}
