//! Whether each package in a tarball's `node_modules` is there because the package bundles it, or because a bundled package
//! needs it.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use serde_json::{Map, Value};

use super::TarballError;
use super::dependencies::as_object;
use super::header::Kind;
use super::install_fields::{BUNDLED, bundled, bundles_nothing};
use super::path::EntryPath;
use crate::domain::packument::INSTALL_SCRIPTS;

/// The most dependencies of bundled packages that are stored. Real bundles have some thousands.
const MOST_NEEDS: usize = 1 << 18;

/// The most bytes of stored paths, which only errors show.
const PATH_BYTES: usize = 256 << 10;

/// The package itself, in whose `node_modules` the bundled packages are.
const ROOT: u32 = 0;

/// The fields whose packages pack tools add to the packages that the publisher lists. npm packs no peers, but installs those
/// that are there.
const NEEDED: [&str; 3] = ["dependencies", "optionalDependencies", "peerDependencies"];

/// The packages in `node_modules`, and what each of them needs, as digests of names: the names themselves could take much
/// more memory.
///
/// Packages in the `node_modules` of a bundled package belong to that package, as it was installed: pack tools take its
/// folder as it is.
#[derive(Default)]
pub(super) struct Bundle {
    key: RandomState,
    /// The number of each package, by the one in whose `node_modules` it is and the digest of its name.
    packages: HashMap<(u32, u64), u32>,
    /// The package in whose `node_modules` each package is, by number.
    parents: HashMap<u32, u32>,
    needs: HashMap<u32, Vec<u64>>,
    need_count: usize,
    /// The packages in the package's own `node_modules`, each with its first path, in the order of the tarball.
    top: Vec<(u32, Box<str>)>,
    path_bytes: usize,
    /// The first path in `node_modules`, or `node_modules` itself.
    first: Option<String>,
    /// The first path that is in no package of `node_modules`.
    in_no_package: Option<String>,
}

impl Bundle {
    /// Records the path of an entry, if it is in `node_modules` or a folder of that name.
    pub(super) fn note(&mut self, path: &EntryPath, kind: Kind) -> Result<(), TarballError> {
        if !path.is_bundled() {
            return Ok(());
        }
        if kind == Kind::File && path.root_file().is_some() {
            let problem = "is a file where clients install dependencies";
            return Err(TarballError::EntryPath { path: path.shown(), problem });
        }
        self.first.get_or_insert_with(|| path.shown());
        let Some(parts) = Parts::of(path, kind) else {
            self.in_no_package.get_or_insert_with(|| path.shown());
            return Ok(());
        };
        let mut parent = ROOT;
        for name in &parts.packages {
            let (number, is_new) = self.package(parent, name);
            if is_new && parent == ROOT {
                let shown = path.shown();
                self.path_bytes += shown.len();
                let shown = if self.path_bytes <= PATH_BYTES { shown } else { String::new() };
                self.top.push((number, shown.into()));
            }
            parent = number;
        }
        Ok(())
    }

    fn package(&mut self, parent: u32, name: &str) -> (u32, bool) {
        let next = u32::try_from(self.packages.len() + 1).unwrap_or(u32::MAX);
        let number = *self.packages.entry((parent, self.key.hash_one(name))).or_insert(next);
        let is_new = number == next;
        if is_new {
            self.parents.insert(number, parent);
        }
        (number, is_new)
    }

    /// Reads the `package.json` of a bundled package.
    pub(super) fn manifest(&mut self, path: &EntryPath, manifest: &Value) {
        let Some(parts) = Parts::of(path, Kind::File).filter(|parts| parts.is_manifest) else { return };
        let package = parts
            .packages
            .iter()
            .try_fold(ROOT, |parent, name| self.packages.get(&(parent, self.key.hash_one(*name))).copied());
        let Some(package) = package else { return };
        for field in NEEDED {
            for name in as_object(manifest.get(field)).keys() {
                if self.need_count < MOST_NEEDS {
                    self.need_count += 1;
                    self.needs.entry(package).or_default().push(self.key.hash_one(name.as_str()));
                }
            }
        }
    }

    /// Rejects a package in `node_modules` that neither the package's own `package.json` nor a bundled package asks for: npm
    /// removes it at an install, and other clients install it.
    pub(super) fn require_explained(self, manifest: &Map<String, Value>) -> Result<(), TarballError> {
        let Some(first) = &self.first else { return Ok(()) };
        if bundles_nothing(manifest) {
            return Err(TarballError::NotBundled { path: first.clone() });
        }
        if let Some(path) = self.in_no_package {
            return Err(TarballError::NotInBundle { path });
        }
        let needed = self.needed(manifest);
        match self.top.into_iter().find(|(package, _)| !needed.contains(package)) {
            Some((_, path)) if path.is_empty() => {
                Err(TarballError::NotInBundle { path: "package/node_modules/…".to_owned() })
            }
            Some((_, path)) => Err(TarballError::NotInBundle { path: path.into() }),
            None => Ok(()),
        }
    }

    /// The packages that are found from those that the publisher lists, as Node.js finds them: in the `node_modules` of the
    /// package that asks, or else of one that it is in.
    fn needed(&self, manifest: &Map<String, Value>) -> HashSet<u32> {
        let listed = |field: &&str| match manifest.get(*field) {
            // Older npm includes optional dependencies in `true`.
            Some(Value::Bool(true)) => {
                let names = |field| as_object(manifest.get(field)).keys().cloned().collect::<Vec<_>>();
                [names("dependencies"), names("optionalDependencies")].concat()
            }
            _ => bundled(manifest, field).unwrap_or_default(),
        };
        let listed = BUNDLED.iter().flat_map(listed);
        let mut open: Vec<(u32, u64)> = listed.map(|name| (ROOT, self.key.hash_one(name.as_str()))).collect();
        let mut needed = HashSet::new();
        while let Some((asking, name)) = open.pop() {
            let mut place = Some(asking);
            let found = std::iter::from_fn(|| {
                let at = place?;
                place = self.parents.get(&at).copied();
                Some(self.packages.get(&(at, name)).copied())
            });
            if let Some(package) = found.flatten().next().filter(|package| needed.insert(*package)) {
                let needs = self.needs.get(&package).into_iter().flatten();
                open.extend(needs.map(|name| (package, *name)));
            }
        }
        needed
    }
}

/// A path in `node_modules`.
struct Parts<'a> {
    /// The package that the path is in, after those in whose `node_modules` it is.
    packages: Vec<&'a str>,
    /// Whether it is the `package.json` of that package.
    is_manifest: bool,
}

impl<'a> Parts<'a> {
    /// `None` if the path is in no package, or if only some disks find one there.
    fn of(path: &'a EntryPath, kind: Kind) -> Option<Self> {
        let mut rest = path.installed()?;
        let is_folder = kind == Kind::Folder;
        let mut packages = Vec::new();
        while let Some(within) = rest.strip_prefix("node_modules/") {
            let scope = if within.starts_with('@') { within.find('/').map(|end| end + 1) } else { Some(0) };
            let Some(scope) = scope else { break };
            match within[scope..].find('/') {
                Some(end) => {
                    packages.push(&within[..scope + end]);
                    rest = &within[scope + end + 1..];
                }
                // A file at the place of a package belongs to none.
                None if is_folder => {
                    packages.push(within);
                    rest = "";
                }
                None => break,
            }
        }
        // The folders `node_modules` and that of a scope hold what their other entries say.
        let is_place = is_folder && (rest == "node_modules" || rest.starts_with("node_modules/@"));
        (!packages.is_empty() || is_place).then(|| Self { packages, is_manifest: rest == "package.json" })
    }
}

/// Whether a `package.json` has a script that npm runs at an install.
pub(super) fn runs_at_install(manifest: &Value) -> bool {
    let has = |script: &str| match &manifest["scripts"][script] {
        Value::Null => false,
        Value::String(command) => !command.is_empty(),
        _ => true,
    };
    INSTALL_SCRIPTS.into_iter().any(has)
}
