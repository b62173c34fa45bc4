//! `remove-storage`: deletes everything in a storage, after a question.

use std::io::{self, BufRead, IsTerminal as _, Write};
use std::path::Path;

use anyhow::Context as _;
use futures::StreamExt as _;
use indicatif::HumanBytes;
use registry_core::Registry;
use registry_core::bulk::{BulkMode, StorageInventory};
use registry_core::clock::{Clock as _, SystemClock};
use registry_core::settings::{StorageSettings, StorageUrl, Trial, open_store};
use serde::Serialize;

use crate::accounts::timestamp;
use crate::command_line::{Overrides, RemoveStorage};

use super::bulk::{Tally, count, open, run, say};
use super::session::load;

#[derive(Serialize)]
struct FolderRecord<'a> {
    folder: &'a str,
    objects: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Found {
    objects: u64,
    bytes: u64,
    #[serde(rename = "dry-run")]
    is_dry_run: bool,
}

#[derive(Serialize)]
struct Totals {
    deleted: u64,
    versions: u64,
}

/// Lists what would be deleted, asks, and deletes it.
pub(crate) fn remove_storage(overrides: &Overrides, request: &RemoveStorage) -> anyhow::Result<()> {
    let settings = load(overrides)?;
    let storage = &settings.registry.storage;
    run(&settings, async {
        // Not probed: the trace of a probe would be that of a process that uses the storage.
        let registry = open_whatever_is_left(storage).await?;
        let inventory = registry.inventory().await?;
        let total = inventory.total();
        let counted = Tally::begin("counting", None);
        let width = inventory.folders.keys().map(|folder| folder.chars().count()).max().unwrap_or_default();
        for (folder, size) in &inventory.folders {
            let record = FolderRecord { folder, objects: size.objects, bytes: size.bytes };
            let (objects, bytes) = (count(size.objects, "object"), HumanBytes(size.bytes).to_string());
            counted.show(&record, &format!("{folder:width$}  {objects:>14}  {bytes:>12}"))?;
        }
        let (objects, bytes) = (count(total.objects, "object"), HumanBytes(total.bytes));
        let found = Found { objects: total.objects, bytes: total.bytes, is_dry_run: request.dry_run };
        counted.finish(found, &format!("{objects}, {bytes} in {}", storage.url))?;
        if request.dry_run {
            return Ok(());
        }
        refuse_used(&inventory, request)?;
        confirm(&storage.url, request)?;
        // Begun after the question, which the bar would draw over.
        let mut tally = Tally::begin("deleting", Some(total.objects));
        let mut deleted = 0;
        let mut objects = registry.remove_objects();
        while let Some(object) = objects.next().await {
            deleted += u64::from(tally.step(object)?.is_some());
        }
        let versions = remove_versions(storage, &mut tally).await?;
        say(&what_is_left(&storage.url));
        // The marker is deleted whether it is there or not.
        let totals = Totals { deleted: deleted.min(total.objects), versions };
        tally.finish(&totals, &totals.text(&storage.url))
    })
}

/// Opens a bucket even if no object is left in it: a command that was killed may have left old versions. A folder must be that
/// of a registry, because opening creates it.
async fn open_whatever_is_left(storage: &StorageSettings) -> anyhow::Result<Registry> {
    match storage.url {
        StorageUrl::Bucket(_) => Ok(Registry::builder(open_store(storage, Trial::Never).await?).build()),
        _ => open(storage, BulkMode::DryRun).await,
    }
}

/// Deletes the old versions that a bucket of S3 keeps, and returns their number.
#[cfg(feature = "aws")]
async fn remove_versions(storage: &StorageSettings, tally: &mut Tally) -> anyhow::Result<u64> {
    let Some(versions) = registry_core::settings::storage_versions(storage)? else { return Ok(0) };
    let mut deleted = 0;
    let mut keys = versions.remove_all();
    while let Some(key) = keys.next().await {
        deleted += u64::from(tally.step(key)?.is_some());
    }
    Ok(deleted)
}

#[cfg(not(feature = "aws"))]
async fn remove_versions(_: &StorageSettings, _: &mut Tally) -> anyhow::Result<u64> {
    Ok(0)
}

impl Totals {
    fn text(&self, storage: &StorageUrl) -> String {
        let objects = count(self.deleted, "object");
        match self.versions {
            0 => format!("{objects} deleted from {storage}"),
            versions => format!("{objects} and {} deleted from {storage}", count(versions, "old version")),
        }
    }
}

fn refuse_used(inventory: &StorageInventory, request: &RemoveStorage) -> anyhow::Result<()> {
    if request.even_if_used || !inventory.seems_used(SystemClock.now()) {
        return Ok(());
    }
    let last = inventory.last_write.map(timestamp).unwrap_or_default();
    anyhow::bail!(
        "a process seems to use the storage, which was last written at {last}: stop every server on it, and wait 10 minutes, \
         or add --even-if-used"
    )
}

/// Makes sure that the operator means this storage.
fn confirm(storage: &StorageUrl, request: &RemoveStorage) -> anyhow::Result<()> {
    let name = name_of(storage)?;
    if let Some(given) = &request.yes {
        return require_name(&name, given);
    }
    if !io::stdin().is_terminal() {
        anyhow::bail!("stdin is not a terminal, so there is no question: name the storage with --yes {name}");
    }
    ask(&name, storage, &mut io::stdin().lock(), &mut io::stderr().lock())
}

fn ask(
    name: &str,
    storage: &StorageUrl,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> anyhow::Result<()> {
    write!(output, "Type {name} to delete everything in {storage} for ever: ")
        .and_then(|()| output.flush())
        .context("cannot ask on stderr")?;
    let mut answer = String::new();
    input.read_line(&mut answer).context("cannot read the answer")?;
    require_name(name, answer.trim())
}

fn require_name(name: &str, given: &str) -> anyhow::Result<()> {
    if given == name {
        return Ok(());
    }
    anyhow::bail!("{given:?} is not the name of the storage, which is {name}: nothing was deleted")
}

/// Returns the last part of a folder's path, or the bucket with its prefix.
fn name_of(storage: &StorageUrl) -> anyhow::Result<String> {
    match storage {
        StorageUrl::Folder(folder) => folder_name(folder),
        StorageUrl::Bucket(url) => {
            let bucket = url.host_str().unwrap_or_default();
            Ok(format!("{bucket}{}", url.path().trim_end_matches('/')))
        }
        other => Ok(other.to_string()),
    }
}

fn folder_name(folder: &Path) -> anyhow::Result<String> {
    let absolute = folder.canonicalize().with_context(|| format!("cannot read {}", folder.display()))?;
    let name = absolute.file_name().unwrap_or(absolute.as_os_str());
    Ok(name.to_string_lossy().into_owned())
}

/// Says what the store's client cannot delete, and how the operator can.
fn what_is_left(storage: &StorageUrl) -> String {
    match storage {
        StorageUrl::Bucket(url) if url.scheme() == "s3" => {
            let bucket = url.host_str().unwrap_or_default();
            let prefix = url.path().trim_matches('/');
            let of_prefix = if prefix.is_empty() { String::new() } else { format!(" --prefix {prefix}/") };
            format!(
                "the bucket stays: `aws s3api list-object-versions --bucket {bucket}{of_prefix}` lists what is left in it, \
                 and `aws s3 rb s3://{bucket}` removes it"
            )
        }
        StorageUrl::Bucket(url) if url.scheme() == "gs" => {
            let bucket = url.host_str().unwrap_or_default();
            format!(
                "old versions stay where the bucket keeps them: `gcloud storage rm --recursive --all-versions {url}` deletes \
                 them; then `gcloud storage buckets delete gs://{bucket}` removes the bucket"
            )
        }
        StorageUrl::Bucket(url) => {
            let container = url.host_str().unwrap_or_default();
            format!(
                "old versions and snapshots stay where the account keeps them; `az storage container delete --name \
                 {container}` removes the container"
            )
        }
        storage => format!("the empty folders of {storage} stay: remove them with rm -r"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(answer: &str) -> (Result<(), String>, String) {
        let storage: StorageUrl = "file:/srv/registry".parse().unwrap();
        let mut asked = Vec::new();
        let outcome = ask("registry", &storage, &mut answer.as_bytes(), &mut asked);
        (outcome.map_err(|error| error.to_string()), String::from_utf8(asked).unwrap())
    }

    #[test]
    fn only_the_name_of_the_storage_confirms() {
        let (outcome, asked) = answered("registry\n");
        assert_eq!(outcome, Ok(()));
        assert_eq!(asked, "Type registry to delete everything in file:/srv/registry for ever: ");
        for wrong in ["", "\n", "y\n", "yes\n", "Registry\n", "/srv/registry\n"] {
            let refused = answered(wrong).0.unwrap_err();
            assert!(
                refused.ends_with("is not the name of the storage, which is registry: nothing was deleted")
            );
        }
    }

    #[test]
    fn a_bucket_is_named_with_its_prefix() {
        for (url, name) in [("s3://packages", "packages"), ("s3://packages/team/", "packages/team")] {
            let storage = StorageUrl::Bucket(url.parse().unwrap());
            assert_eq!(name_of(&storage).unwrap(), name);
        }
        let left = what_is_left(&StorageUrl::Bucket("s3://packages/team".parse().unwrap()));
        assert!(left.contains("list-object-versions --bucket packages --prefix team/`"), "{left}");
    }
}
