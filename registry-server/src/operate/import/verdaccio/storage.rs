use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use registry_core::access::PackagePattern;
use registry_core::domain::PackageName;
use serde::Deserialize;

use super::config_file::ConfigFile;
use super::folder::{Folder, FolderError};
use super::package_json::{StoredPackage, is_published_here};
use super::settings::{list, patterns};

/// Where Verdaccio lists its own packages, in the order in which it looks.
const DATABASES: [&str; 2] = [".sinopia-db.json", ".verdaccio-db.json"];

/// The largest document that is read.
const MOST_BYTES: u64 = 1 << 30;

/// How often, and how long after one another, a list is read that Verdaccio is writing: it does not replace the file at once.
const READINGS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

/// The packages of Verdaccio, read from its folder.
#[derive(Debug)]
pub(super) struct VerdaccioStorage {
    folder: Folder,
    /// Packages that `packages` of the configuration puts into a folder of their own.
    places: Vec<(Vec<PackagePattern>, PathBuf)>,
    /// The names in the list of Verdaccio's own packages.
    listed: Vec<String>,
    never_taken: Mutex<BTreeMap<PackageName, usize>>,
}

/// The packages in the list of Verdaccio.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Those that are imported.
    pub(super) names: Vec<PackageName>,
    /// Those without any version.
    pub(super) empty: Vec<PackageName>,
    /// How many have nothing but what an uplink told of.
    pub(super) cached: u64,
    /// What is wrong with names.
    pub(super) failures: Vec<String>,
}

/// What of the storage is not imported.
#[derive(Debug, Default)]
pub(super) struct Unlisted {
    /// How many packages are in a cache of an uplink.
    pub(super) cached: u64,
    /// What is not known of packages, or must not be left out without a word.
    pub(super) failures: Vec<String>,
}

#[derive(Deserialize)]
struct Database {
    list: Vec<String>,
}

impl VerdaccioStorage {
    /// Opens the storage of a configuration.
    pub(super) fn open(config: &ConfigFile) -> anyhow::Result<Self> {
        let storage = config.storage()?;
        let folder = Folder::open(&storage).with_context(|| format!("cannot read {}", storage.display()))?;
        let listed = read_list(&folder)?;
        Ok(Self { folder, places: places(config), listed, never_taken: Mutex::default() })
    }

    /// Looks at the packages that were published to Verdaccio.
    pub(super) fn listed(&self) -> Listed {
        let mut listed = Listed::default();
        for text in self.listed.iter().collect::<BTreeSet<_>>() {
            match PackageName::parse(text) {
                Ok(name) => match self.read(&name) {
                    Ok(package) if package.is_empty && package.never_taken > 0 => listed.cached += 1,
                    Ok(package) if package.is_empty => listed.empty.push(name),
                    // What cannot be read is told by the import.
                    _ => listed.names.push(name),
                },
                Err(problem) => listed
                    .failures
                    .push(format!("the list of packages names {text:?}, and {problem}: leave it there")),
            }
        }
        listed
    }

    /// Looks at the packages that are not listed.
    pub(super) fn unlisted(&self) -> Unlisted {
        let mut unlisted = Unlisted::default();
        let listed: BTreeSet<&str> = self.listed.iter().map(String::as_str).collect();
        for place in self.all_places() {
            let names = match self.packages_in(&place) {
                Ok(names) => names,
                Err(error) => {
                    unlisted.failures.push(error);
                    continue;
                }
            };
            for name in names.iter().filter(|name| !listed.contains(name.as_str())) {
                let file = place.join(name).join("package.json");
                let is_own = match self.folder.read(&file, MOST_BYTES) {
                    Ok(None) => continue,
                    Ok(Some(json)) => is_published_here(&json).map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                match is_own {
                    Ok(false) => unlisted.cached += 1,
                    Ok(true) => unlisted.failures.push(format!(
                        "{name} is not imported: it has versions that were published here, and is not in the list of \
                         .verdaccio-db.json: add it to the list"
                    )),
                    Err(reason) => unlisted.failures.push(format!(
                        "{name} is not in the list of .verdaccio-db.json, and whether it was published here is not known: \
                         {reason}"
                    )),
                }
            }
        }
        unlisted
    }

    /// Returns how many versions of a package are not imported, because Verdaccio never took their tarballs.
    pub(super) fn never_taken(&self, package: &PackageName) -> usize {
        let counted = self.never_taken.lock().unwrap_or_else(PoisonError::into_inner);
        counted.get(package).copied().unwrap_or_default()
    }

    fn all_places(&self) -> BTreeSet<PathBuf> {
        self.places.iter().map(|(_, place)| place.clone()).chain([PathBuf::new()]).collect()
    }

    /// Returns the names of the folders that may be packages.
    fn packages_in(&self, place: &Path) -> Result<Vec<String>, String> {
        let names = |path: &Path| self.folder.names(path).map_err(|error| error.to_string());
        let is_place = |path: &Path| self.places.iter().any(|(_, place)| place == path);
        let mut packages = Vec::new();
        for name in names(place)? {
            if is_place(&place.join(&name)) {
                continue;
            }
            if name.starts_with('@') {
                packages.extend(
                    names(&place.join(&name))?.into_iter().map(|package| format!("{name}/{package}")),
                );
            } else {
                packages.push(name);
            }
        }
        packages.retain(|name| PackageName::parse(name).is_ok());
        Ok(packages)
    }

    /// Returns the folders in which a package may be, the likeliest first.
    fn places_of(&self, name: &PackageName) -> Vec<PathBuf> {
        let matching = self
            .places
            .iter()
            .filter(|(patterns, _)| patterns.iter().any(|pattern| pattern.matches(name.as_str())));
        let others = self.all_places();
        let mut places: Vec<PathBuf> = matching.map(|(_, place)| place.clone()).take(1).collect();
        places.extend(others);
        places.into_iter().map(|place| place.join(name.as_str())).collect()
    }

    /// Reads the `package.json` of a package.
    pub(super) fn read(&self, name: &PackageName) -> Result<StoredPackage, String> {
        for place in self.places_of(name) {
            let path = place.join("package.json");
            let json = self.folder.read(&path, MOST_BYTES).map_err(|error| error.to_string())?;
            if let Some(json) = json {
                let has_file = |file: &str| self.folder.has_file(&place.join(file));
                let package = StoredPackage::read(&json, &place.to_string_lossy(), has_file);
                let package = package.map_err(|error| error.to_string())?;
                if package.never_taken > 0 {
                    let mut counted = self.never_taken.lock().unwrap_or_else(PoisonError::into_inner);
                    counted.insert(name.clone(), package.never_taken);
                }
                return Ok(package);
            }
        }
        Err("it is listed and has no package.json: restore it from a backup, or remove it from the list"
            .to_owned())
    }

    /// Opens a file below the storage, and returns its length, too; `None` if there is none.
    pub(super) fn open_file(&self, path: &Path) -> Result<Option<(File, u64)>, String> {
        self.folder.open_file(path).map_err(|error| error.to_string())
    }
}

/// Returns the listed names. Fails for a folder that is not a storage.
fn read_list(folder: &Folder) -> anyhow::Result<Vec<String>> {
    let cannot = || format!("cannot read the list of packages in {}", folder.path().display());
    let mut reading = 1;
    loop {
        let Some((file, json)) = find_list(folder).with_context(cannot)? else {
            let missing =
                "there is no .verdaccio-db.json, which says what was published to Verdaccio: copy it, too";
            return Err(anyhow::anyhow!(missing).context(cannot()));
        };
        match serde_json::from_slice::<Database>(&json) {
            Ok(database) => return Ok(database.list),
            Err(_) if reading < READINGS => thread::sleep(PAUSE),
            Err(error) => {
                let damaged = format!("{file} is cut off or damaged, restore it from a backup");
                return Err(anyhow::Error::new(error).context(damaged).context(cannot()));
            }
        }
        reading += 1;
    }
}

fn find_list(folder: &Folder) -> Result<Option<(&'static str, Vec<u8>)>, FolderError> {
    for file in DATABASES {
        if let Some(json) = folder.read(Path::new(file), MOST_BYTES)? {
            return Ok(Some((file, json)));
        }
    }
    Ok(None)
}

/// Returns the folders that `packages` names, below the storage.
fn places(config: &ConfigFile) -> Vec<(Vec<PackagePattern>, PathBuf)> {
    let Some(packages) = config.settings.get("packages").and_then(|packages| packages.as_object()) else {
        return Vec::new();
    };
    let rules = packages.iter().filter_map(|(pattern, rule)| {
        let place = list(rule.get("storage")).into_iter().next()?;
        let place: PathBuf = Path::new(place.trim_start_matches('/')).components().collect();
        let patterns = patterns(pattern).patterns;
        Some((patterns.iter().filter_map(|pattern| PackagePattern::parse(pattern).ok()).collect(), place))
    });
    rules.collect()
}

impl fmt::Display for VerdaccioStorage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "file:{}", self.folder.path().display())
    }
}
