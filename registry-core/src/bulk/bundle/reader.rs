use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha512};

use crate::concurrency::compute_elsewhere;
use crate::domain::Integrity;
use crate::signing::{KeyId, PublicKey};

use super::BundleError;
use super::archive::{BLOCK, END, MANIFEST, SIGNATURE, taken};
use super::blocks::Blocks;
use super::manifest::{BundleBase, BundleManifest, FileEntry};

/// The largest `bundle.json` in bytes: that of more than 200,000 versions.
const MOST_MANIFEST: u64 = 64 << 20;
/// The largest `bundle.json.sig` in bytes.
const MOST_SIGNATURE: u64 = 4 << 10;
/// How much of a file is read at once.
const CHUNK: u64 = 1 << 20;

/// `bundle.json.sig`. The key is in it so that its id is enough to know it by.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BundleSignature {
    pub(super) keyid: KeyId,
    /// The base64 of the public key.
    pub(super) key: String,
    /// The base64 of the signature of `bundle.json`.
    pub(super) sig: String,
}

/// A bundle whose manifest a trusted key signed, and whose length is right. Cheap to clone.
#[derive(Clone)]
pub struct Bundle {
    pub(super) inner: Arc<Opened>,
}

/// A bundle of which every byte was compared with its manifest. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CheckedBundle(pub(super) Bundle);

pub(super) struct Opened {
    path: PathBuf,
    file: Mutex<File>,
    pub(super) manifest: BundleManifest,
    integrity: Integrity,
    key: KeyId,
    /// Where the files begin.
    files: u64,
    /// Path → where it begins after its header.
    places: HashMap<String, u64>,
}

impl Bundle {
    /// Opens a bundle that one of the `trusted` keys signed. Reads its manifest, and nothing else of it. Must be called
    /// within a Tokio runtime.
    pub async fn open(path: &Path, trusted: &[KeyId]) -> Result<Self, BundleError> {
        let (path, trusted) = (path.to_owned(), trusted.to_vec());
        elsewhere(move || Opened::open(path, &trusted)).await.map(|opened| Self { inner: Arc::new(opened) })
    }

    /// Compares every byte with the manifest. Takes as much memory for a bundle of any size.
    pub async fn check(self) -> Result<CheckedBundle, BundleError> {
        let inner = Arc::clone(&self.inner);
        elsewhere(move || inner.check()).await?;
        Ok(CheckedBundle(self))
    }

    /// How many packages it is about.
    pub fn packages(&self) -> u64 {
        self.inner.manifest.packages.len() as u64
    }

    /// When it was made.
    pub fn created(&self) -> DateTime<Utc> {
        self.inner.manifest.created
    }

    /// The key that signed it.
    pub fn key(&self) -> &KeyId {
        &self.inner.key
    }

    /// What an increment to this bundle says of it.
    pub(super) fn as_base(&self) -> BundleBase {
        let file = self.inner.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        BundleBase { file, created: self.created(), integrity: self.inner.integrity.clone() }
    }

    /// Reads a file that the archive has. It may have been changed since it was checked, so its digest decides again.
    pub(super) fn stream(&self, file: FileEntry) -> BoxStream<'static, Result<Bytes, BundleError>> {
        let reading = Reading { opened: Arc::clone(&self.inner), file, read: 0, hash: Sha512::new() };
        stream::try_unfold(reading, |mut reading| async move {
            elsewhere(move || Ok(reading.next()?.map(|chunk| (chunk, reading)))).await
        })
        .boxed()
    }

    /// Reads a file that the archive has into memory.
    pub(super) async fn read(&self, file: &FileEntry) -> Result<Bytes, BundleError> {
        let chunks: Vec<Bytes> = self.stream(file.clone()).try_collect().await?;
        Ok(chunks.concat().into())
    }
}

/// Does work with files on a blocking thread.
pub(super) async fn elsewhere<Done: Send + 'static>(
    work: impl FnOnce() -> Result<Done, BundleError> + Send + 'static,
) -> Result<Done, BundleError> {
    compute_elsewhere(work).await.map_err(|_| BundleError::BrokeOff)?
}

impl Opened {
    fn open(path: PathBuf, trusted: &[KeyId]) -> Result<Self, BundleError> {
        let file = File::open(&path).map_err(BundleError::reading(&path))?;
        let mut blocks = Blocks::of(&path, &file)?;
        let other = |reason| BundleError::NotABundle { reason };
        if blocks.length() < BLOCK {
            return Err(other("it is shorter than the smallest bundle"));
        }
        let size = blocks.size_of(MANIFEST)?.ok_or(other("it does not begin with bundle.json"))?;
        if size > MOST_MANIFEST {
            return Err(other("its bundle.json is larger than 64 MiB"));
        }
        let json = blocks.bytes(size)?;
        let at = blocks.at();
        let size = blocks.size_of(SIGNATURE)?.filter(|size| *size <= MOST_SIGNATURE);
        let size = size.ok_or_else(|| BundleError::Damaged {
            at,
            found: format!("the header of {SIGNATURE} was changed"),
        })?;
        let key = verify(&json, &blocks.bytes(size)?, trusted)?;
        let manifest = BundleManifest::parse(&json)?;
        let files = blocks.at();
        let (places, end) = places(&manifest, files)?;
        let length = blocks.length();
        if length != end {
            return Err(if length < end {
                BundleError::Truncated { length, expected: end }
            } else {
                BundleError::TooLong { length, expected: end }
            });
        }
        let integrity = Integrity::of(&json);
        Ok(Self { path, file: Mutex::new(file), manifest, integrity, key, files, places })
    }

    fn check(&self) -> Result<(), BundleError> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut blocks = Blocks::of(&self.path, &file)?;
        blocks.skip_to(self.files)?;
        for (path, file) in self.manifest.held_files() {
            blocks.file(path, file)?;
        }
        blocks.end()
    }

    /// Reads a part of the file.
    fn part(&self, at: u64, length: u64) -> Result<Vec<u8>, BundleError> {
        let mut bytes = Vec::new();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(at)).map_err(BundleError::reading(&self.path))?;
        (&mut *file).take(length).read_to_end(&mut bytes).map_err(BundleError::reading(&self.path))?;
        Ok(bytes)
    }
}

/// A file of the archive that is read in chunks.
struct Reading {
    opened: Arc<Opened>,
    file: FileEntry,
    read: u64,
    hash: Sha512,
}

impl Reading {
    /// Returns the next chunk, or an error in place of the end if the bytes have another digest.
    fn next(&mut self) -> Result<Option<Bytes>, BundleError> {
        let path = self.file.path.as_deref().unwrap_or_default();
        let gone = || BundleError::Manifest { reason: format!("the archive has no {path:?}") };
        let at = *self.opened.places.get(path).ok_or_else(gone)?;
        let chunk = self.opened.part(at + self.read, CHUNK.min(self.file.size - self.read))?;
        if !chunk.is_empty() {
            self.hash.update(&chunk);
            self.read += chunk.len() as u64;
            return Ok(Some(chunk.into()));
        }
        if self.hash.finalize_reset()[..] == self.file.integrity.sha512()[..] {
            return Ok(None);
        }
        Err(BundleError::Damaged { at, found: format!("{path} has another digest") })
    }
}

/// Returns the trusted key that signed the manifest.
fn verify(json: &[u8], signature: &[u8], trusted: &[KeyId]) -> Result<KeyId, BundleError> {
    let signature: BundleSignature = serde_json::from_slice(signature).map_err(|_| BundleError::Signature)?;
    let key = PublicKey::from_base64(&signature.key).map_err(|_| BundleError::Signature)?;
    let id = key.id();
    if id != signature.keyid {
        return Err(BundleError::Signature);
    }
    if !trusted.contains(&id) {
        return Err(BundleError::Untrusted { id });
    }
    let sig = STANDARD.decode(&signature.sig).map_err(|_| BundleError::Signature)?;
    if key.verifies(json, &sig) { Ok(id) } else { Err(BundleError::Signature) }
}

/// Returns where each file begins, and the length of the archive.
fn places(manifest: &BundleManifest, first: u64) -> Result<(HashMap<String, u64>, u64), BundleError> {
    let too_large = || BundleError::Manifest { reason: "its files are larger than any archive".to_owned() };
    let (mut places, mut at) = (HashMap::new(), first);
    for (path, file) in manifest.held_files() {
        places.insert(path.to_owned(), at.checked_add(BLOCK).ok_or_else(too_large)?);
        at = taken(file.size).and_then(|taken| at.checked_add(taken)).ok_or_else(too_large)?;
    }
    Ok((places, at.checked_add(END).ok_or_else(too_large)?))
}

impl fmt::Debug for Bundle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Bundle").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

/// What the audit log says that the packages came from.
impl fmt::Display for Bundle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "bundle of {} by {}", crate::clock::timestamp(self.created()), self.inner.key)
    }
}
