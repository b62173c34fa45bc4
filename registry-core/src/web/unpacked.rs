//! The files of a tarball, read within limits of their own: pages are asked for more often than packages are published.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::domain::TarballError;
use crate::domain::tarball::each_file;

/// The most bytes of files that are kept in memory for one page.
const KEPT: usize = 16 << 20;
/// The largest file that is kept.
const LARGEST_KEPT: u64 = 2 << 20;
/// The most bytes of a readme.
const LONGEST_README: u64 = 256 << 10;
/// The names of a readme, the best first.
const READMES: [&str; 4] = ["readme.md", "readme.markdown", "readme", "readme.txt"];

/// How much of a tarball pages read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BrowseLimits {
    /// Bytes of the tarball.
    pub(crate) packed: u64,
    /// Bytes of the archive in it.
    pub(crate) unpacked: u64,
    /// Files in it.
    pub(crate) files: usize,
}

impl BrowseLimits {
    pub(crate) const DEFAULT: Self = Self { packed: 24 << 20, unpacked: 128 << 20, files: 20_000 };
}

/// The files of a tarball, in the order of their paths.
#[derive(Debug, Default)]
pub(crate) struct TarballListing {
    pub(crate) files: BTreeMap<String, ListedFile>,
    /// The readme at the root.
    pub(crate) readme: Option<String>,
}

/// A file of a tarball.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ListedFile {
    pub(crate) size: u64,
    /// The SHA-256 of its content.
    pub(crate) digest: [u8; 32],
}

impl TarballListing {
    /// The approximate memory use in bytes.
    pub(super) fn weight(&self) -> usize {
        let files: usize = self.files.keys().map(|path| path.len() + 96).sum();
        files + self.readme.as_ref().map_or(0, String::len) + 64
    }
}

/// Lists the files of a tarball.
pub(crate) fn listing_of(tarball: &[u8], limits: BrowseLimits) -> Result<TarballListing, TarballError> {
    let mut listing = TarballListing::default();
    let mut best = READMES.len();
    each_file(tarball, limits.unpacked, limits.files, &mut |path, size, content| {
        let rank = READMES.iter().position(|readme| path.eq_ignore_ascii_case(readme));
        let mut digest = Sha256::new();
        if let Some(rank) = rank.filter(|rank| *rank < best) {
            best = rank;
            let mut text = Vec::new();
            (&mut *content).take(LONGEST_README).read_to_end(&mut text)?;
            digest.update(&text);
            listing.readme = Some(String::from_utf8_lossy(&text).into_owned());
        }
        hash_rest(content, &mut digest)?;
        let file = ListedFile { size, digest: digest.finalize().into() };
        listing.files.insert(path.to_owned(), file);
        Ok(())
    })?;
    Ok(listing)
}

fn hash_rest(content: &mut dyn Read, digest: &mut Sha256) -> io::Result<()> {
    let mut buffer = [0; 16 << 10];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(()),
            read => digest.update(&buffer[..read]),
        }
    }
}

/// Returns the contents of some files of a tarball, as many as are kept in memory. Larger files are left out.
pub(crate) fn texts_of(
    tarball: &[u8],
    limits: BrowseLimits,
    wanted: &BTreeSet<String>,
) -> Result<BTreeMap<String, Vec<u8>>, TarballError> {
    let mut texts = BTreeMap::new();
    let mut room = KEPT;
    each_file(tarball, limits.unpacked, limits.files, &mut |path, size, content| {
        let fits = size <= LARGEST_KEPT && usize::try_from(size).is_ok_and(|size| size <= room);
        if wanted.contains(path) && fits {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            room -= bytes.len().min(room);
            texts.insert(path.to_owned(), bytes);
        }
        Ok(())
    })?;
    Ok(texts)
}
