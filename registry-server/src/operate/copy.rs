//! `copy`: makes one storage a copy of another, as a backup, a restore or a move.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt as _;
use indicatif::HumanBytes;
use registry_core::bulk::{CopyOptions, CopyOutcome, check_copy_source, copy_storage};
use registry_core::clock::{Clock as _, SystemClock};
use registry_core::settings::{StorageSettings, StorageUrl, Trial, open_existing_store, open_store};
use registry_core::storage::{BlobStore, ObjectStoreBlobs, ReadOnly};
use serde::Serialize;

use crate::audit::parse_moment;
use crate::command_line::{CopyStorage, Overrides};
use crate::run::refuse_memory;

use super::bulk::{Tally, count, mode, run, say};
#[cfg(unix)]
use super::doctor::mode_of_content;
use super::session::load;

#[derive(Default, Serialize)]
struct Totals {
    copied: u64,
    bytes: u64,
    unchanged: u64,
    deleted: u64,
    #[serde(rename = "dry-run")]
    is_dry_run: bool,
}

#[derive(Serialize)]
struct Deletion<'a> {
    path: &'a str,
    outcome: &'static str,
}

/// Copies what the target does not have yet, and deletes from it what the source does not have any more.
pub(crate) fn copy(overrides: &Overrides, request: &CopyStorage) -> anyhow::Result<()> {
    let settings = load(overrides)?;
    let since = request.since.as_deref().map(|text| parse_moment(text, SystemClock.now())).transpose()?;
    refuse_overlap(&request.from, &request.to)?;
    let configured = &settings.registry.storage;
    let from = settings_for(&request.from, configured);
    // A restore begins the registry there.
    let to = StorageSettings { must_exist: false, ..settings_for(&request.to, configured) };
    refuse_memory(&from)?;
    refuse_memory(&to)?;
    run(&settings, async {
        let mut options = CopyOptions::default();
        options.since = since;
        options.even_if_used = request.even_if_used;
        options.delete_packages = request.delete_packages;
        options.leave_out_damaged = request.leave_out_damaged;
        options.mode = mode(request.dry_run);
        let source = Arc::new(ReadOnly::new(open_existing_store(&from, Trial::Never).await?));
        // Before the target, which is created when it is opened.
        check_copy_source(source.as_ref()).await?;
        let target = open_target(&to, request.dry_run).await?;
        warn_of_readers(&to.url);
        let mut tally = Tally::begin("copying", None);
        let mut totals = Totals { is_dry_run: request.dry_run, ..Totals::default() };
        let mut objects = copy_storage(source, target, options);
        while let Some(object) = objects.next().await {
            let Some(object) = tally.step(object)? else { continue };
            match object.outcome {
                CopyOutcome::Copied => {
                    totals.copied += 1;
                    totals.bytes += object.bytes;
                }
                CopyOutcome::Deleted => {
                    totals.deleted += 1;
                    let path = object.path.as_str();
                    let verb = if request.dry_run { "would be deleted" } else { "was deleted" };
                    let text = format!("{path} {verb}: the source does not have it any more");
                    tally.show(&Deletion { path, outcome: "deleted" }, &text)?;
                }
                _ => totals.unchanged += 1,
            }
        }
        let text = totals.text(&request.to);
        tally.finish(totals, &text)
    })
}

/// The options of `[storage]` belong to the storage that it names; another one takes its settings from the environment.
fn settings_for(url: &StorageUrl, configured: &StorageSettings) -> StorageSettings {
    if *url == configured.url {
        return configured.clone();
    }
    StorageSettings { url: url.clone(), ..StorageSettings::default() }
}

/// A dry run creates no folder, and writes no probe.
async fn open_target(settings: &StorageSettings, is_dry_run: bool) -> anyhow::Result<Arc<dyn BlobStore>> {
    match &settings.url {
        StorageUrl::Folder(folder) if is_dry_run && !folder.exists() => {
            Ok(Arc::new(ObjectStoreBlobs::in_memory()))
        }
        _ => Ok(open_store(settings, if is_dry_run { Trial::Never } else { Trial::Always }).await?),
    }
}

/// Warns of a folder in which every user of the machine could read accounts: one that is made now is private, and one that was
/// there before may not be.
fn warn_of_readers(url: &StorageUrl) {
    #[cfg(unix)]
    if let StorageUrl::Folder(folder) = url
        && mode_of_content(folder).is_some_and(|mode| mode & 0o007 != 0)
    {
        let folder = folder.display();
        say(&format!(
            "WARNING: every user of this machine may enter {folder}, and read the accounts and private packages that are copied \
             there: run chmod 700 {folder}"
        ));
    }
    #[cfg(not(unix))]
    let _ = url;
}

/// A copy within its source would be copied itself.
fn refuse_overlap(from: &StorageUrl, to: &StorageUrl) -> anyhow::Result<()> {
    let (Some(from_place), Some(to_place)) = (place(from)?, place(to)?) else { return Ok(()) };
    if from_place.starts_with(&to_place) || to_place.starts_with(&from_place) {
        anyhow::bail!("one of {from} and {to} lies within the other: name two places apart");
    }
    Ok(())
}

/// Where a storage is, so that one within another begins with its place.
fn place(url: &StorageUrl) -> anyhow::Result<Option<PathBuf>> {
    Ok(match url {
        StorageUrl::Folder(folder) => Some(real_path(&std::path::absolute(folder)?)),
        StorageUrl::Bucket(bucket) => {
            let host = bucket.host_str().unwrap_or_default();
            Some(Path::new(&format!("{}:{host}", bucket.scheme())).join(bucket.path().trim_matches('/')))
        }
        _ => None,
    })
}

/// Resolves links and `..`, in the part of the path that exists.
fn real_path(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.components().next_back()) {
        (Some(parent), Some(Component::Normal(name))) => real_path(parent).join(name),
        (Some(parent), Some(Component::ParentDir)) => {
            let mut parent = real_path(parent);
            parent.pop();
            parent
        }
        _ => path.to_owned(),
    }
}

impl Totals {
    fn text(&self, to: &StorageUrl) -> String {
        let (verb, deleted) =
            if self.is_dry_run { ("would be copied", "would be deleted") } else { ("copied", "deleted") };
        let (objects, bytes) = (count(self.copied, "object"), HumanBytes(self.bytes));
        format!(
            "{objects} ({bytes}) {verb} to {to}, {} unchanged, {} {deleted}",
            self.unchanged, self.deleted
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(from: &str, to: &str) -> bool {
        refuse_overlap(&from.parse().unwrap(), &to.parse().unwrap()).is_err()
    }

    #[test]
    fn a_storage_within_the_other_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::os::unix::fs::symlink(&data, folder.path().join("link")).unwrap();
        let file = |path: &str| format!("file:{}/{path}", folder.path().display());
        for (from, to) in [
            ("data", "data"),
            ("data", "data/copy"),
            ("data", "link/copy"),
            ("data/copy", "data"),
            ("data", "other/../data"),
        ] {
            assert!(refused(&file(from), &file(to)), "{from} {to}");
        }
        assert!(!refused(&file("data"), &file("data-2")));
        assert!(!refused(&file("data"), &file("copy")));
        assert!(refused("s3://packages", "s3://packages/backup"));
        assert!(refused("s3://packages/a/", "s3://packages/a"));
        assert!(!refused("s3://packages/a", "s3://packages/ab"));
        assert!(!refused("s3://packages", "gs://packages"));
    }
}
