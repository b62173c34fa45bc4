use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

/// Where the entries of a tarball are installed, so that no two of them are at the same place.
///
/// Kept as keyed digests of 128 bits: the paths themselves could take a hundred times as much memory.
#[derive(Default)]
pub(super) struct Claims {
    keys: [RandomState; 2],
    files: HashSet<Digest>,
    folders: HashSet<Digest>,
    aliases: HashSet<Digest>,
}

type Digest = (u64, u64);

impl Claims {
    /// Claims a path for a file, and the folders above it. `false` if something else is there.
    pub(super) fn file(&mut self, path: &str) -> bool {
        let digest = self.digest(path);
        !self.folders.contains(&digest)
            && !self.aliases.contains(&digest)
            && self.files.insert(digest)
            && self.folders_above(path)
    }

    /// Claims a path for a folder, and the folders above it. `false` if a file is there.
    pub(super) fn folder(&mut self, path: &str) -> bool {
        let digest = self.digest(path);
        self.folders.insert(digest);
        !self.files.contains(&digest) && self.folders_above(path)
    }

    /// Claims a path at which some client might install a file that is claimed under its own path. `false` if another file is
    /// there; any number of files may have the same alias.
    pub(super) fn alias(&mut self, path: &str) -> bool {
        let digest = self.digest(path);
        self.aliases.insert(digest);
        !self.files.contains(&digest)
    }

    /// How many folders there are, also such without an entry.
    pub(super) fn folder_count(&self) -> usize {
        self.folders.len()
    }

    fn folders_above(&mut self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(end, _)| end);
        ends.map(|end| self.digest(&path[..end])).collect::<Vec<_>>().into_iter().all(|folder| {
            self.folders.insert(folder);
            !self.files.contains(&folder)
        })
    }

    fn digest(&self, path: &str) -> Digest {
        (self.keys[0].hash_one(path), self.keys[1].hash_one(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_claimed_once() {
        let mut claims = Claims::default();
        assert!(
            claims.file("a/b/c.js")
                && claims.file("a/b/d.js")
                && claims.folder("a/b")
                && claims.folder("a/b")
        );
        assert!(!claims.file("a/b/c.js"), "the same file again");
        assert!(!claims.file("a"), "a file where a folder is");
        assert!(!claims.folder("a/b/d.js"), "a folder where a file is");
        assert!(!claims.file("a/b/d.js/e/f"), "a file below a file");
    }

    #[test]
    fn an_alias_is_no_other_file() {
        let mut claims = Claims::default();
        assert!(claims.file("a.js") && claims.alias("b.js") && claims.alias("b.js"));
        assert!(!claims.alias("a.js"));
        assert!(!claims.file("b.js"));
    }
}
