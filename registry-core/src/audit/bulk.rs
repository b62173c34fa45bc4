use futures::future::join_all;
use futures::{StreamExt as _, stream};
use indexmap::IndexMap;
use serde_json::value::RawValue;

use crate::Error;
use crate::audit::Audit;
use crate::auth::Caller;
use crate::domain::PackageName;
use crate::error::ProxyError;
use crate::proxy::NamedUpstream;
use crate::upstream::UpstreamError;

use super::AuditedPackages;

/// Advisories by package name, as the upstream sent them.
pub type Advisories = IndexMap<String, Vec<Box<RawValue>>>;

/// How many names are looked up in the store concurrently.
const CONCURRENT_LOOKUPS: usize = 16;

/// Where audits take advisories from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuditSource {
    /// The upstreams that the packages come from.
    #[default]
    Upstream,
    /// The advisories in the store, hosted packages included. No upstream is asked.
    Local,
    /// Both, each advisory once.
    Both,
}

/// The answer to an audit if an upstream fails to return its advisories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuditFallback {
    /// An error, so that clients do not mistake missing advisories for safety.
    #[default]
    Error,
    /// No advisories for the packages of that upstream, and a warning in the log.
    Empty,
}

impl Audit {
    pub(crate) async fn advisories(
        &self,
        caller: &Caller,
        packages: &AuditedPackages,
    ) -> Result<Advisories, Error> {
        let source = self.parts.source;
        let mut advisories = match source {
            AuditSource::Local => Advisories::new(),
            AuditSource::Upstream | AuditSource::Both => self.upstream_advisories(caller, packages).await?,
        };
        if source != AuditSource::Upstream {
            let local = self.local_advisories(caller, packages).await?;
            local.merge_into(&mut advisories);
        }
        Ok(advisories)
    }

    async fn upstream_advisories(
        &self,
        caller: &Caller,
        packages: &AuditedPackages,
    ) -> Result<Advisories, Error> {
        let mut questions: Vec<(NamedUpstream, Vec<PackageName>)> = Vec::new();
        for (name, upstream) in self.may_be_sent(caller, packages).await {
            match questions.iter_mut().find(|(asked, _)| asked.id == upstream.id) {
                Some((_, names)) => names.push(name),
                None => questions.push((upstream, vec![name])),
            }
        }
        let ask = async |(upstream, names): (NamedUpstream, Vec<PackageName>)| {
            let question = packages.only(&names);
            let json = serde_json::to_vec(&question).map_err(Error::internal)?;
            let advisories = match upstream.upstream.advisories(json.into()).await {
                Ok(Some(answer)) => read(&upstream, &answer, &question),
                Ok(None) => Err(Error::Proxy(ProxyError::NoAudits { upstream: upstream.id.to_string() })),
                Err(source) => Err(not_told(&upstream, source)),
            };
            self.or_fall_back(&upstream, advisories)
        };
        let mut merged = Advisories::new();
        for answer in join_all(questions.into_iter().map(ask)).await {
            merged.extend(answer?);
        }
        Ok(merged)
    }

    /// Returns the names that may be sent, each with its upstream.
    async fn may_be_sent(
        &self,
        caller: &Caller,
        packages: &AuditedPackages,
    ) -> Vec<(PackageName, NamedUpstream)> {
        let comes_from_elsewhere = |name: &&PackageName| {
            self.authorization.may_read(caller, name) && self.proxy().upstreams_of(name).next().is_some()
        };
        let names: Vec<_> = packages.names().filter(comes_from_elsewhere).cloned().collect();
        let looks = names.into_iter().map(|name| async move {
            let upstream = match self.upstream_to_audit(&name).await {
                Ok(upstream) => upstream?,
                Err(error) => {
                    tracing::warn!(package = %name, error = &error as &dyn std::error::Error, "left out of an audit: the store cannot tell whether it is hosted here");
                    return None;
                }
            };
            Some((name, upstream))
        });
        stream::iter(looks).buffered(CONCURRENT_LOOKUPS).filter_map(std::future::ready).collect().await
    }

    async fn upstream_to_audit(&self, name: &PackageName) -> Result<Option<NamedUpstream>, Error> {
        let catalog = self.catalog();
        match catalog.if_hosted(name, || catalog.read_packument(name)).await? {
            Some(_) => Ok(None),
            None => Ok(self.proxy().upstream_known_to_have(name).await?.cloned()),
        }
    }

    fn or_fall_back(
        &self,
        upstream: &NamedUpstream,
        answer: Result<Advisories, Error>,
    ) -> Result<Advisories, Error> {
        match (answer, self.parts.fallback) {
            (answer @ Ok(_), _) | (answer @ Err(_), AuditFallback::Error) => answer,
            (Err(error), AuditFallback::Empty) => {
                tracing::warn!(%upstream, error = &error as &dyn std::error::Error, "an audit is answered without this upstream's advisories");
                Ok(Advisories::new())
            }
        }
    }
}

fn not_told(upstream: &NamedUpstream, source: UpstreamError) -> Error {
    Error::Proxy(ProxyError::NoAdvisories { upstream: upstream.id.to_string(), source })
}

/// Parses an upstream's answer, and drops packages that were not requested.
fn read(upstream: &NamedUpstream, answer: &[u8], question: &AuditedPackages) -> Result<Advisories, Error> {
    let mut advisories: Advisories = serde_json::from_slice(answer).map_err(|_| {
        let reason = "advisories that are not in npm's format".to_owned();
        not_told(upstream, UpstreamError::Unusable { upstream: upstream.to_string(), reason })
    })?;
    advisories.retain(|name, _| question.contains(name));
    Ok(advisories)
}
