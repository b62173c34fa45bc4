mod approve;
mod cleanup;
mod list;
mod record;
mod reject;
mod submit;
mod sweep;
mod view;

use crate::Error;
use crate::auth::Caller;
use crate::domain::packument::{Packument, StagedVersion};
use crate::domain::{PackageName, StageId, Version};
use crate::error::{PackageError, PermissionError, StageError};
use crate::packages::Packages;

use crate::authorization::WriteRight;
use crate::concurrency::compute;

use record::StageRecord;

/// A version that awaits approval or rejection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedItem {
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// The details of the staged version.
    pub staged: StagedVersion,
    /// Whether an anonymous caller may read the package.
    pub is_public: bool,
}

/// What became of a staged version, by its packument.
enum Fate {
    Waiting(StagedVersion),
    Approved,
    /// It was approved and later unpublished.
    Unpublished,
    /// It was rejected, or never completed.
    Gone,
}

impl Fate {
    fn of(packument: &Packument<'_>, version: &Version, id: StageId) -> Self {
        let number = version.as_str();
        match packument.staged.get(number) {
            Some(staged) if staged.id == id => Self::Waiting(staged.clone()),
            _ if packument.approved.get(number) != Some(&id) => Self::Gone,
            _ if packument.versions.contains_key(number) => Self::Approved,
            _ => Self::Unpublished,
        }
    }
}

impl Packages {
    /// Returns what became of a staged version, once the packument confirms the caller's right.
    async fn fate_of(
        &self,
        caller: &Caller,
        id: StageId,
        record: &StageRecord,
        right: &WriteRight,
    ) -> Result<Fate, Error> {
        let index = self.catalog().require_packument(&record.package).await?;
        let (name, version, right) = (record.package.clone(), record.version.clone(), right.clone());
        let fate = compute(index.blob.bytes.len(), move || {
            let packument = Packument::parse(&name, &index.blob.bytes)?;
            right.require_ownership(&packument)?;
            Ok(Fate::of(&packument, &version, id))
        });
        self.authorization.report_denial(caller, &record.package, fate.await?)
    }
}

/// Hides from callers who may not decide on a staged version that it exists, and its package from tokens for other
/// packages.
fn hide(caller: &Caller, id: StageId) -> impl Fn(Error) -> Error {
    let limits = caller.limits.clone();
    move |error| match error {
        Error::Permission(
            PermissionError::Forbidden { .. }
            | PermissionError::Hidden { .. }
            | PermissionError::DeniedByRule { .. },
        )
        | Error::Package(PackageError::NotFound(_)) => Error::Stage(StageError::NotFound { id }),
        Error::Permission(PermissionError::TokenForbids { name, .. })
            if limits.as_ref().is_some_and(|limits| !limits.is_for(&name)) =>
        {
            Error::Stage(StageError::NotFound { id })
        }
        other => other,
    }
}
