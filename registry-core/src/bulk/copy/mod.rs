//! Copies a storage to another one, object by object.
//!
//! The order makes a copy consistent even if servers write to the source meanwhile: what is written there first is copied last,
//! so that whatever a copied object relies on is copied after it. A packument relies on its tarballs and on the entry of its
//! spelling, and events in it on their markers or on the change feed. Most tarballs are copied before all else, those that came
//! in between at the end. Packages that were changed meanwhile are then copied once more, packument and tarballs together. The
//! marker of the store comes last, so a copy that was stopped is no registry.
//!
//! A copy is what damage is mended from, so it keeps what the source lost or what cannot be read there any more.

mod copying;
mod damage;
mod pairs;
mod pass;
mod record;
mod settle;
mod transfer;

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt as _, stream};

use crate::domain::PackageName;
use crate::storage::{BlobPath, BlobStore, CopyRecord, Key};

use super::{BulkError, BulkMode, BulkStream};
use copying::Copying;
use record::read_record;

const NO_MARKER: &str = "the source has no marker _registry.json: start the server on it once, which creates one, or finish \
                         the copy that it is";

/// How a storage is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyOptions {
    /// Objects that were last written before then, and that the copy has in the same length, are not read again.
    pub since: Option<DateTime<Utc>>,
    /// Whether to overwrite a finished copy that was written to since.
    pub even_if_used: bool,
    /// Whether to delete packages from the copy that the source has no trace of. A registry deletes no packument, not even that
    /// of an unpublished package, so they are lost there, or an operator freed their names.
    pub delete_packages: bool,
    /// Whether to finish the copy without the tarballs that are damaged at the source.
    pub leave_out_damaged: bool,
    /// Whether to write.
    pub mode: BulkMode,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            since: None,
            even_if_used: false,
            delete_packages: false,
            leave_out_damaged: false,
            mode: BulkMode::Apply,
        }
    }
}

/// An object of the source or of the copy, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopiedObject {
    /// Its path.
    pub path: BlobPath,
    /// Its length in bytes, as listed.
    pub bytes: u64,
    /// What became of it.
    pub outcome: CopyOutcome,
}

/// What became of an object that was to be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyOutcome {
    /// The copy has it now.
    Copied,
    /// The copy had it already.
    Unchanged,
    /// The source does not have it any more, so it was deleted from the copy.
    Deleted,
}

/// Makes `to` a copy of `from`, or brings a copy up to date. Ends early, with an error, where that would lose something.
pub fn copy_storage(
    from: Arc<dyn BlobStore>,
    to: Arc<dyn BlobStore>,
    options: CopyOptions,
) -> BulkStream<CopiedObject> {
    let begin = async move {
        match Copying::begin(from, to, options).await {
            Ok(copying) => Arc::new(copying).run(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    };
    stream::once(begin).flatten().boxed()
}

/// Fails if [`copy_storage`] would refuse the source. Writes nothing, so that a caller may ask before it opens the target.
pub async fn check_copy_source(from: &dyn BlobStore) -> Result<(), BulkError> {
    identify(from).await.map(drop)
}

fn refused(reason: &str) -> BulkError {
    BulkError::NoCopy { reason: reason.to_owned() }
}

/// Returns the marker of the source, and the record of an unfinished copy of it.
async fn identify(from: &dyn BlobStore) -> Result<(Bytes, CopyRecord), BulkError> {
    let marker = path(Key::Marker)?;
    let found = from.get(&marker).await.map_err(BulkError::of_object(&marker))?;
    let marker = found.ok_or_else(|| refused(NO_MARKER))?.bytes;
    let record = CopyRecord::of_marker(&marker)
        .ok_or_else(|| refused("the marker _registry.json of the source cannot be read"))?;
    if read_record(from).await?.is_some_and(|record| !record.is_finished) {
        return Err(refused("the source is itself a copy that did not come to its end: finish it first"));
    }
    Ok((marker, record))
}

/// Returns where the packument of a package may be.
fn packument_paths(name: &PackageName) -> Result<[BlobPath; 2], BulkError> {
    Ok([path(Key::Packument(name))?, path(Key::PlainPackument(name))?])
}

fn path(key: Key<'_>) -> Result<BlobPath, BulkError> {
    key.path().map_err(|error| BulkError::Packages(error.into()))
}
