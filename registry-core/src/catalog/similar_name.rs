use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};

use crate::Error;
use crate::auth::Caller;
use crate::catalog::Catalog;
use crate::domain::PackageName;
use crate::error::PolicyError;
use crate::events::EventKind;
use crate::policy::{SimilarNameSettings, SimilarNames};

/// How long the names of hosted packages are not listed again.
const LISTED_FOR: TimeDelta = TimeDelta::minutes(1);

/// The names of hosted packages, and when they were listed.
type ListedNames = (DateTime<Utc>, Arc<BTreeSet<PackageName>>);

/// Checks the names of packages that are new here.
#[derive(Debug)]
pub(crate) struct NameCheck {
    names: SimilarNames,
    hosted: RwLock<Option<ListedNames>>,
}

impl NameCheck {
    pub(crate) fn new(settings: SimilarNameSettings) -> Self {
        Self { names: SimilarNames::new(settings), hosted: RwLock::default() }
    }

    /// Returns a line about a name that was found to look like another within the last hour.
    pub(crate) fn notice(&self, name: &PackageName) -> Option<String> {
        let like = self.names.noted(name)?;
        Some(format!("{name} looks like {like}. If you mean {like}, correct the name"))
    }
}

impl Catalog {
    /// Checks the name of a package that is asked for or published for the first time: where it looks like another, that is told, or
    /// the package is refused. `now` is the time by the registry's clock.
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
        // The answer names the other package, so it is one that the caller may read.
        let readable = hosted.iter().filter(|known| self.authorization.may_read(caller, known));
        let Some(like) = check.names.find(name, readable) else { return Ok(()) };
        if check.names.note(name, like) {
            let refused = check.names.refuses();
            tracing::warn!(package = %name, %like, refused, "a new name looks like another one");
            let kind = EventKind::SimilarName { like: like.clone(), refused };
            self.authorization.emit(caller, Some(name), kind);
        }
        if check.names.refuses() {
            return Err(Error::Policy(PolicyError::SimilarName { name: name.clone(), like: like.clone() }));
        }
        Ok(())
    }

    /// Returns a line about a name that was found to look like another within the last hour.
    pub(crate) fn name_notice(&self, name: &PackageName) -> Option<String> {
        self.parts.name_check.as_ref()?.notice(name)
    }

    async fn hosted_names(
        &self,
        check: &NameCheck,
        now: DateTime<Utc>,
    ) -> Result<Arc<BTreeSet<PackageName>>, Error> {
        let known = check.hosted.read().unwrap_or_else(PoisonError::into_inner).clone();
        // Of a clock that went back, no age is believed.
        let is_recent = |(listed, _): &ListedNames| now >= *listed && now - *listed < LISTED_FOR;
        if let Some((_, names)) = known.filter(is_recent) {
            return Ok(names);
        }
        let names: Arc<BTreeSet<_>> = Arc::new(self.list_packages().await?.into_iter().collect());
        *check.hosted.write().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&names)));
        Ok(names)
    }
}
