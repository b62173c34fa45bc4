use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use super::folded::folded;
use super::short_names::{Parts, ShortNames};

/// The install paths of a tarball's entries, to detect two entries at the same path on any disk.
///
/// Stored as keyed digests: the paths themselves could take a hundred times as much memory. The first paths are stored
/// too, so that an error can name both paths of a clash.
#[derive(Default)]
pub(super) struct Claims {
    keys: [RandomState; 2],
    files: Places,
    folders: Places,
    aliases: Places,
    short_names: ShortNames<(u64, u64)>,
    names: HashMap<(u64, u64), Box<str>>,
    name_bytes: usize,
}

/// The most bytes of stored paths.
const NAME_BYTES: usize = 256 << 10;

/// Digests of folded paths, each with the digest of the path as first written.
type Places = HashMap<(u64, u64), u64>;

/// Why a path cannot be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clash {
    /// Another entry has this path.
    Everywhere,
    /// Another entry has a path that some disk treats as the same.
    OnSomeSystems,
}

/// A claimed path.
struct Place {
    folded: (u64, u64),
    written: u64,
}

impl Claims {
    /// Claims a path for a file, and the folders above it.
    pub(super) fn file(&mut self, path: &str) -> Result<(), Clash> {
        let folded = folded(path);
        let place = self.digests(&folded, path);
        place.require_free(&self.folders)?;
        place.require_free(&self.aliases)?;
        place.require_free(&self.files)?;
        self.files.insert(place.folded, place.written);
        self.short_name(&folded)?;
        self.keep_name(&place, path);
        self.folders_above(&folded, path)
    }

    /// Claims a path for a folder, and the folders above it. The same folder may be claimed repeatedly.
    pub(super) fn folder(&mut self, path: &str) -> Result<(), Clash> {
        let folded = folded(path);
        self.claim_folder(&folded, path)?;
        self.folders_above(&folded, path)
    }

    /// Claims a path at which some client might install a file that is claimed under its own path. Any number of files
    /// may share an alias.
    pub(super) fn alias(&mut self, path: &str) -> Result<(), Clash> {
        let place = self.digests(&folded(path), path);
        self.aliases.entry(place.folded).or_insert(place.written);
        place.require_free(&self.files)
    }

    /// Returns the path claimed first, of those that some disk treats as `path` or else as a folder above it. `None` if
    /// it was not stored.
    pub(super) fn claimed_before(&self, path: &str) -> Option<&str> {
        let folded = folded(path);
        let ends = folded.match_indices('/').zip(path.match_indices('/'));
        let mut ends: Vec<_> = ends.map(|((folded, _), (written, _))| (folded, written)).collect();
        ends.push((folded.len(), path.len()));
        ends.into_iter().rev().find_map(|(folded_end, end)| {
            let place = self.digests(&folded[..folded_end], &path[..end]);
            let name = self.names.get(&place.folded)?;
            (**name != path[..end]).then_some(&**name)
        })
    }

    /// The number of folders, including those without an entry.
    pub(super) fn folder_count(&self) -> usize {
        self.folders.len()
    }

    fn folders_above(&mut self, folded: &str, path: &str) -> Result<(), Clash> {
        let mut ends = folded.match_indices('/').zip(path.match_indices('/'));
        ends.try_for_each(|((folded_end, _), (end, _))| {
            self.claim_folder(&folded[..folded_end], &path[..end])
        })
    }

    fn claim_folder(&mut self, folded: &str, path: &str) -> Result<(), Clash> {
        let place = self.digests(folded, path);
        let known = self.folders.len();
        self.folders.entry(place.folded).or_insert(place.written);
        if self.folders.len() > known {
            self.short_name(folded)?;
        }
        place.require_free(&self.files)?;
        self.keep_name(&place, path);
        Ok(())
    }

    fn keep_name(&mut self, place: &Place, path: &str) {
        if self.name_bytes < NAME_BYTES && !self.names.contains_key(&place.folded) {
            self.name_bytes += path.len();
            self.names.insert(place.folded, path.into());
        }
    }

    /// Ensures that no name is the Windows short name of another file or folder.
    fn short_name(&mut self, folded: &str) -> Result<(), Clash> {
        let [one, other] = &self.keys;
        let (parent, name) = folded.rsplit_once('/').unwrap_or(("", folded));
        let digest = |parts: &Parts<'_>| (one.hash_one((parent, parts)), other.hash_one((parent, parts)));
        if self.short_names.add(name, digest) { Err(Clash::OnSomeSystems) } else { Ok(()) }
    }

    fn digests(&self, folded: &str, written: &str) -> Place {
        let [one, other] = &self.keys;
        Place { folded: (one.hash_one(folded), other.hash_one(folded)), written: one.hash_one(written) }
    }
}

impl Place {
    fn require_free(&self, places: &Places) -> Result<(), Clash> {
        match places.get(&self.folded) {
            None => Ok(()),
            Some(written) if *written == self.written => Err(Clash::Everywhere),
            Some(_) => Err(Clash::OnSomeSystems),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWICE: Result<(), Clash> = Err(Clash::Everywhere);
    const ON_SOME: Result<(), Clash> = Err(Clash::OnSomeSystems);

    #[test]
    fn a_place_is_claimed_once() {
        let mut claims = Claims::default();
        for path in ["a/b/c.js", "a/b/d.js"] {
            assert_eq!(claims.file(path), Ok(()));
        }
        for _ in 0..2 {
            assert_eq!(claims.folder("a/b"), Ok(()));
        }
        assert_eq!(claims.file("a/b/c.js"), TWICE, "the same file again");
        assert_eq!(claims.file("a"), TWICE, "a file where a folder is");
        assert_eq!(claims.folder("a/b/d.js"), TWICE, "a folder where a file is");
        assert_eq!(claims.file("a/b/d.js/e/f"), TWICE, "a file below a file");
    }

    #[test]
    fn a_place_is_claimed_once_on_every_disk() {
        let mut claims = Claims::default();
        assert_eq!(claims.file("lib/a.js"), Ok(()));
        assert_eq!(claims.file("Lib/b.js"), Ok(()), "one folder with two files");
        for path in ["lib/A.js", "LIB/a.js", "lib/a.js.", "lib", "Lib", "lib/a.JS/c"] {
            assert_ne!(claims.file(path), Ok(()), "{path}");
        }
        assert_eq!(claims.file("LIB/a.js"), ON_SOME);
        assert_eq!(claims.folder("lib/A.js"), ON_SOME);
        assert_eq!(claims.alias("lib/A.js"), ON_SOME);
    }

    #[test]
    fn a_short_name_of_windows_is_another_place_in_its_own_folder_only() {
        let mut claims = Claims::default();
        for path in ["lib/long-name.js", "LONG-N~1.JS", "long-folder/a.js", "lib/LONG-F~1/a.js"] {
            assert_eq!(claims.file(path), Ok(()), "{path}");
        }
        for path in ["lib/LONG-N~1.JS", "Long-Name.js", "LONG-F~1/b.js", "lib/long-folder/b.js"] {
            assert_eq!(claims.file(path), ON_SOME, "{path}");
        }
    }

    #[test]
    fn an_alias_is_no_other_file() {
        let mut claims = Claims::default();
        assert_eq!(claims.file("a.js"), Ok(()));
        for _ in 0..2 {
            assert_eq!(claims.alias("b.js"), Ok(()));
        }
        assert_eq!(claims.alias("a.js"), TWICE);
        assert_eq!(claims.file("b.js"), TWICE);
    }
}
