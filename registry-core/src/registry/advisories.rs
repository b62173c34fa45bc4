use std::sync::Arc;

use serde_json::Value;

use crate::advisories::{AdvisoryDump, AdvisoryStatus, ListedAdvisory};
use crate::auth::Caller;
use crate::domain::PackageName;
use crate::packages::{AddedAdvisory, AdvisoryUpdate, SbomSubject};
use crate::{Error, Registry};

/// Without a caller, these answer an operator: no access check is made.
impl Registry {
    /// Writes a bill of materials in the format of CycloneDX 1.6, with the advisories that affect its versions. `base` is the URL
    /// below which the tarballs are. A caller must be allowed to read the packages; of a lock file, those that they may not read are
    /// listed with what the lock file says.
    pub async fn sbom(
        &self,
        caller: Option<&Caller>,
        subject: &SbomSubject,
        base: &str,
    ) -> Result<Value, Error> {
        self.packages().sbom(caller, subject, &Arc::from(base)).await
    }

    /// Returns which advisories the store has; `None` if there never were any. Fails if they cannot be read or verified.
    pub async fn advisory_status(&self) -> Result<Option<AdvisoryStatus>, Error> {
        self.parts.advisories.status().await
    }

    /// Replaces the advisories of the database for all replicas, within
    /// [`AdvisorySettings::cached_for`](crate::advisories::AdvisorySettings::cached_for). `source` says where they came from, for
    /// operators. Advisories of administrators stay. With `begin_anew`, a record that cannot be read or verified is replaced, too,
    /// and those are lost. Versions of packages here that new advisories name are recalled, as
    /// [`RecallSettings::advisories`](crate::policy::RecallSettings::advisories) says.
    pub async fn update_advisories(
        &self,
        dump: AdvisoryDump,
        source: &str,
        begin_anew: bool,
    ) -> Result<AdvisoryUpdate, Error> {
        self.packages().update_advisories(&self.parts.advisories, dump, source.to_owned(), begin_anew).await
    }

    /// Lists the advisories for a package; without one, those that administrators added and, with `all`, those of the database.
    pub async fn list_advisories(
        &self,
        name: Option<&PackageName>,
        all: bool,
    ) -> Result<Vec<ListedAdvisory>, Error> {
        self.parts.advisories.list(name, all).await
    }

    /// Adds an advisory of an administrator, in OSV's format, or replaces the one of the same id. Versions of packages
    /// here that it names are recalled, as [`RecallSettings::advisories`](crate::policy::RecallSettings::advisories) says.
    pub async fn add_advisory(&self, osv: &[u8]) -> Result<AddedAdvisory, Error> {
        self.packages().add_advisory(&self.parts.advisories, osv).await
    }

    /// Removes an advisory that an administrator added. What was recalled because of it stays recalled.
    pub async fn remove_advisory(&self, id: &str) -> Result<(), Error> {
        self.packages().remove_advisory(&self.parts.advisories, id).await
    }
}
