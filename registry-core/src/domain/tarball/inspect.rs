use std::cell::RefCell;
use std::io::Read;

use serde_json::{Map, Value};
use tar::{Archive, Entry};

use super::bins::require_plain_commands;
use super::bundle::{Bundle, runs_at_install};
use super::claims::{Claims, Clash};
use super::commands::require_plain_folder;
use super::field_types::odd_field;
use super::header::{self, Kind};
use super::path::{EntryPath, SHRINKWRAP, is_gyp_file, same_file_somewhere};
use super::pax::{self, Extensions};
use super::readme::Readme;
use super::shrinkwrap;
use super::unpacker::Unpacker;
use super::{TarballContents, TarballError};
use crate::domain::shorten::shorten;
use crate::domain::strict_json::parse_strict_json;
use crate::limits::Limits;

/// The most bytes of a long path or an extended header.
const LONGEST_DESCRIPTION: u64 = 64 << 10;

/// Reads a tarball to its end and rejects content that clients could not install, or would install differently.
///
/// Memory is used for `package.json`, the readme and a digest of each path, and never in a size that the tarball
/// declares.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<TarballContents, TarballError> {
    let failure = RefCell::new(None);
    let unpacker = Unpacker::new(bytes, limits.unpacked_bytes, &failure)?;
    // The unpacker's error is more precise than the one that the tar reader derives from it.
    let contents = Inspection::new(limits).run(unpacker).map_err(|error| failure.take().unwrap_or(error))?;
    require_plain_folder(&contents.manifest, bytes)?;
    Ok(contents)
}

/// The state of an inspection.
struct Inspection<'a> {
    limits: &'a Limits,
    entries: usize,
    long_path: Option<Vec<u8>>,
    extensions: Option<Vec<u8>>,
    claims: Claims,
    top_folder: Option<String>,
    bundle: Bundle,
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
            extensions: None,
            claims: Claims::default(),
            top_folder: None,
            bundle: Bundle::default(),
            manifest: None,
            manifest_path: None,
            readme: Readme::default(),
            contents: TarballContents::default(),
        }
    }

    fn run(mut self, unpacker: Unpacker<'_>) -> Result<TarballContents, TarballError> {
        let mut archive = Archive::new(unpacker);
        let entries = archive.entries().map_err(|error| header::corrupt(&error))?;
        // Raw, since the reader would otherwise buffer descriptions of any length.
        for entry in entries.raw(true) {
            self.entry(&mut entry.map_err(|error| header::corrupt(&error))?)?;
        }
        expect_only_zeros(&mut archive.into_inner())?;
        if self.long_path.is_some() || self.extensions.is_some() {
            return Err(TarballError::CorruptTar {
                reason: "it describes an entry that does not follow".to_owned(),
            });
        }
        match (self.manifest, self.manifest_path) {
            (Some(manifest), _) => {
                self.bundle.require_explained(&manifest)?;
                require_plain_commands(&manifest)?;
                Ok(TarballContents { manifest, readme: self.readme.into_text(), ..self.contents })
            }
            (None, Some(path)) => Err(TarballError::ManifestPath { path: path.shown() }),
            (None, None) => Err(TarballError::NoManifest),
        }
    }

    fn entry<Source: Read>(&mut self, entry: &mut Entry<'_, Source>) -> Result<(), TarballError> {
        let kind = header::kind(entry.header())?;
        match kind {
            Kind::LongPath => {
                self.describe(entry, |inspection| &mut inspection.long_path)?;
                // Readers that cut the path at its first NUL and those that strip its last NUL would see two paths.
                let path = self.long_path.as_deref().unwrap_or_default();
                if path.strip_suffix(b"\0").unwrap_or(path).contains(&0) {
                    return Err(ambiguous(entry, "its long path has zeros in it"));
                }
                Ok(())
            }
            Kind::Extended => self.describe(entry, |inspection| &mut inspection.extensions),
            Kind::GlobalExtended => {
                let description = read_description(entry)?;
                self.expect_no_description(entry)?;
                match pax::parse(&description) {
                    Ok(extensions) if extensions == Extensions::default() => Ok(()),
                    Ok(_) => Err(ambiguous(entry, "it gives one path or size to all entries")),
                    Err(reason) => Err(ambiguous(entry, reason)),
                }
            }
            Kind::File | Kind::Folder => self.described_entry(entry, kind),
        }
    }

    /// Records a description of the next entry.
    fn describe<Source: Read>(
        &mut self,
        entry: &mut Entry<'_, Source>,
        slot: impl FnOnce(&mut Self) -> &mut Option<Vec<u8>>,
    ) -> Result<(), TarballError> {
        let description = read_description(entry)?;
        self.expect_no_description(entry)?;
        *slot(self) = Some(description);
        Ok(())
    }

    /// pnpm applies a description to a description that follows it.
    fn expect_no_description<Source: Read>(&self, entry: &Entry<'_, Source>) -> Result<(), TarballError> {
        if self.long_path.is_some() || self.extensions.is_some() {
            return Err(ambiguous(entry, "it is described twice"));
        }
        Ok(())
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
        let extensions = pax::parse(&extensions).map_err(|reason| ambiguous(entry, reason))?;
        let path = header::path(entry.header(), long_path.as_deref(), &extensions)?;
        let size = header::size(entry.header())?;
        let refuse = |reason| Err(TarballError::Ambiguous { path: path.shown(), reason });
        if extensions.link.is_some() {
            return refuse("it is no link but names a target");
        }
        if extensions.size.is_some_and(|extended| extended != size.to_string().as_bytes()) {
            return refuse("it has two sizes");
        }
        if kind == Kind::File && path.names_a_folder() {
            return refuse("it is a file whose path ends as a folder's does");
        }
        if kind == Kind::Folder && size > 0 {
            return refuse("only a file can have content");
        }
        if long_path.is_some() || extensions.path.is_some() {
            self.short_path(entry, &path)?;
        }
        self.claim(kind, &path)?;
        self.bundle.note(&path, kind)?;
        if path.may_become_manifest() {
            return self.manifest(entry, kind, size, path);
        }
        if let Some(file) = path.disguised() {
            return Err(TarballError::Disguised { path: path.shown(), file });
        }
        if kind == Kind::File {
            self.contents.file_count += 1;
            self.contents.unpacked_size += size;
            if let Some(name) = path.root_file() {
                self.root_file(entry, name, size)?;
            } else if let Some(name) = path.bundled_file() {
                self.bundled_file(entry, &path, name, size)?;
            }
        }
        Ok(())
    }

    /// Validates the path in the header, which npm uses if it receives a long path in parts, cut within a character.
    /// That path must not affect an install.
    fn short_path<Source: Read>(
        &mut self,
        entry: &Entry<'_, Source>,
        path: &EntryPath,
    ) -> Result<(), TarballError> {
        let Some(short) = header::short_path(entry.header()) else { return Ok(()) };
        let is_same = short.installed() == path.installed();
        if !is_same && short.decides() {
            return Err(TarballError::Ambiguous {
                path: path.shown(),
                reason: "its header has another path",
            });
        }
        match short.installed() {
            Some(installed) if !is_same && !path.is_ascii() => {
                self.bundle.note(&short, Kind::File)?;
                self.claims.alias(installed).map_err(|clash| self.clashing(clash, &short))
            }
            _ => Ok(()),
        }
    }

    /// Ensures that each path belongs to one entry, and that all are in one folder.
    fn claim(&mut self, kind: Kind, path: &EntryPath) -> Result<(), TarballError> {
        let folder = self.top_folder.get_or_insert_with(|| path.top_folder().to_owned());
        if folder.as_str() != path.top_folder() {
            // This error is more precise than that of a second folder.
            return Err(match (path.may_become_manifest(), self.manifest_path.is_some()) {
                (true, true) => TarballError::SeveralManifests,
                (true, false) if path.installed().is_none() => {
                    TarballError::ManifestPath { path: path.shown() }
                }
                _ => TarballError::OutsideTopFolder {
                    path: path.shown(),
                    folder: shorten(folder).into_owned(),
                },
            });
        }
        let claimed = match (path.installed(), kind) {
            (Some(installed), Kind::File) => self.claims.file(installed),
            (Some(installed), _) => self.claims.folder(installed),
            (None, Kind::File) if path.may_become_manifest() => Ok(()),
            (None, Kind::File) => {
                let folder = "that of a package".to_owned();
                return Err(TarballError::OutsideTopFolder { path: path.shown(), folder });
            }
            (None, _) => Ok(()),
        };
        if path.may_become_manifest() && self.manifest_path.is_some() {
            return Err(TarballError::SeveralManifests);
        }
        claimed.map_err(|clash| self.clashing(clash, path))?;
        // Folders without an entry use memory too.
        if self.claims.folder_count() > self.limits.tarball_entries.saturating_mul(8).saturating_add(1024) {
            return Err(TarballError::TooManyEntries { limit: self.limits.tarball_entries });
        }
        Ok(())
    }

    fn clashing(&self, clash: Clash, path: &EntryPath) -> TarballError {
        let other = || self.claims.claimed_before(path.installed()?);
        match clash {
            Clash::Everywhere => TarballError::Twice { path: path.shown() },
            Clash::OnSomeSystems => TarballError::SameOnSomeSystems {
                path: path.shown(),
                other: other().map(|other| shorten(&format!("{}/{other}", path.top_folder())).into_owned()),
            },
        }
    }

    fn manifest<Source: Read>(
        &mut self,
        entry: &mut Entry<'_, Source>,
        kind: Kind,
        size: u64,
        path: EntryPath,
    ) -> Result<(), TarballError> {
        if kind != Kind::File || path.is_in_manifest() {
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

    /// Looks for scripts and native code that npm runs at an install of a bundled package, and for what the package needs. An
    /// unreadable `package.json` may have a script.
    fn bundled_file<Source: Read>(
        &mut self,
        entry: &mut Entry<'_, Source>,
        path: &EntryPath,
        name: &str,
        size: u64,
    ) -> Result<(), TarballError> {
        if path.is_bundled_shrinkwrap() {
            return self.shrinkwrap(entry, size);
        }
        let has_script = if same_file_somewhere(name) != "package.json" {
            is_gyp_file(name)
        } else if size > self.limits.manifest_bytes as u64 {
            true
        } else {
            let json = header::read_whole(entry, size)?;
            match serde_json::from_slice(without_byte_order_mark(&json)) {
                Ok(manifest) => {
                    self.bundle.manifest(path, &manifest);
                    runs_at_install(&manifest)
                }
                Err(_) => true,
            }
        };
        self.contents.has_bundled_install_script |= has_script;
        Ok(())
    }

    fn shrinkwrap<Source: Read>(
        &mut self,
        entry: &mut Entry<'_, Source>,
        size: u64,
    ) -> Result<(), TarballError> {
        if size > shrinkwrap::LARGEST {
            return Err(TarballError::ShrinkwrapTooLarge { limit: shrinkwrap::LARGEST });
        }
        self.contents.shrinkwrap_origins.extend(shrinkwrap::origins(&header::read_whole(entry, size)?)?);
        Ok(())
    }

    fn root_file<Source: Read>(
        &mut self,
        entry: &mut Entry<'_, Source>,
        name: &str,
        size: u64,
    ) -> Result<(), TarballError> {
        if name == SHRINKWRAP {
            self.contents.has_shrinkwrap = true;
            return self.shrinkwrap(entry, size);
        }
        self.contents.has_gyp_file |= is_gyp_file(name);
        self.contents.has_binding_gyp |= name == "binding.gyp";
        let lower = name.to_ascii_lowercase();
        self.contents.has_license_file |=
            ["license", "unlicense"].contains(&lower.split('.').next().unwrap_or_default());
        self.readme.offer(name, entry).map_err(|error| header::corrupt(&error))
    }
}

pub(super) fn read_description<Source: Read>(entry: &mut Entry<'_, Source>) -> Result<Vec<u8>, TarballError> {
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

/// Some clients read on after the zero blocks that end an archive.
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

/// npm strips it too.
pub(super) fn without_byte_order_mark(json: &[u8]) -> &[u8] {
    json.strip_prefix("\u{feff}".as_bytes()).unwrap_or(json)
}

fn parse_manifest(bytes: &[u8]) -> Result<Map<String, Value>, TarballError> {
    let text = std::str::from_utf8(bytes).map_err(|_| TarballError::ManifestNotUtf8)?;
    let manifest = match parse_strict_json(without_byte_order_mark(text.as_bytes())) {
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
    if let Some(field) = odd_field(&manifest) {
        let is_script = field.starts_with("scripts");
        let example = if is_script { r#"{"test": "node --test"}"# } else { r#"{"left-pad": "^1.0.0"}"# };
        return Err(TarballError::ManifestField { field: shorten(&field).into_owned(), example });
    }
    Ok(manifest)
}
