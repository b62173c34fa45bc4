use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};

use crate::Error;
use crate::auth::Caller;
use crate::catalog::Catalog;
use crate::concurrency::{SingleFlight, compute_elsewhere};
use crate::domain::PackageName;
use crate::error::PolicyError;
use crate::events::EventKind;
use crate::policy::{FoundName, KnownNames, SimilarNameSettings, SimilarNames};

/// How long the names of hosted packages are not listed again.
const LISTED_FOR: TimeDelta = TimeDelta::minutes(1);
/// The most hosted packages that are looked at, of those that a name looks like.
const MOST_LOOKED_AT: usize = 20;

/// The names of hosted packages, and when they were listed.
type ListedNames = (DateTime<Utc>, Arc<KnownNames>);

/// Checks the names of packages that are new here.
#[derive(Debug)]
pub(crate) struct NameCheck {
    names: SimilarNames,
    hosted: RwLock<Option<ListedNames>>,
    flights: SingleFlight<(), KnownNames>,
}

impl NameCheck {
    pub(crate) fn new(settings: SimilarNameSettings) -> Self {
        Self {
            names: SimilarNames::new(settings),
            hosted: RwLock::default(),
            flights: SingleFlight::default(),
        }
    }

    /// Returns a line about a name that was found to look like another within the last hour.
    pub(crate) fn notice(&self, name: &PackageName) -> Option<String> {
        let like = self.names.noted(name)?;
        Some(format!("{name} looks like {like}. If you mean {like}, correct the name"))
    }

    fn listed(&self, now: DateTime<Utc>) -> Option<Arc<KnownNames>> {
        let known = self.hosted.read().unwrap_or_else(PoisonError::into_inner).clone();
        // Of a clock that went back, no age is believed.
        let is_recent = |(listed, _): &ListedNames| now >= *listed && now - *listed < LISTED_FOR;
        known.filter(is_recent).map(|(_, names)| names)
    }
}

/// What a name was found to look like.
struct Likeness {
    found: FoundName,
    /// Whether the caller may be told of it.
    is_told: bool,
}

impl Catalog {
    /// Checks the name of a package that is asked for or published for the first time: where it looks like another, that is told, or
    /// the package is refused. Of a package that the caller may not see, only operators are told, and nothing is refused, since that
    /// would tell of it. `now` is the time by the registry's clock.
    pub(crate) async fn check_new_name(
        &self,
        caller: &Caller,
        name: &PackageName,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let Some(check) = &self.parts.name_check else { return Ok(()) };
        if check.names.is_exempt(name) {
            return Ok(());
        }
        let hosted = self.hosted_names(check, now).await?;
        if hosted.contains(name) {
            return Ok(());
        }
        let Some(Likeness { found, is_told }) = self.likeness(caller, check, hosted, name).await? else {
            return Ok(());
        };
        let refused = is_told && check.names.refuses();
        if check.names.note(name, &found) {
            let like = &found.like;
            tracing::warn!(package = %name, %like, refused, "a new name looks like another one");
            self.authorization.emit(
                caller,
                Some(name),
                EventKind::SimilarName { like: like.clone(), refused },
            );
        }
        if refused {
            return Err(Error::Policy(PolicyError::SimilarName { name: name.clone(), like: found.like }));
        }
        Ok(())
    }

    /// Returns a line about a name that was found to look like another within the last hour.
    pub(crate) fn name_notice(&self, name: &PackageName) -> Option<String> {
        self.parts.name_check.as_ref()?.notice(name)
    }

    async fn likeness(
        &self,
        caller: &Caller,
        check: &NameCheck,
        hosted: Arc<KnownNames>,
        name: &PackageName,
    ) -> Result<Option<Likeness>, Error> {
        if let Some(like) = check.names.popular_like(name) {
            return Ok(Some(Likeness { found: FoundName { like, is_public: true }, is_told: true }));
        }
        let looked_for = name.clone();
        let alike = compute_elsewhere(move || hosted.like(&looked_for)).await?;
        for like in alike.iter().take(MOST_LOOKED_AT) {
            if self.may_see(caller, like).await? {
                let is_public = self.may_see(&Caller::anonymous(), like).await?;
                let found = FoundName { like: like.clone(), is_public };
                return Ok(Some(Likeness { found, is_told: true }));
            }
        }
        let hidden = alike.into_iter().next().map(|like| FoundName { like, is_public: false });
        Ok(hidden.map(|found| Likeness { found, is_told: false }))
    }

    /// Whether the caller may know that a package is hosted here.
    pub(crate) async fn may_see(&self, caller: &Caller, name: &PackageName) -> Result<bool, Error> {
        if !self.authorization.may_read(caller, name) {
            return Ok(false);
        }
        match self.hosted_summary(name).await {
            Ok(Some(summary)) => Ok(self.authorization.is_among(caller, name, &summary.audience)),
            Ok(None) | Err(Error::Package(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn hosted_names(&self, check: &NameCheck, now: DateTime<Utc>) -> Result<Arc<KnownNames>, Error> {
        if let Some(names) = check.listed(now) {
            return Ok(names);
        }
        let list = async {
            // Another caller may have listed them since.
            if let Some(names) = check.listed(now) {
                return Ok(Some(names));
            }
            let names = self.list_packages().await?;
            let names = Arc::new(compute_elsewhere(move || names.into_iter().collect::<KnownNames>()).await?);
            *check.hosted.write().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&names)));
            Ok::<_, Error>(Some(names))
        };
        let listed = Box::pin(check.flights.run(&(), list)).await?;
        listed.ok_or_else(|| Error::internal("the hosted packages were not listed"))
    }
}
