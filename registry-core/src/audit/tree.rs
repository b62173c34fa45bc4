use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::AuditedPackages;
use super::packages::MOST;
use crate::Error;
use crate::domain::shorten::shorten;

/// The dependency tree of a project, which `npm audit` posts when the bulk request failed.
///
/// ```
/// use registry_core::audit::AuditTree;
/// let json = br#"{"name":"app","dependencies":{"pear":{"version":"1.0.0","requires":{"seed":"^1.0.0"}}}}"#;
/// assert_eq!(AuditTree::parse(json)?.len(), 1);
/// # Ok::<(), registry_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditTree(Vec<Installed>);

/// A package at a place in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installed {
    pub(super) name: String,
    pub(super) version: String,
    /// The index of the package above; `None` at the top.
    parent: Option<usize>,
    /// The folder name, which differs from the package name for an alias.
    folder: String,
    pub(super) dev: bool,
    pub(super) optional: bool,
    pub(super) bundled: bool,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    requires: Value,
    dependencies: Option<IndexMap<String, Dependency>>,
}

#[derive(Deserialize)]
struct Dependency {
    #[serde(default)]
    version: String,
    #[serde(default)]
    dev: bool,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    bundled: bool,
    #[serde(default)]
    dependencies: IndexMap<String, Dependency>,
}

impl AuditTree {
    /// Parses the body that npm posts. At most 20,000 places, and about 60 levels. The ranges in `requires` are not
    /// audited, since the tree has their versions elsewhere, and neither is the project itself. A tree with nothing
    /// but such ranges is rejected.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        let document: Document = serde_json::from_slice(json).map_err(|error| {
            Error::request(format!(
                "send the packages to audit as {{\"dependencies\": {{\"name\": {{\"version\": \"1.0.0\"}}}}}}: {error}"
            ))
        })?;
        let requires_something = document.requires.as_object().is_some_and(|requires| !requires.is_empty());
        if document.dependencies.is_none() && requires_something {
            // npm 10 sends this for a lock file of version 3. An empty report would be wrong.
            return Err(Error::request(
                "this audit lists the version ranges of the project and not its installed versions: try \
                 again in a moment, so that npm uses the newer format, or install with --lockfile-version=2",
            ));
        }
        let mut tree = Self::default();
        tree.add(None, document.dependencies.unwrap_or_default())?;
        Ok(tree)
    }

    /// Returns the number of places in the tree.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether nothing is installed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the packages to audit.
    pub fn packages(&self) -> AuditedPackages {
        let mut packages = AuditedPackages::default();
        for installed in &self.0 {
            packages.add(&installed.name, &installed.version);
        }
        packages
    }

    /// The JSON parser limits the depth of the recursion.
    fn add(
        &mut self,
        parent: Option<usize>,
        dependencies: IndexMap<String, Dependency>,
    ) -> Result<(), Error> {
        for (folder, dependency) in dependencies {
            if self.0.len() == MOST {
                return Err(Error::request(format!(
                    "an audit cannot have more than {MOST} packages: audit parts of the project one by one"
                )));
            }
            let Dependency { version, dev, optional, bundled, dependencies } = dependency;
            // npm writes an alias as the version `npm:pear@1.0.0`.
            let (name, version) = match version.strip_prefix("npm:").and_then(|alias| alias.rsplit_once('@'))
            {
                Some((name, version)) => (name.to_owned(), version.to_owned()),
                None => (folder.clone(), version),
            };
            let folder = shorten(&folder).into_owned();
            let place = self.0.len();
            self.0.push(Installed { name, version, parent, folder, dev, optional, bundled });
            self.add(Some(place), dependencies)?;
        }
        Ok(())
    }

    pub(super) fn installed(&self) -> &[Installed] {
        &self.0
    }

    /// Returns the path of a package: `apple>pear`.
    pub(super) fn path(&self, installed: &Installed) -> String {
        let mut folders = vec![installed.folder.as_str()];
        let mut parent = installed.parent;
        while let Some(above) = parent.and_then(|parent| self.0.get(parent)) {
            folders.push(&above.folder);
            parent = above.parent;
        }
        folders.reverse();
        folders.join(">")
    }
}
