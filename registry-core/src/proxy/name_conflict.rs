use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::Error;
use crate::auth::Caller;
use crate::catalog::Standing;
use crate::domain::PackageName;
use crate::domain::packument::Packument;
use crate::error::BoxError;
use crate::error::{NewPackageError, ProxyError};
use crate::proxy::Proxy;
use crate::upstream::{PackumentForm, UpstreamPackument, Validators};

use super::NamedUpstream;
use super::freshness::State;

/// How long a publisher waits for all upstreams together.
const PATIENCE: Duration = Duration::from_secs(4);

impl Proxy {
    /// Rejects a publish of a name that the access rules take only from upstreams.
    pub(crate) fn require_hosted_here(&self, name: &PackageName) -> Result<(), Error> {
        let access = self.authorization.access();
        let origin = access.origin(name);
        if origin.hosted {
            return Ok(());
        }
        Err(Error::NewPackage(NewPackageError::NotHostedHere {
            name: name.clone(),
            upstreams: origin.upstreams.join(", "),
        }))
    }

    /// Rejects a name for a new package if npm does not permit it, if it differs from another package only in capitals,
    /// if it looks like another one and the settings refuse that, or if an upstream has it. Changes nothing.
    pub(crate) async fn require_free_name(&self, caller: &Caller, name: &PackageName) -> Result<(), Error> {
        name.check_new().map_err(|problem| {
            Error::NewPackage(NewPackageError::NameNotForNew { name: name.clone(), problem })
        })?;
        self.catalog().require_free_spelling(name).await?;
        self.catalog().check_new_name(caller, name, self.parts.clock.now()).await?;
        if self.catalog().standing(name).await? == Standing::Begun {
            // No upstream had the name when it began, and none has answered for it since. An upstream package that took
            // the name in the meantime loses no reader here.
            return Ok(());
        }
        self.require_free_upstream(name).await
    }

    /// Rejects the name of a package to import like that of a new one. npm's rules of new names do not hold for it, since it
    /// exists, and `from` is the registry that it comes from: where that is an upstream, readers get the same package as
    /// before.
    pub(crate) async fn require_free_for_import(&self, name: &PackageName, from: &str) -> Result<(), Error> {
        self.catalog().require_free_spelling(name).await?;
        if self.catalog().standing(name).await? == Standing::Begun {
            return Ok(());
        }
        self.require_free_besides(name, Some(from)).await
    }

    /// Rejects a new package under a name that an upstream has, also in lowercase: an install of one package would get
    /// the other. Also rejects it if an upstream cannot answer.
    ///
    /// An upstream can be asked for one spelling at a time, so of spellings with capitals only the exact one is
    /// checked.
    pub(crate) async fn require_free_upstream(&self, name: &PackageName) -> Result<(), Error> {
        self.require_free_besides(name, None).await
    }

    /// Skips the upstream that is `from`, and caches nothing for an import: a dry run of it writes nothing.
    async fn require_free_besides(&self, name: &PackageName, from: Option<&str>) -> Result<(), Error> {
        if self.authorization.access().origin(name).shadow {
            return Ok(());
        }
        let deadline = Instant::now() + PATIENCE;
        let folded = name.folded();
        for upstream in self.upstreams_of(name).filter(|upstream| from != Some(&upstream.to_string())) {
            if self.has_name(upstream, name, from, deadline).await? {
                let upstream = upstream.id.to_string();
                return Err(Error::NewPackage(NewPackageError::NameTakenUpstream {
                    name: name.clone(),
                    upstream,
                }));
            }
            if folded != *name && self.has_name(upstream, &folded, from, deadline).await? {
                let (name, upstream) = (name.clone(), upstream.id.to_string());
                return Err(Error::NewPackage(NewPackageError::NameInOtherCapitalsUpstream {
                    name,
                    existing: folded,
                    upstream,
                }));
            }
        }
        Ok(())
    }

    async fn has_name(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        from: Option<&str>,
        deadline: Instant,
    ) -> Result<bool, Error> {
        match from {
            Some(_) => self.has_now(upstream, name, deadline).await,
            None => self.has_before(upstream, name, deadline).await,
        }
    }

    /// Checks the store right before an upstream is asked about a name, regardless of cached absences: the answer is
    /// cached and shown to other callers. A package that is about to begin may be asked about.
    pub(super) async fn require_not_hosted(&self, name: &PackageName) -> Result<(), Error> {
        let access = self.authorization.access();
        let origin = access.origin(name);
        if !origin.hosted {
            return Ok(());
        }
        let is_hosted = if let Some(index) = self.catalog().read_packument(name).await? {
            !origin.shadow || !Packument::parse(name, &index.blob.bytes)?.is_new()
        } else {
            self.parts.store.confirm_absence().await?;
            self.catalog().standing(name).await? == Standing::Stored
        };
        if is_hosted {
            self.parts.hosted_check.set_hosted(name);
            return Err(Error::Proxy(ProxyError::PublishedMeanwhile { name: name.clone() }));
        }
        Ok(())
    }

    /// Whether the upstream has the package; an error if it does not answer before `deadline`.
    async fn has_before(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        deadline: Instant,
    ) -> Result<bool, Error> {
        let unchecked = |source| unchecked(upstream, name, source);
        match timeout_at(deadline, self.upstream_state(upstream, name, PackumentForm::Abbreviated)).await {
            Ok(Ok((_, state))) => Ok(matches!(state, State::Present(_))),
            Ok(Err(error)) if error.is_refusal_of_upstream() => Err(error),
            Ok(Err(error)) if error.is_of_upstream() => Err(unchecked(error.into())),
            // The request of another publisher found no such package.
            Ok(Err(error)) if error.is_published_meanwhile() => Ok(false),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(unchecked(format!("{upstream} took too long to answer").into())),
        }
    }

    /// The same, without caching the answer.
    async fn has_now(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        deadline: Instant,
    ) -> Result<bool, Error> {
        if self.is_known_present(upstream, name).await? {
            return Ok(true);
        }
        let unknown = Validators::default();
        let asked = upstream.upstream.packument(name, PackumentForm::Abbreviated, &unknown);
        match timeout_at(deadline, asked).await {
            Ok(Ok(answer)) => Ok(matches!(answer, UpstreamPackument::Found { .. })),
            Ok(Err(error)) => Err(unchecked(upstream, name, error.into())),
            Err(_) => Err(unchecked(upstream, name, format!("{upstream} took too long to answer").into())),
        }
    }
}

fn unchecked(upstream: &NamedUpstream, name: &PackageName, source: BoxError) -> Error {
    let (name, upstream) = (name.clone(), upstream.id.to_string());
    Error::NewPackage(NewPackageError::NameUnchecked { name, upstream, source })
}
