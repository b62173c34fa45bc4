use serde::Serialize;

use crate::Error;
use crate::domain::PackageName;

use super::advisory::Advisory;
use super::severity::AdvisorySeverity;
use super::store::AdvisoryStore;

/// An advisory for a package, for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ListedAdvisory {
    /// The package.
    pub package: PackageName,
    /// The id of the advisory.
    pub id: String,
    /// Its ids in other databases.
    pub aliases: Vec<String>,
    /// Its severity.
    pub severity: AdvisorySeverity,
    /// Whether the affected versions are malware.
    pub malware: bool,
    /// The affected versions, as npm's audits spell a range.
    pub versions: String,
    /// What it is about, in one line.
    pub title: String,
    /// The page about it.
    pub url: String,
}

impl ListedAdvisory {
    fn new(package: PackageName, advisory: &Advisory) -> Self {
        Self {
            package,
            id: advisory.id.clone(),
            aliases: advisory.aliases.clone(),
            severity: advisory.severity,
            malware: advisory.malware,
            versions: advisory.vulnerable_versions(),
            title: advisory.title.clone(),
            url: advisory.page(),
        }
    }
}

impl AdvisoryStore {
    /// Lists the advisories for a package; without one, those that administrators added and, with `all`, those of the database.
    pub(crate) async fn list(
        &self,
        name: Option<&PackageName>,
        all: bool,
    ) -> Result<Vec<ListedAdvisory>, Error> {
        let Some(index) = self.index().await? else { return Ok(Vec::new()) };
        let mut listed = Vec::new();
        let mut add = |package: &PackageName, advisories: &[Advisory], own: Option<&[String]>| {
            let wanted =
                advisories.iter().filter(|advisory| own.is_none_or(|own| own.contains(&advisory.id)));
            listed.extend(wanted.map(|advisory| ListedAdvisory::new(package.clone(), advisory)));
        };
        if let Some(name) = name {
            index.package(name).iter().for_each(|package| add(name, &package.advisories, None));
        } else {
            let own = (!all).then_some(index.own_ids.as_slice());
            index.packages_of(all).for_each(|(name, package)| add(&name, &package.advisories, own));
        }
        Ok(listed)
    }
}
