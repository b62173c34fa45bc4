//! The packages that a lock file takes from registries: `package-lock.json` and `npm-shrinkwrap.json` (versions 1 to 3),
//! `pnpm-lock.yaml`, `yarn.lock` (1 and berry) and `bun.lock`.
//!
//! ```
//! use registry_core::domain::lockfile::parse_lockfile;
//! let lock = r#"{ "lockfileVersion": 3, "packages": {
//!     "": { "name": "basket" },
//!     "node_modules/@acme/pear": { "version": "1.0.0" },
//!     "node_modules/fig": { "version": "2.0.0", "resolved": "git+ssh://git@forge.example/fig.git#1f9c" }
//! } }"#;
//! let packages = parse_lockfile(lock)?;
//! assert_eq!(packages.len(), 1, "a package of a forge comes from no registry");
//! assert_eq!(packages[0].name.as_str(), "@acme/pear");
//! assert!(packages[0].addresses.is_empty(), "it comes from whatever registry the client is set up with");
//! # Ok::<(), registry_core::domain::lockfile::LockfileError>(())
//! ```

mod bun;
mod npm;
mod pnpm;
mod yarn;

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::Value;

use super::{PackageName, Version};

/// A version of a package that a lock file takes from a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockedPackage {
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// The integrity of its tarball, if the lock file has it.
    pub integrity: Option<String>,
    /// The addresses of its tarball that the lock file has. Most clients write none, and take it from the registry that they
    /// are set up with.
    pub addresses: Vec<String>,
}

/// Why a text is not a lock file. The text is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LockfileError {
    /// It has the form of no lock file that is known.
    #[error(
        "it is no lock file that is known: name a package-lock.json, npm-shrinkwrap.json, pnpm-lock.yaml, yarn.lock or bun.lock"
    )]
    Unknown,
    /// It begins like a lock file, and cannot be read.
    #[error("it cannot be read as {format}: {reason}; let the client write it again")]
    Unreadable {
        /// What it seems to be.
        format: &'static str,
        /// Where it fails.
        reason: String,
    },
}

/// Versions by package and number.
#[derive(Default)]
struct Locked(BTreeMap<(PackageName, Version), Tarball>);

/// What a lock file says of the tarball of a version.
#[derive(Default)]
struct Tarball {
    integrity: Option<String>,
    addresses: Vec<String>,
}

/// Reads the packages that a lock file of any client takes from registries, sorted, each version once. What it takes from
/// elsewhere, such as a folder or a forge, is left out.
pub fn parse_lockfile(text: &str) -> Result<Vec<LockedPackage>, LockfileError> {
    let mut locked = Locked::default();
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') {
        parse_json(text, &mut locked)?;
    } else if text.contains("# yarn lockfile v1") {
        yarn::classic(text, &mut locked);
    } else {
        parse_yaml(text, &mut locked)?;
    }
    let packages = locked.0.into_iter();
    Ok(packages
        .map(|((name, version), Tarball { integrity, addresses })| LockedPackage {
            name,
            version,
            integrity,
            addresses,
        })
        .collect())
}

fn parse_json(text: &str, locked: &mut Locked) -> Result<(), LockfileError> {
    // Only bun leaves commas at ends.
    let document: Value = serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&bun::without_trailing_commas(text)))
        .map_err(|error| LockfileError::Unreadable { format: "JSON", reason: error.to_string() })?;
    if document.get("lockfileVersion").is_none() {
        return Err(LockfileError::Unknown);
    }
    if document.get("workspaces").is_some() {
        bun::packages(&document, locked);
    } else {
        npm::packages(&document, locked);
    }
    Ok(())
}

fn parse_yaml(text: &str, locked: &mut Locked) -> Result<(), LockfileError> {
    let documents = Yaml::load_from_str(text)
        .map_err(|error| LockfileError::Unreadable { format: "YAML", reason: error.to_string() })?;
    // pnpm puts what it is itself into a first document.
    let mut is_known = false;
    for document in &documents {
        if document.as_mapping_get("__metadata").is_some() {
            is_known = true;
            yarn::berry(document, locked);
        } else if document.as_mapping_get("lockfileVersion").is_some() {
            is_known = true;
            pnpm::packages(document, locked);
        }
    }
    if is_known { Ok(()) } else { Err(LockfileError::Unknown) }
}

impl Locked {
    /// Adds a version, if its name and number are those of a registry.
    fn add(&mut self, name: &str, version: &str, integrity: Option<&str>, address: Option<&str>) {
        if let (Ok(name), Ok(version)) = (PackageName::parse(name), Version::parse(version)) {
            let known = self.0.entry((name, version)).or_default();
            known.integrity = known.integrity.take().or_else(|| integrity.map(str::to_owned));
            let is_known = |address: &&str| known.addresses.iter().any(|known| known == address);
            let new = address.filter(|address| !address.is_empty() && !is_known(address)).map(str::to_owned);
            known.addresses.extend(new);
        }
    }
}

/// Splits `name@rest`, where the name may have a scope.
fn split_name(text: &str) -> Option<(&str, &str)> {
    let at = text.char_indices().skip(1).find(|(_, letter)| *letter == '@')?.0;
    Some((&text[..at], &text[at + 1..]))
}

/// Whether an address is that of a file in a registry, as far as can be seen.
fn may_be_of_registry(resolved: Option<&str>) -> bool {
    resolved.is_none_or(|resolved| resolved.starts_with("https://") || resolved.starts_with("http://"))
}

#[cfg(test)]
mod tests;
