use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Lets `fill` make the content of `folder` unless `find` finds what it looks for, and answers what it then finds.
///
/// Many tests and test processes may ask at once, and one of them fills. The folder appears under its name only when
/// it is complete, so that an install that was killed leaves no half of one.
pub(crate) fn install_once<Found>(
    folder: &Path,
    find: impl Fn() -> Option<Found>,
    fill: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<Option<Found>, String> {
    if let Some(found) = find() {
        return Ok(Some(found));
    }
    let failed = |error: io::Error| format!("cannot prepare {}: {error}", folder.display());
    fs::create_dir_all(folder.parent().unwrap_or(folder)).map_err(failed)?;
    let lock = File::create(folder.with_added_extension("lock")).map_err(failed)?;
    // Held until this function ends. Another process may have finished the install by the time it is ours.
    lock.lock().map_err(failed)?;
    if let Some(found) = find() {
        return Ok(Some(found));
    }
    let unfinished = folder.with_added_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(failed)?;
    }
    fs::create_dir_all(&unfinished).map_err(failed)?;
    fill(&unfinished)?;
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    fs::rename(&unfinished, folder).map_err(failed)?;
    Ok(find())
}
