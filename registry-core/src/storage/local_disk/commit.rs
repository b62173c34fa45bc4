use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::failures::Failure;
use super::folder::Folder;
use super::staged::Staged;
use super::state::{State, condition_holds, is_missing};
use super::turns::Turn;
use crate::storage::{BlobPath, PutOutcome, When};

/// How often a write recreates its folder after a delete in another shard removed it as empty.
const ATTEMPTS: usize = 100;

/// Turns the staged file into the blob at `path`, if `when` holds under the lock.
pub(super) fn put(
    folder: &Folder,
    turn: Turn,
    path: &BlobPath,
    mut staged: Staged,
    when: &When,
) -> Result<PutOutcome, Failure> {
    let target = folder.file(path);
    let lock = turn.lock(&folder.locks)?;
    let replaced = State::at(&target)?;
    if !condition_holds(when, replaced.as_ref()) {
        conflict(folder, &target, when)?;
        return Ok(PutOutcome::Conflict);
    }
    let last_deletion = lock.last_deletion()?;
    let floor = replaced.as_ref().map_or(last_deletion, |state| state.modified.max(last_deletion));
    let etag = staged.later_than(floor)?;
    if let Err(error) = place(&mut staged, &target) {
        remove_empty_parents(folder, &target);
        return Err(error.into());
    }
    // A new folder is durable only once its parent is synced, and a killed process may have created it without syncing.
    // So a new name syncs all ancestors; a replaced one already did.
    let durable =
        if replaced.is_none() { sync_ancestors(folder, &target) } else { sync_parent(folder, &target) };
    durable.map_err(Failure::After)?;
    Ok(PutOutcome::Stored(etag))
}

/// Removes the blob at `path`, and the folders that this leaves empty.
pub(super) fn delete(folder: &Folder, turn: Turn, path: &BlobPath) -> Result<(), Failure> {
    let target = folder.file(path);
    let lock = turn.lock(&folder.locks)?;
    // Opened first: once empty, the parent can be removed by another delete before it is synced.
    let parent = match target.parent().map(File::open) {
        Some(Ok(parent)) => parent,
        Some(Err(error)) if is_missing(&error) => return Ok(()),
        Some(Err(error)) => return Err(error.into()),
        None => return Ok(()),
    };
    if let Some(state) = State::at(&target)? {
        lock.record_deletion(state.modified)?;
        fs::remove_file(&target)?;
    }
    // Also if there was nothing: the process that removed it may have been killed before the sync.
    sync(folder, &parent).map_err(Failure::After)?;
    remove_empty_parents(folder, &target);
    Ok(())
}

/// Makes the blob that won a conflict durable. The writer that finds a content-addressed blob relies on it, and the
/// process that wrote it may have been killed before the sync.
pub(super) fn conflict(folder: &Folder, target: &Path, when: &When) -> io::Result<()> {
    if *when == When::Absent { sync_ancestors(folder, target) } else { Ok(()) }
}

/// Renames, and creates the missing folders above `target`. A delete may remove such an empty folder between the two
/// steps; then both are repeated.
fn place(staged: &mut Staged, target: &Path) -> io::Result<()> {
    for _ in 0..ATTEMPTS {
        match staged.place(target) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            done => return done,
        }
        match target.parent().map_or(Ok(()), fs::create_dir_all) {
            // Another write created it and a delete removed it in between. If it were a file, the rename would fail.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists) => {}
            made => made?,
        }
    }
    staged.place(target)
}

/// Removes the empty folders above `target`. The kernel refuses to remove any other, so a blob that appears in the
/// meantime is safe.
fn remove_empty_parents(folder: &Folder, target: &Path) {
    for parent in target.ancestors().skip(1).take_while(|parent| *parent != &*folder.objects) {
        if fs::remove_dir(parent).is_err() {
            return;
        }
    }
}

fn sync_parent(folder: &Folder, target: &Path) -> io::Result<()> {
    target.parent().map_or(Ok(()), |parent| sync(folder, &File::open(parent)?))
}

fn sync_ancestors(folder: &Folder, target: &Path) -> io::Result<()> {
    for parent in target.ancestors().skip(1) {
        match File::open(parent) {
            Ok(opened) => sync(folder, &opened)?,
            // Removed as empty, together with the conflicting blob.
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error),
        }
        if parent == &*folder.objects {
            break;
        }
    }
    Ok(())
}

/// Systems other than Unix make folders durable themselves, and do not permit opening them.
fn sync(folder: &Folder, opened: &File) -> io::Result<()> {
    if folder.fsync && cfg!(unix) { opened.sync_all() } else { Ok(()) }
}
