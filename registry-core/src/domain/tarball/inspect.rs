use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};
use tar::{Archive, Entry};

use super::header::{self, Kind};
use super::path::EntryPath;
use super::pax::{self, Extensions};
use super::readme::Readme;
use super::unpacker::Unpacker;
use super::{TarballContents, TarballError};
use crate::domain::shorten::shorten;
use crate::domain::strict_json::parse_strict_json;
use crate::limits::Limits;

/// The most bytes of a long path or an extended header.
const LONGEST_DESCRIPTION: u64 = 64 << 10;

/// Reads a tarball to its end and refuses what clients could not install, or would install differently.
///
/// Memory goes to `package.json`, the readme and the paths of links, and to nothing whose size the tarball declares.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<TarballContents, TarballError> {
    let failure = RefCell::new(None);
    let unpacker = Unpacker::new(bytes, limits.unpacked_bytes, &failure)?;
    // Why unpacking failed tells more than what the tar reader made of it.
    Inspection::new(limits).run(unpacker).map_err(|error| failure.take().unwrap_or(error))
}

/// What is known so far.
struct Inspection<'a> {
    limits: &'a Limits,
    entries: usize,
    long_path: Option<Vec<u8>>,
    long_link: bool,
    extensions: Option<Vec<u8>>,
    links: BTreeSet<String>,
    manifest: Option<Map<String, Value>>,
    manifest_path: Option<EntryPath>,
    readme: Readme,
    contents: TarballContents,
}

impl<'a> Inspection<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            entries: 0,
            long_path: None,
            long_link: false,
            extensions: None,
            links: BTreeSet::new(),
            manifest: None,
            manifest_path: None,
            readme: Readme::default(),
            contents: TarballContents::default(),
        }
    }

    fn run(mut self, unpacker: Unpacker<'_>) -> Result<TarballContents, TarballError> {
        let mut archive = Archive::new(unpacker);
        let entries = archive.entries().map_err(|error| header::corrupt(&error))?;
        // Raw, since the reader would otherwise hold descriptions of any length in memory.
        for entry in entries.raw(true) {
            self.entry(&mut entry.map_err(|error| header::corrupt(&error))?)?;
        }
        expect_only_zeros(&mut archive.into_inner())?;
        if self.long_path.is_some() || self.long_link || self.extensions.is_some() {
            return Err(TarballError::CorruptTar {
                reason: "it describes an entry that does not follow".to_owned(),
            });
        }
        match (self.manifest, self.manifest_path) {
            (Some(manifest), _) => {
                Ok(TarballContents { manifest, readme: self.readme.into_text(), ..self.contents })
            }
            (None, Some(path)) => Err(TarballError::ManifestPath { path: path.shown() }),
            (None, None) => Err(TarballError::NoManifest),
        }
    }

    fn entry<Source: Read>(&mut self, entry: &mut Entry<'_, Source>) -> Result<(), TarballError> {
        let kind = header::kind(entry.header())?;
        match kind {
            Kind::LongPath => self.describe(entry, |inspection| &mut inspection.long_path),
            Kind::Extended => self.describe(entry, |inspection| &mut inspection.extensions),
            Kind::LongLink => {
                self.long_link = true;
                Ok(())
            }
            Kind::GlobalExtended => {
                let description = read_description(entry)?;
                match pax::parse(&description) {
                    Ok(extensions) if extensions == Extensions::default() => Ok(()),
                    Ok(_) => Err(ambiguous(entry, "it gives one path or size to all entries")),
                    Err(reason) => Err(ambiguous(entry, reason)),
                }
            }
            Kind::File | Kind::Folder | Kind::Link => self.described_entry(entry, kind),
        }
    }

    /// Keeps what describes the next entry.
    fn describe<Source: Read>(
        &mut self,
        entry: &mut Entry<'_, Source>,
        slot: impl FnOnce(&mut Self) -> &mut Option<Vec<u8>>,
    ) -> Result<(), TarballError> {
        let description = read_description(entry)?;
        match slot(self).replace(description) {
            None => Ok(()),
            Some(_) => Err(ambiguous(entry, "it is described twice")),
        }
    }

    fn described_entry<Source: Read>(
        &mut self,
        entry: &mut Entry<'_, Source>,
        kind: Kind,
    ) -> Result<(), TarballError> {
        self.entries += 1;
        if self.entries > self.limits.tarball_entries {
            return Err(TarballError::TooManyEntries { limit: self.limits.tarball_entries });
        }
        let (long_path, extensions) = (self.long_path.take(), self.extensions.take().unwrap_or_default());
        let has_long_link = std::mem::take(&mut self.long_link);
        let extensions = pax::parse(&extensions).map_err(|reason| ambiguous(entry, reason))?;
        let path = header::path(entry.header(), long_path.as_deref(), &extensions)?;
        let size = header::size(entry.header())?;
        let refuse = |reason| Err(TarballError::Ambiguous { path: path.shown(), reason });
        if kind != Kind::Link && (has_long_link || extensions.link.is_some()) {
            return refuse("it is no link but names a target");
        }
        if extensions.size.is_some_and(|extended| extended != size.to_string().as_bytes()) {
            return refuse("it has two sizes");
        }
        // npm's reader takes a file for a folder if its path ends in a slash.
        let kind = if kind == Kind::File && path.names_a_folder() { Kind::Folder } else { kind };
        if kind == Kind::Folder && size > 0 {
            return refuse("only a file can have content");
        }
        if path.with_folders().any(|folder| self.links.contains(&folder)) {
            return Err(TarballError::BehindLink { path: path.shown() });
        }
        if path.may_become_manifest() {
            return self.manifest(entry, kind, size, path);
        }
        if kind == Kind::Link {
            match path.with_folders().last() {
                Some(installed) => self.links.insert(installed),
                None => return refuse("a link takes the place of the package's folder"),
            };
        }
        if kind == Kind::File {
            self.contents.file_count += 1;
            self.contents.unpacked_size += size;
            if let Some(name) = path.root_file() {
                self.root_file(entry, name)?;
            }
        }
        Ok(())
    }

    fn manifest<Source: Read>(
        &mut self,
        entry: &mut Entry<'_, Source>,
        kind: Kind,
        size: u64,
        path: EntryPath,
    ) -> Result<(), TarballError> {
        if self.manifest_path.is_some() {
            return Err(TarballError::SeveralManifests);
        }
        if kind != Kind::File {
            return Err(TarballError::ManifestNotAFile);
        }
        if size > self.limits.manifest_bytes as u64 {
            return Err(TarballError::ManifestTooLarge { limit: self.limits.manifest_bytes });
        }
        if path.is_manifest() {
            self.manifest = Some(parse_manifest(&header::read_whole(entry, size)?)?);
        }
        self.manifest_path = Some(path);
        self.contents.file_count += 1;
        self.contents.unpacked_size += size;
        Ok(())
    }

    fn root_file<Source: Read>(
        &mut self,
        entry: &mut Entry<'_, Source>,
        name: &str,
    ) -> Result<(), TarballError> {
        self.contents.has_shrinkwrap |= name == "npm-shrinkwrap.json";
        let is_gyp = Path::new(name).extension().is_some_and(|extension| extension == "gyp");
        self.contents.has_gyp_file |= is_gyp && !name.starts_with('.');
        self.readme.offer(name, entry).map_err(|error| header::corrupt(&error))
    }
}

fn read_description<Source: Read>(entry: &mut Entry<'_, Source>) -> Result<Vec<u8>, TarballError> {
    let size = header::size(entry.header())?;
    if size > LONGEST_DESCRIPTION {
        return Err(ambiguous(entry, "its path or extended header is too long"));
    }
    header::read_whole(entry, size)
}

fn ambiguous<Source: Read>(entry: &Entry<'_, Source>, reason: &'static str) -> TarballError {
    TarballError::Ambiguous {
        path: shorten(&String::from_utf8_lossy(&entry.path_bytes())).into_owned(),
        reason,
    }
}

/// Some clients read on after the block of zeros that ends an archive.
fn expect_only_zeros(rest: &mut impl Read) -> Result<(), TarballError> {
    let mut buffer = [0; 8 << 10];
    loop {
        match rest.read(&mut buffer).map_err(|error| header::corrupt(&error))? {
            0 => return Ok(()),
            read if buffer[..read].iter().all(|byte| *byte == 0) => {}
            _ => return Err(TarballError::CorruptTar { reason: "something follows its end".to_owned() }),
        }
    }
}

fn parse_manifest(bytes: &[u8]) -> Result<Map<String, Value>, TarballError> {
    let text = std::str::from_utf8(bytes).map_err(|_| TarballError::ManifestNotUtf8)?;
    // npm drops a byte order mark too.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let manifest = match parse_strict_json(text.as_bytes()) {
        Ok(Value::Object(manifest)) => manifest,
        Ok(_) => return Err(TarballError::ManifestNotAnObject),
        Err(error) => return Err(TarballError::ManifestJson { reason: error.to_string() }),
    };
    let has =
        |field: &str| manifest.get(field).and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty());
    if !has("name") {
        return Err(TarballError::NoName);
    }
    if !has("version") {
        return Err(TarballError::NoVersion);
    }
    Ok(manifest)
}
