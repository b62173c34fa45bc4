use indexmap::{IndexMap, IndexSet};
use serde::Serialize;

use crate::Error;
use crate::domain::{PackageName, Version};

/// The most packages in one audit: more than any application has.
pub(super) const MOST: usize = 20_000;
/// The most versions of one package: each is compared with all of its advisories.
const MOST_OF_ONE: usize = 500;

/// Packages and their versions to audit. Invalid names and versions, such as paths, URLs and ranges, are dropped: no
/// registry knows them, and they may be private.
///
/// ```
/// use registry_core::audit::AuditedPackages;
/// let audited = AuditedPackages::from_bulk(br#"{"pear":["1.0.0","file:../pear"],"../etc":["1.0.0"]}"#)?;
/// assert_eq!(serde_json::to_string(&audited).unwrap(), r#"{"pear":["1.0.0"]}"#);
/// # Ok::<(), registry_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AuditedPackages(IndexMap<PackageName, IndexSet<Version>>);

impl AuditedPackages {
    /// Parses the body that npm posts: `{"pear": ["1.0.0"]}`, of 20,000 packages and 500 versions of each at most.
    pub fn from_bulk(json: &[u8]) -> Result<Self, Error> {
        let listed: IndexMap<String, Vec<String>> = serde_json::from_slice(json).map_err(|error| {
            Error::request(format!("send the packages to audit as {{\"name\": [\"1.0.0\"]}}: {error}"))
        })?;
        let mut packages = Self::default();
        for (name, versions) in &listed {
            for version in versions {
                packages.add(name, version);
            }
        }
        packages.check_count()?;
        Ok(packages)
    }

    /// Adds a version, if name and version are valid.
    pub(super) fn add(&mut self, name: &str, version: &str) {
        if let (Ok(name), Ok(version)) = (PackageName::parse(name), Version::parse(version)) {
            self.0.entry(name).or_default().insert(version);
        }
    }

    /// Rejects more packages, or versions of one, than the limits.
    pub(super) fn check_count(&self) -> Result<(), Error> {
        if self.0.len() > MOST {
            return Err(Error::request(format!(
                "an audit cannot have more than {MOST} packages: audit parts of the project one by one"
            )));
        }
        if let Some((name, _)) = self.0.iter().find(|(_, versions)| versions.len() > MOST_OF_ONE) {
            return Err(Error::request(format!(
                "an audit cannot have more than {MOST_OF_ONE} versions of one package, and has more of {name}"
            )));
        }
        Ok(())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &PackageName> {
        self.0.keys()
    }

    /// Returns each package with its versions.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&PackageName, &IndexSet<Version>)> {
        self.0.iter()
    }

    /// Returns the packages with these names.
    pub(super) fn only<'a>(&self, names: impl IntoIterator<Item = &'a PackageName>) -> Self {
        let of = |name: &PackageName| Some((name.clone(), self.0.get(name)?.clone()));
        Self(names.into_iter().filter_map(of).collect())
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        PackageName::parse(name).is_ok_and(|name| self.0.contains_key(&name))
    }
}
